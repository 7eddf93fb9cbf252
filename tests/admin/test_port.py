"""The admin port of a running gateway (I1, I2, I6)."""

import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.load import Load
from tests.servers.origin import Origin


def admin_port(gateway: GatewayProcess) -> int:
    def found() -> re.Match[str] | None:
        return re.search(r"admin port on 127\.0\.0\.1:(\d+)", gateway.said)

    wait_until(found)
    match = found()
    assert match is not None
    return int(match[1])


def get(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def token(gateway: GatewayProcess) -> str:
    found = re.search(r"admin token, shown only this time: (\S+)", gateway.said)
    assert found is not None, gateway.said
    return found[1]


def test_a_first_start_that_fails_does_not_swallow_the_token() -> None:
    gateway = GatewayProcess("kind: Rout\n", "--admin", "127.0.0.1:0")
    assert gateway.spawn().wait(20) == 1
    assert "shown only" not in gateway.said
    gateway.write(forwarding("http://127.0.0.1:1"))
    with gateway:
        wait_until(lambda: "shown only this time" in gateway.said)
        allowed = {"authorization": f"Bearer {token(gateway)}"}
        assert get(admin_port(gateway), "/-/status", **allowed)[0] == 200


def test_health_and_metrics_need_no_token_and_all_else_does() -> None:
    """I1, I2: nothing but what a probe and a scraper need is open, and there is no default token."""
    with Origin() as origin, GatewayProcess(forwarding(origin.url), "--admin", "127.0.0.1:0") as gateway:
        port = admin_port(gateway)
        assert get(port, "/-/ready") == (200, "ready\n")
        assert get(port, "/-/live") == (200, "live\n")
        assert get(port, "/metrics")[0] == 200
        for method, path in [
            ("GET", "/"),
            ("GET", "/-/status"),
            ("POST", "/-/reload"),
            ("POST", "/-/ready"),
            ("DELETE", "/metrics"),
            ("GET", "/nothing"),
            ("GET", "/-/../-/status"),
        ]:
            assert get(port, path, method)[0] == 401, (method, path)
            assert get(port, path, method, authorization="Bearer wrong")[0] == 401, (method, path)
        allowed = {"authorization": f"Bearer {token(gateway)}"}
        assert get(port, "/-/status", **allowed)[0] == 200
        status, told = get(port, "/-/reload", "POST", **allowed)
        assert (status, json.loads(told)) == (200, {"problems": [], "revision": 1, "changed": False})
        assert get(port, "/nothing", **allowed)[0] == 404


def test_the_token_is_told_once_and_kept_as_a_hash_that_only_its_owner_reads() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url), "--admin", "127.0.0.1:0") as gateway:
        first = token(gateway)
        kept = gateway.state.token
        assert first not in kept.read_text()
        assert kept.stat().st_mode & 0o777 == 0o600
        gateway.signal(signal.SIGTERM)
        gateway.wait(5)
        gateway.log.unlink()
        gateway.start()
        port = admin_port(gateway)
        assert "token" not in gateway.said
        assert get(port, "/-/status", authorization=f"Bearer {first}")[0] == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:9700", 200),
        ("[::1]:9700", 200),
        ("evil.test", 421),
        ("localhost.evil.test", 421),
        ("127.0.0.1.evil.test", 421),
        ("", 421),
    ],
)
def test_i6_a_name_that_somebody_else_resolves_does_not_lead_here(host: str, status: int, one: int) -> None:
    assert get(one, "/metrics", host=host)[0] == status


@pytest.fixture(scope="module")
def one() -> Iterator[int]:
    with GatewayProcess(forwarding("http://127.0.0.1:1"), "--admin", "127.0.0.1:0", workers=1) as gateway:
        yield admin_port(gateway)


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/2\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: localhost\r\nhost: evil.test\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"a" * 70_000 + b"\r\n\r\n",
        b"\xff\xfe\x00" * 10 + b"\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(data: bytes, one: int) -> None:
    with socket.create_connection(("127.0.0.1", one), 5) as stream:
        stream.sendall(data)
        assert stream.recv(1024).startswith(b"HTTP/1.1 400 ")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_metrics_are_what_prometheus_reads_and_sums_never_fall() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url), "--admin", "127.0.0.1:0") as gateway:
        with Load(gateway.port(), pause=0.001):
            wait_until(lambda: origin.counts.get("/load", 0) > 200)
        port = admin_port(gateway)
        text = get(port, "/metrics")[1]
        checked = subprocess.run(
            ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert (checked.returncode, checked.stderr) == (0, "")
        before = served(text)
        assert before >= 200
        for pid in gateway.worker_pids():
            subprocess.run(["kill", "-KILL", str(pid)], check=True)
        wait_until(lambda: gateway.status()["restarts"] == 2)
        after = get(port, "/metrics")[1]
        assert served(after) >= before
        assert "penstock_worker_restarts_total 2" in after


def served(text: str) -> int:
    return sum(int(value) for value in re.findall(r'penstock_requests_total\{.*,class="\dxx"\} (\d+)', text))


def test_a_default_port_that_is_taken_is_a_warning() -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 9700))
            taken.listen()
        except OSError:
            pass  # somebody else has it: as good
        gateway = GatewayProcess(forwarding("http://127.0.0.1:1"), workers=1)
        gateway.flags = gateway.flags[2:]
        with gateway:
            wait_until(lambda: "no admin port: 127.0.0.1:9700 is in use" in gateway.said)
            assert gateway.status()["phase"] == "serving"
