"""`penstock logs`: requests of an access log, those that are asked for, also as they come."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock.cli.log_lines import request_line
from penstock.cli.main import main
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.requests import get


def line(path: str, status: int = 200, route: str = "all", client: str = "192.0.2.1", **more: Any) -> str:
    told = {"time": "2026-01-01T00:00:00Z", "method": "GET", "host": "shop", "client": client, "route": route}
    return json.dumps({**told, "path": path, "status": status, "duration_ms": 1.5, **more}) + "\n"


LOG = [
    line("/a"),
    line("/b", 503, reason="connect_failed"),
    line("/b/c", 404, route=""),
    line("/d\x1b[2J", client="192.0.2.2"),
    "no JSON\n",
]
CASES = [
    ((), ["/a", "/b", "/b/c", "/d\x1b[2J"]),
    (("--status", "503"), ["/b"]),
    (("--status", "4xx"), ["/b/c"]),
    (("route/all", "--path", "/b"), ["/b"]),
    (("all", "other", "--path", "/b"), ["/b"]),
    (("--client", "192.0.2.2"), ["/d\x1b[2J"]),
    (("--client", "192.0.2.0/31"), ["/a", "/b", "/b/c"]),
    (("--host", "SHOP", "--method", "get", "--slower", "1ms", "--status", "404"), ["/b/c"]),
    (("--slower", "2ms"), []),
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "access.log"
    file.write_text("".join(LOG))
    return file


@pytest.mark.parametrize(("words", "paths"), CASES, ids=[" ".join(words) or "all" for words, _ in CASES])
def test_only_what_is_asked_for_is_printed(
    log: Path, words: tuple[str, ...], paths: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["logs", *words, "--file", str(log), "-o", "json"]) == 0
    assert [json.loads(one)["path"] for one in capsys.readouterr().out.splitlines()] == paths


def test_i22_a_line_for_people_writes_nothing_to_their_terminal(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["logs", "--file", str(log)]) == 0
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "192.0.2.2 200 GET shop/d\\x1b[2J all 1.5 ms\n" in told
    assert "503 GET shop/b all 1.5 ms connect_failed\n" in told


def test_a_log_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["logs", "--file", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err == f"penstock: {tmp_path}/none: no such file or directory\n"


def test_a_file_is_followed_as_it_grows_through_rotations(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    configuration = (
        '{kind: Listener, name: web, address: "127.0.0.1:0"}\n---\n'
        "{kind: Route, name: hello, path: /hello, steps: [{kind: Respond, status: 200}]}\n---\n"
        f"{{kind: Telemetry, name: default, access_log: {{path: {log}}}}}\n"
    )
    with GatewayProcess(configuration, workers=1) as gateway:
        get(gateway.port(), "/before")
        wait_until(lambda: log.exists() and "/before" in log.read_text())
        told = ("--state-dir", str(gateway.state.path))
        printed = tmp_path / "printed"
        command = [sys.executable, "-m", "penstock", "logs", "--follow", "--file", str(log), "--status", "2xx", *told]
        with printed.open("wb") as output, subprocess.Popen(command, stdout=output) as following:
            try:

                def comes() -> bool:
                    get(gateway.port(), "/hello")
                    return "shop" in printed.read_text() or "/hello" in printed.read_text()

                wait_until(comes, 60.0, 0.2)
                log.rename(tmp_path / "access.log.1")
                log.write_text(line("/rotated"))
                wait_until(lambda: "shop/rotated" in printed.read_text(), 60.0)
            finally:
                following.terminate()
        assert "/before" not in printed.read_text()
        refused = gateway.command("logs", "--status", "999", *told)
        assert (refused.returncode, "503, or a class such as 5xx" in refused.stderr) == (2, True)


WRONG = [
    (("file/access.log",), "write a route such as route/orders; a file follows --file"),
    (("--slower", "soon"), "soon"),
    (("--client", "shop"), "write an address, or a network such as 10.0.0.0/8"),
]


@pytest.mark.parametrize(("words", "says"), WRONG)
def test_what_cannot_be_understood_is_told(
    words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["logs", *words])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_what_only_the_gateway_can_tell_is_not_asked_of_files(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("--where", "request.path"), ("--own",)):
        assert main(["logs", *words, "--file", str(log)]) == 2
        assert "is told by the gateway: write -f, and no --file" in capsys.readouterr().err


def test_a_wide_line_has_what_else_is_known() -> None:
    told = json.loads(line("/a", upstream="shop", attempts=2, user_agent="x\x1b[2J", id="1f", endpoint=""))
    wide = request_line(told, "wide", is_coloured=False)
    assert wide.endswith('1.5 ms  upstream=shop attempts=2 id=1f user_agent="x\\x1b[2J"')
    assert request_line({"status": 503, "path": "/a"}, "yaml", is_coloured=True) == "---\nstatus: 503\npath: /a"
    assert request_line({"status": 503}, "table", is_coloured=True) == "- - \x1b[31m503\x1b[0m - - - - ms"
