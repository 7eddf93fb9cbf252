"""The embedded gateway serves, records and stops, alone and fifty at a time."""

import http.client
import http.server
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from penstock import ConfigError, Gateway, ServedRequest

if TYPE_CHECKING:
    from penstock.testing import StartGateway

pytest_plugins = ["penstock.testing"]

HELLO = [
    {"kind": "Route", "name": "hello", "path": "/hello", "steps": [{"kind": "Respond", "status": 200, "body": "hi"}]}
]


@pytest.fixture
def origin() -> Iterator[str]:
    class Echo(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode()


def test_a_request_is_answered_and_recorded() -> None:
    with Gateway(HELLO) as gateway:
        assert get(f"{gateway.url}/hello") == (200, "hi")
        assert get(f"{gateway.url}/nowhere")[0] == 404
        assert gateway.requests == [
            ServedRequest("GET", "/hello", 200, "hello"),
            ServedRequest("GET", "/nowhere", 404, ""),
        ]


def test_a_body_goes_to_an_upstream_and_back(penstock_gateway: "StartGateway", origin: str) -> None:
    gateway = penstock_gateway([{"kind": "Route", "name": "echo", "path": "/*", "to": origin}])
    body = b"x" * 3_000_000
    request = urllib.request.Request(f"{gateway.url}/echo", body, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.read() == body


def test_a_host_name_of_an_endpoint_is_looked_up(origin: str) -> None:
    to = origin.replace("127.0.0.1", "localhost")
    with Gateway([{"kind": "Route", "name": "echo", "path": "/*", "to": to}]) as gateway:
        request = urllib.request.Request(f"{gateway.url}/", b"hi", method="POST")
        assert urllib.request.urlopen(request, timeout=5).read() == b"hi"


def test_a_bad_configuration_raises_with_every_problem() -> None:
    bad = [{"kind": "Route", "name": "a", "path": "x"}, {"kind": "Route", "name": "b", "path": "/", "to": "nowhere"}]
    with pytest.raises(ConfigError) as raised, Gateway(bad):
        pass
    assert [problem.path_text for problem in raised.value.problems] == ["path", "", "to"]


def test_a_file_is_a_configuration_too(tmp_path: Path) -> None:
    file = tmp_path / "penstock.yaml"
    file.write_text(
        "kind: Listener\nname: web\naddress: 127.0.0.1:80\n---\n"
        "kind: Route\nname: r\npath: /\nsteps: [{kind: Respond, status: 204}]\n"
    )
    with Gateway(file) as gateway:
        assert set(gateway.urls) == {"web"}
        assert get(gateway.url)[0] == 204


def test_a_text_of_several_lines_is_a_configuration_too(penstock_gateway: "StartGateway") -> None:
    gateway = penstock_gateway(
        """
        kind: Route
        name: one
        path: /one
        steps: [{kind: Respond, status: 200, body: "1"}]
        ---
        kind: Route
        name: two
        path: /two
        steps: [{kind: Respond, status: 200, body: "2"}]
        """
    )
    for path, body in (("one", b"1"), ("two", b"2")):
        with urllib.request.urlopen(f"{gateway.url}/{path}", timeout=10) as answer:
            assert answer.read() == body


def test_a_gateway_that_does_not_run_yet_has_no_url() -> None:
    with pytest.raises(RuntimeError, match="use it in a `with` block"):
        assert Gateway(HELLO).url


def test_a_stopped_gateway_accepts_no_more() -> None:
    gateway = Gateway(HELLO)
    with gateway:
        host, port = gateway.url.removeprefix("http://").split(":")
        kept = http.client.HTTPConnection(host, int(port), timeout=5)
        kept.request("GET", "/hello")
        assert kept.getresponse().read() == b"hi"
    kept.close()
    with pytest.raises(OSError, match="refused"):
        http.client.HTTPConnection(host, int(port), timeout=5).connect()
    assert gateway.requests == [ServedRequest("GET", "/hello", 200, "hello")]


def test_fifty_gateways_in_one_process_work() -> None:
    with ExitStack() as running:
        gateways = [running.enter_context(Gateway(HELLO)) for _ in range(50)]
        assert {get(f"{gateway.url}/hello") for gateway in gateways} == {(200, "hi")}


def test_a_program_that_forgets_to_stop_still_ends() -> None:
    program = f"from penstock import Gateway; Gateway({HELLO!r}).start()"
    assert subprocess.run([sys.executable, "-c", program], timeout=20, check=False).returncode == 0
