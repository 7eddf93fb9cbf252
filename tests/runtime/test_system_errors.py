"""Errors of the system in the midst of serving (R56): they are that operation's, and nothing else notices."""

import contextlib
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.admin.api import Api, api_of
from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.load import Load
from tests.servers.origin import Origin

STRACE = shutil.which("strace") or ""
ROUTES = "/api/v1/resources/route"
pytestmark = pytest.mark.skipif(not STRACE, reason="strace is not there, which makes calls fail")


@contextmanager
def failing(pid: int, calls: str, error: str, log: Path, file: Path | None = None) -> Iterator[None]:
    """Let a process's calls of some kinds fail, all of them or those for one file; one at least must be made."""
    inject = f"inject={calls}:error={error}"
    words = [STRACE, "-f", "-qq", "-o", str(log), "-e", f"trace={calls}", "-e", inject, "-p", str(pid)]
    words += ["-P", str(file)] if file else []
    with subprocess.Popen(words, stderr=subprocess.PIPE) as tracer:
        try:
            wait_until(lambda: is_traced(pid, tracer))
            yield
        finally:
            tracer.terminate()
            tracer.wait(10)
    assert "(INJECTED)" in log.read_text(), "no such call was made"


def is_traced(pid: int, tracer: "subprocess.Popen[bytes]") -> bool:
    """Whether every thread of a process is followed by the tracer."""
    if tracer.poll() is not None:
        said = tracer.stderr.read().decode() if tracer.stderr else ""
        pytest.skip(f"calls cannot be made to fail here: {said}")
    states = (task / "status" for task in Path(f"/proc/{pid}/task").iterdir())
    return all(f"TracerPid:\t{tracer.pid}\n" in state.read_text() for state in states)


def route(body: str) -> dict[str, object]:
    steps = [{"kind": "Respond", "status": 200, "body": body}]
    return {"kind": "Route", "name": "own", "path": "/own", "steps": steps}


def put(api: Api, body: str) -> int:
    return api.ask("PUT", f"{ROUTES}/own", route(body)).status


def answered(port: int, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=15) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as problem:
        with problem:
            return problem.code, problem.read()


DISK = [("fsync,fdatasync", "EIO"), ("pwrite64,write", "EIO"), ("pwrite64", "EROFS"), ("pwrite64,ftruncate", "ENOSPC")]


@pytest.mark.parametrize(("calls", "error"), DISK)
def test_r56_a_disk_that_fails_refuses_the_write_that_came_to_it_and_no_other(
    tmp_path: Path, calls: str, error: str
) -> None:
    with (
        Origin() as origin,
        GatewayProcess(forwarding(origin.url), "--admin", "127.0.0.1:0", workers=1) as gateway,
        Load(gateway.port(), kept=2) as load,
    ):
        api, port = api_of(gateway), gateway.port()
        assert put(api, "before") in {200, 201}
        assert answered(port, "/own") == (200, b"before")
        with failing(gateway.owner(), calls, error, tmp_path / "calls"):
            assert put(api, "meanwhile") >= 500
            # What files say needs no store to be applied.
            gateway.write(forwarding(origin.url, mark="later"))
            assert answered(port, "/load")[0] == 200
        wait_until(lambda: put(api, "after") in {200, 201}, 30)
        wait_until(lambda: answered(port, "/own") == (200, b"after"))
        wait_until(lambda: load.losses.answered > 50)
        assert (gateway.status()["restarts"], gateway.process and gateway.process.poll()) == (0, None)
    assert (load.losses.lost, load.losses.closed, load.losses.dropped) == ([], 0, 0)


