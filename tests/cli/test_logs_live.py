"""`penstock logs -f`: requests as they come to a gateway, here or elsewhere, through an upgrade of it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.admin.api import api_of
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.requests import get

PATIENCE = 60.0
FILES = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Route, name: hello, path: /hello/*, steps: [{kind: Respond, status: 200, body: hi}]}
---
{kind: Route, name: bad, path: /bad, steps: [{kind: Respond, status: 503, body: no}]}
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(FILES, "--admin", "127.0.0.1:0", "--node", "first", workers=2) as started:
        yield started


class Following:
    """A command that goes on until it is ended, and what it has printed."""

    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self._folder = folder

    @property
    def printed(self) -> list[str]:
        return (self._folder / "printed").read_text().splitlines()

    @property
    def said(self) -> str:
        return (self._folder / "said").read_text()


@contextmanager
def following(folder: Path, *words: str, **variables: str) -> Iterator[Following]:
    command = [sys.executable, "-m", "penstock", "logs", "-f", *words]
    around = {**os.environ, **variables}
    with (
        (folder / "printed").open("wb") as out,
        (folder / "said").open("wb") as err,
        subprocess.Popen(command, stdout=out, stderr=err, env=around) as process,
    ):
        found = Following(folder, process)
        try:
            wait_until(lambda: "this is node first" in found.said or process.poll() is not None, PATIENCE)
            yield found
        finally:
            process.terminate()


def test_requests_that_are_asked_for_are_printed_as_they_come(gateway: GatewayProcess, tmp_path: Path) -> None:
    asked = ("route/bad", "--status", "5xx", "--method", "get", "--where", 'request.headers["x-none"] is undefined')
    with following(tmp_path, *asked, "-o", "json", "--state-dir", str(gateway.state.path)) as found:
        get(gateway.port(), "/hello/a")
        get(gateway.port(), "/bad")
        wait_until(lambda: found.printed, PATIENCE)
        told = [json.loads(one) for one in found.printed]
    assert [(one["route"], one["status"], one["path"]) for one in told] == [("bad", 503, "/bad")]
    assert found.said == "penstock: this is node first\n"


def test_a_gateway_elsewhere_is_followed_with_a_token(gateway: GatewayProcess, tmp_path: Path) -> None:
    api = api_of(gateway)
    server = ("--server", f"http://127.0.0.1:{api.port}")
    with following(tmp_path, *server, "-o", "wide", PENSTOCK_TOKEN=api.token) as found:
        get(gateway.port(), "/hello/x")
        wait_until(lambda: found.printed, PATIENCE)
    assert "127.0.0.1 200 GET 127.0.0.1/hello/x hello" in found.printed[0]
    assert "listener=web protocol=HTTP/1.1" in found.printed[0]
    assert "\x1b" not in found.printed[0], "colours are for terminals"
    with following(tmp_path, *server, PENSTOCK_TOKEN="wrong") as refused:
        assert refused.process.wait(PATIENCE) == 1
    assert refused.said.startswith("penstock: ")


def test_what_the_gateway_does_not_understand_is_told_in_its_words(gateway: GatewayProcess, tmp_path: Path) -> None:
    with following(tmp_path, "--where", "request.methd", "--state-dir", str(gateway.state.path)) as refused:
        assert refused.process.wait(PATIENCE) == 1
    assert "did you mean `method`?" in refused.said


def test_what_the_gateway_says_of_itself_is_followed(gateway: GatewayProcess, tmp_path: Path) -> None:
    with following(tmp_path, "--own", "--state-dir", str(gateway.state.path)) as found:

        def says() -> bool:
            gateway.signal(signal.SIGHUP)
            return bool(found.printed)

        wait_until(says, PATIENCE, 0.2)
    assert " INFO the configuration was read again; revision" in found.printed[0]


def test_it_goes_on_with_the_successor_of_a_gateway(tmp_path: Path) -> None:
    with (
        GatewayProcess(FILES, "--node", "first", workers=1) as gateway,
        following(tmp_path, "-o", "json", "--state-dir", str(gateway.state.path)) as found,
    ):
        get(gateway.port(), "/hello/before")
        assert gateway.command("upgrade", "--state-dir", str(gateway.state.path)).returncode == 0

        def comes() -> bool:
            get(gateway.port(), "/hello/behind")
            return "/hello/behind" in paths(found)

        wait_until(comes, PATIENCE, 0.1)
        assert paths(found)[0] == "/hello/before"


def paths(found: Following) -> list[Any]:
    return [json.loads(one)["path"] for one in found.printed]
