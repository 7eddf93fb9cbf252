"""What goes over to a successor: another version, numbers, history, the admin API, sessions of TLS (R7, R12)."""

import signal
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.admin.api import api_of
from tests.http3.configurations import speaking
from tests.runtime.configurations import forwarding
from tests.runtime.test_deaths import table_of
from tests.servers import tls_client
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.load import Load
from tests.servers.origin import Origin
from tests.servers.other_version import OTHER, other_version

ROUTES = "/api/v1/resources/route"
ROUTE = {"kind": "Route", "name": "own", "path": "/own", "steps": [{"kind": "Respond", "status": 200, "body": "own"}]}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of another version."""
    return other_version(tmp_path_factory.mktemp("version"))


def upgraded(gateway: GatewayProcess, python: Path | None = None) -> str:
    """What the command says once a successor serves."""
    command = [str(python), "-P", "-m", "penstock", "upgrade", "--state-dir", str(gateway.state.path)]
    if python is None:
        ended = gateway.command(*command[4:])
    else:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, (ended.stderr, gateway.said)
    wait_until(lambda: gateway.process is None or gateway.process.poll() == 0)
    return ended.stdout


def test_r7_r12_another_version_takes_over_and_the_one_before_takes_it_back(python: Path) -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway, Load(gateway.port()) as load:
        table, before = table_of(gateway.worker_pids()[0]), 0
        for there, said in ((python, OTHER), (None, "0.1.0"), (python, OTHER)):
            assert upgraded(gateway, there).startswith(f"version {said} serves as process {gateway.owner()}; ")
            assert {table_of(pid) for pid in gateway.worker_pids()} == {table}
            before = load.losses.answered
            wait_until(lambda before=before: load.losses.answered > before + 50, 30)
        assert (load.losses.lost, load.losses.dropped) == ([], 0)
        # Numbers go on: what was answered before is counted still.
        assert gateway.status()["requests"] > before


def test_r7_the_signal_starts_what_is_installed_in_its_place_with_the_same_arguments() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url), workers=1) as gateway:
        first = gateway.owner()
        gateway.signal(signal.SIGUSR2)
        assert gateway.wait(30) == 0
        wait_until(lambda: gateway.status().get("pid") not in {None, first})
        assert len(gateway.worker_pids()) == 1
        assert gateway.reload().returncode == 0


def test_r7_history_and_what_the_admin_api_owns_go_over_and_its_port_stays() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url), "--admin", "127.0.0.1:0", workers=1) as gateway:
        api = api_of(gateway)
        assert api.ask("POST", ROUTES, ROUTE).status == 201
        upgraded(gateway)
        assert api.ask("GET", f"{ROUTES}/own").data["path"] == "/own"
        assert api.ask("DELETE", f"{ROUTES}/own").status in {200, 204}
        told = gateway.command("history", "route/own", "--state-dir", str(gateway.state.path)).stdout
        assert len(told.splitlines()) == 3, told
        # What the files say is heeded by the successor too.
        gateway.write(forwarding(origin.url, mark="later"))
        wait_until(lambda: gateway.status()["revision"] > 1)


def test_r7_a_session_of_tls_is_resumed_with_the_successor() -> None:
    with Origin() as origin, GatewayProcess(speaking(origin.url), workers=2) as gateway:
        port, context = gateway.port(), tls_client.trusting()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with tls_client.connect(port, context=context) as stream:
            assert tls_client.ask(stream).startswith(b"HTTP/1.1 200 ")
            session = stream.session
        upgraded(gateway)
        with tls_client.connect(port, context=context, session=session) as stream:
            assert tls_client.ask(stream).startswith(b"HTTP/1.1 200 ")
            assert stream.session_reused