@pytest.mark.parametrize("error", ["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS"])
def test_r56_an_accept_that_fails_leaves_the_client_waiting_and_those_that_are_there_served(
    tmp_path: Path, error: str
) -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url), workers=1) as gateway:
        (worker,) = gateway.worker_pids()
        with Load(gateway.port(), kept=2, fresh=0) as kept:
            wait_until(lambda: kept.losses.answered > 10)
            with Load(gateway.port(), kept=0, fresh=1) as fresh:
                wait_until(lambda: fresh.losses.answered > 3)
                with failing(worker, "accept4", error, tmp_path / "calls"):
                    before = kept.losses.answered
                    wait_until(lambda: kept.losses.answered > before + 30)
                    wait_until(lambda: "(INJECTED)" in (tmp_path / "calls").read_text())
                # It tries again after pauses, and not all the time.
                assert (tmp_path / "calls").read_text().count("INJECTED") < 2000
                before = fresh.losses.answered
                wait_until(lambda: fresh.losses.answered > before + 3)
        for load in (kept, fresh):
            assert (load.losses.lost, load.losses.closed, load.losses.dropped) == ([], 0, 0)
        assert (gateway.status()["restarts"], gateway.worker_pids()) == (0, [worker])


@pytest.mark.parametrize("error", ["EMFILE", "ENOMEM", "EIO"])
def test_r56_a_connection_to_an_endpoint_that_cannot_be_made_is_that_requests_alone(tmp_path: Path, error: str) -> None:
    own = "\n---\nkind: Route\nname: own\npath: /own\nsteps: [{kind: Respond, status: 200, body: fine}]\n"
    with Origin() as origin, GatewayProcess(forwarding(origin.url) + own, workers=1) as gateway:
        (worker,), port = gateway.worker_pids(), gateway.port()
        with Load(port, kept=2, path="/own") as load:
            with failing(worker, "connect,socket", error, tmp_path / "calls"):
                status, _ = answered(port, "/load")
                assert status in {502, 503, 504}
            wait_until(lambda: answered(port, "/load") == (200, b"/load"))
        assert (load.losses.lost, load.losses.closed, load.losses.dropped) == ([], 0, 0)
        assert (gateway.status()["restarts"], gateway.worker_pids()) == (0, [worker])


@pytest.mark.parametrize("error", ["EIO", "EROFS", "ENOSPC"])
def test_r56_a_log_that_cannot_be_written_costs_its_lines_alone(tmp_path: Path, error: str) -> None:
    log = tmp_path / "access.log"
    telemetry = f"\n---\nkind: Telemetry\nname: default\naccess_log: {{path: {log}}}\n"
    with Origin() as origin, GatewayProcess(forwarding(origin.url) + telemetry, workers=1) as gateway:
        (worker,) = gateway.worker_pids()
        with Load(gateway.port(), kept=2) as load:
            with failing(worker, "write,writev", error, tmp_path / "calls", log):
                wait_until(lambda: gateway.status()["log_lines_dropped"] > 0, 20)
            size = log.stat().st_size
            wait_until(lambda: log.stat().st_size > size, 20)
        assert (load.losses.lost, load.losses.closed, load.losses.dropped) == ([], 0, 0)
        assert (gateway.status()["restarts"], gateway.worker_pids()) == (0, [worker])


@pytest.mark.parametrize("error", ["EMFILE", "EIO", "ENOMEM"])
def test_r56_files_that_cannot_be_opened_are_a_configuration_that_is_not_applied(tmp_path: Path, error: str) -> None:
    with (
        Origin() as origin,
        GatewayProcess(forwarding(origin.url), "--no-watch", workers=1) as gateway,
        Load(gateway.port(), kept=2) as load,
    ):
        gateway.write(forwarding(origin.url, mark="later"))
        with failing(gateway.owner(), "openat,open", error, tmp_path / "calls"), contextlib.suppress(AssertionError):
            assert gateway.reload().returncode == 1
        wait_until(lambda: gateway.reload().returncode == 0)
        wait_until(lambda: gateway.status()["revision"] == 2)
        assert (gateway.status()["restarts"], gateway.process and gateway.process.poll()) == (0, None)
    assert (load.losses.lost, load.losses.closed, load.losses.dropped) == ([], 0, 0)
