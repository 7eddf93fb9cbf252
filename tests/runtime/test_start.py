"""Starts that must fail clearly, and fast (R13)."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess

NOWHERE = "http://127.0.0.1:1"


def fails(gateway: GatewayProcess, *more: str) -> str:
    """The one line that a start fails with."""
    began = time.monotonic()
    process = gateway.spawn(*more)
    try:
        code = process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail(f"it runs: {gateway.said}")
    # One second is the promise; ten times that is the hang that a busy machine must not hide.
    assert time.monotonic() - began < 10
    assert code == 1, gateway.said
    lines = gateway.said.splitlines()
    assert len(lines) == 1, lines
    assert not list(gateway.state.path.glob("workers/*.sock"))
    return lines[0]


@pytest.fixture
def make() -> Iterator[Callable[..., GatewayProcess]]:
    made: list[GatewayProcess] = []

    def one(configuration: str, *flags: str) -> GatewayProcess:
        made.append(GatewayProcess(configuration, *flags))
        return made[-1]

    yield one
    for gateway in made:
        gateway.__exit__()


Make = Callable[..., GatewayProcess]


def test_r13_a_port_in_use(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = fails(make(forwarding(NOWHERE, address=f"127.0.0.1:{port}")))
    assert line == f"penstock: listener web: 127.0.0.1:{port} is in use by another process"


def test_r13_a_port_shared_by_somebody_elses_reuseport(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        line = fails(make(forwarding(NOWHERE, address=f"127.0.0.1:{taken.getsockname()[1]}")))
    assert "is in use" in line


def test_r13_a_socket_that_somebody_answers_on(make: Make) -> None:
    gateway = make("")
    path = gateway.folder / "taken.sock"
    gateway.write(forwarding(NOWHERE, address=f"unix:{path}"))
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(str(path))
        taken.listen()
        assert "is in use" in fails(gateway)
        assert path.is_socket()


def test_r13_a_file_in_the_place_of_a_socket_stays(make: Make) -> None:
    gateway = make("")
    path = gateway.folder / "precious"
    path.write_text("data")
    gateway.write(forwarding(NOWHERE, address=f"unix:{path}"))
    assert "no socket" in fails(gateway)
    assert path.read_text() == "data"


def test_r13_a_missing_file(make: Make) -> None:
    gateway = make("")
    gateway.file.unlink()
    assert fails(gateway) == f"penstock: {gateway.file}: no such file or directory"


def test_r13_an_address_of_another_machine(make: Make) -> None:
    line = fails(make(forwarding(NOWHERE, address="192.0.2.1:8080")))
    assert line == "penstock: listener web: 192.0.2.1:8080 is no address of this machine"


def test_r13_a_folder_without_permission(make: Make) -> None:
    gateway = make(forwarding(NOWHERE))
    gateway.state.path.write_text("a file")
    assert fails(gateway) == f"penstock: state folder {gateway.state.path}: file exists"


UNPRIVILEGED = (
    *("unshare", "--user", "--map-root-user", "--net"),
    *("setpriv", "--bounding-set=-net_bind_service,-dac_override,-dac_read_search"),
)
"""Runs a command without the rights of the superuser, in a network of its own, whose low ports are not everybody's."""


@pytest.fixture
def make_unprivileged(make: Make) -> Make:
    if subprocess.run([*UNPRIVILEGED, "true"], check=False, capture_output=True).returncode:
        pytest.skip("rights cannot be given up here")

    def one(configuration: str) -> GatewayProcess:
        gateway = make(configuration)
        gateway.before = UNPRIVILEGED
        return gateway

    return one


def test_r13_a_port_without_permission(make_unprivileged: Make) -> None:
    line = fails(make_unprivileged(forwarding(NOWHERE, address="0.0.0.0:1")))
    assert line == "penstock: listener web: no permission to listen on 0.0.0.0:1"


def test_r13_a_file_that_may_not_be_read(make_unprivileged: Make) -> None:
    gateway = make_unprivileged(forwarding(NOWHERE))
    gateway.file.chmod(0)
    assert fails(gateway) == f"penstock: {gateway.file}: permission denied"


def test_r13_a_socket_in_a_folder_that_may_not_be_written_to(make_unprivileged: Make) -> None:
    gateway = make_unprivileged("")
    path = gateway.folder / "locked" / "web.sock"
    path.parent.mkdir(mode=0o555)
    gateway.write(forwarding(NOWHERE, address=f"unix:{path}"))
    assert fails(gateway) == f"penstock: listener web: no permission to listen on unix:{path}"


def test_r13_a_state_folder_that_may_not_be_made(make_unprivileged: Make) -> None:
    gateway = make_unprivileged(forwarding(NOWHERE))
    path = gateway.folder / "locked" / "state"
    path.parent.mkdir(mode=0o555)
    gateway.flags = (*gateway.flags, "--state-dir", str(path))
    assert fails(gateway) == f"penstock: state folder {path}: permission denied"


def test_r13_a_gateway_that_runs_already(make: Make) -> None:
    gateway = make(forwarding(NOWHERE))
    gateway.start()
    first = gateway.process
    assert first is not None
    try:
        ended = gateway.command("run", "-c", str(gateway.file), *gateway.flags)
        assert ended.returncode == 1
        assert ended.stderr == (
            f"penstock: already running as process {first.pid}, with state folder {gateway.state.path}\n"
        )
        assert gateway.status()["phase"] == "serving"
    finally:
        first.terminate()
        first.wait(10)


def test_r13_an_admin_address_that_was_asked_for_and_is_taken(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        line = fails(make(forwarding(NOWHERE)), "--admin", address)
    assert line == f"penstock: admin address {address}: is in use by another process"


def test_a_stale_socket_file_is_replaced(make: Make) -> None:
    gateway = make("")
    path = gateway.folder / "stale.sock"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))
    gateway.write(forwarding(NOWHERE, address=f"unix:{path}"))
    gateway.start()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))
        client.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert client.recv(1024).startswith(b"HTTP/1.1 502 ")


def test_problems_of_a_configuration_are_all_told(make: Make) -> None:
    gateway = make("kind: Listener\nname: web\naddress: x\n---\nkind: Route\nname: a\npth: /\n")
    process = gateway.spawn()
    assert process.wait(10) == 1
    assert "gateway.yaml:3:" in gateway.said
    assert "pth" in gateway.said
