"""The access log when its disk is full, its reader stands still, or it is rotated (R53)."""

import json
import os
import re
import select
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.origin import Origin
from tests.servers.requests import ask_many

MOUNTED = ("unshare", "--mount", "sh", "-c")


def logging_to(path: str, to: str) -> str:
    return f"{forwarding(to)}---\nkind: Telemetry\nname: default\naccess_log: {{path: {path}}}\n"


def dropped(gateway: GatewayProcess) -> int:
    found = re.search(r"^penstock_log_lines_dropped_total (\d+)", str(gateway.ask("GET", "/metrics")[1]), re.MULTILINE)
    assert found is not None
    return int(found[1])


def whole_lines(path: Path) -> list[str]:
    """Paths of the requests of all lines that are whole; at most one in a file may be torn."""
    found, torn = [], 0
    for line in path.read_text().splitlines():
        try:
            found.append(str(json.loads(line)["path"]))
        except ValueError:
            torn += 1
    assert torn <= 1
    return found


def test_r53_a_full_disk_costs_lines_that_are_counted_and_recovers() -> None:
    gateway = GatewayProcess("", workers=1)
    disk = gateway.folder / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o size=64k none {disk} && exec "$0" "$@"'
    if subprocess.run([*MOUNTED, mount, "true"], check=False, capture_output=True).returncode:
        gateway.__exit__()
        pytest.skip("no file system can be mounted here")
    with Origin() as origin:
        gateway.write(logging_to(f"{disk}/access.log", origin.url))
        gateway.before = (*MOUNTED, mount)
        with gateway:
            # The file system is the gateway's own; this is the way into it.
            inside = Path(f"/proc/{gateway.worker_pids()[0]}/root{disk}")
            filler = inside / "filler"
            filler.write_bytes(b"x" * 32 * 1024)
            assert ask_many(gateway.port(), "/full", 300) == {200: 300}
            wait_until(lambda: dropped(gateway) > 0)
            wait_until(lambda: len(whole_lines(inside / "access.log")) + dropped(gateway) in {300, 301})
            assert "lines are dropped" in gateway.said
            told = gateway.command("status", "--state-dir", str(gateway.state.path)).stdout
            assert f"{dropped(gateway)} log lines dropped" in told
            filler.unlink()
            assert ask_many(gateway.port(), "/free", 20) == {200: 20}
            wait_until(lambda: whole_lines(inside / "access.log").count("/free") == 20)
            wait_until(lambda: "written again" in gateway.said)


def test_r53_a_log_that_takes_nothing_costs_lines_and_is_opened_again_where_it_leads_later() -> None:
    with Origin() as origin:
        gateway = GatewayProcess("", workers=2)
        link, log = gateway.folder / "access.log", gateway.folder / "real.log"
        link.symlink_to("/dev/full")
        gateway.write(logging_to(str(link), origin.url))
        with gateway:
            assert ask_many(gateway.port(), "/full", 50) == {200: 50}
            wait_until(lambda: dropped(gateway) == 50)
            beside = gateway.folder / "new"
            beside.symlink_to(log)
            beside.replace(link)
            log.touch()
            wait_until(lambda: ask_many(gateway.port(), "/free", 1) == {200: 1} and bool(whole_lines(log)))
            assert dropped(gateway) >= 50


def test_a_log_that_was_moved_or_removed_is_begun_anew_and_sigusr1_does_no_harm() -> None:
    with Origin() as origin:
        gateway = GatewayProcess("", workers=2)
        log, moved = gateway.folder / "access.log", gateway.folder / "access.log.1"
        gateway.write(logging_to(str(log), origin.url))
        with gateway:
            assert ask_many(gateway.port(), "/before", 20) == {200: 20}
            wait_until(lambda: len(whole_lines(log)) == 20)
            log.rename(moved)
            assert gateway.process is not None
            for pid in (gateway.process.pid, *gateway.worker_pids()):
                subprocess.run(["kill", "-USR1", str(pid)], check=True)
            wait_until(log.exists)
            assert ask_many(gateway.port(), "/after", 20) == {200: 20}
            wait_until(lambda: moved.read_text().count("\n") + log.read_text().count("\n") == 40)
            log.unlink()
            wait_until(log.exists)
            assert dropped(gateway) == 0


def test_a_folder_that_is_missing_costs_lines_until_it_is_there() -> None:
    with Origin() as origin:
        gateway = GatewayProcess("", workers=1)
        folder = gateway.folder / "logs"
        gateway.write(logging_to(f"{folder}/access.log", origin.url))
        with gateway:
            assert ask_many(gateway.port(), "/early", 10) == {200: 10}
            wait_until(lambda: dropped(gateway) == 10)
            folder.mkdir()
            wait_until((folder / "access.log").exists)
            assert ask_many(gateway.port(), "/late", 10) == {200: 10}
            wait_until(lambda: whole_lines(folder / "access.log") == ["/late"] * 10)


def test_a_reader_that_stands_still_stops_no_request_and_its_lines_are_bounded_and_counted() -> None:
    with Origin() as origin:
        gateway = GatewayProcess("", workers=1)
        pipe = gateway.folder / "pipe"
        os.mkfifo(pipe)
        # A path of 8 KiB makes lines long enough to fill the 16 MiB that may wait.
        gateway.write(logging_to(str(pipe), origin.url))
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        try:
            with gateway:
                path = "/" + "x" * 8000
                assert ask_many(gateway.port(), path, 5000) == {200: 5000}
                wait_until(lambda: dropped(gateway) > 0)
                (worker,) = gateway.worker_pids()
                peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{worker}/status").read_text())
                assert peak is not None
                assert int(peak[1]) < 160 * 1024, "what waits is bounded"
                lines = drained(reader)
                assert ask_many(gateway.port(), "/free", 10) == {200: 10}
                while lines.count("/free") < 10:
                    lines += drained(reader)
                assert len(lines) + dropped(gateway) == 5010
        finally:
            os.close(reader)
            shutil.rmtree(gateway.folder, ignore_errors=True)


def drained(reader: int) -> list[str]:
    """Paths of the lines that come until none has come for a few turns of the thread that writes; none is torn."""
    pieces: list[bytes] = []
    while select.select([reader], [], [], 0.4)[0] and (piece := os.read(reader, 1 << 16)):
        pieces.append(piece)
    return [json.loads(line)["path"] for line in b"".join(pieces).splitlines()]


def test_the_log_on_standard_output_is_whole_lines_though_two_workers_write_it() -> None:
    with Origin() as origin:
        gateway = GatewayProcess(logging_to("stdout", origin.url), workers=2)
        with gateway:
            assert ask_many(gateway.port(), "/" + "y" * 900, 400) == {200: 400}
            wait_until(lambda: gateway.said.count('"path":"/yyy') == 400)
            for line in gateway.said.splitlines():
                if line.startswith("{"):
                    json.loads(line)
