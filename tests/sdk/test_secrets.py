"""Secret settings reach the filter, and nothing shows them: no command, no log, no problem, no file for others."""

import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.runtime.embedded import Gateway
from tests.sdk.probing import ask
from tests.servers.gateway_process import GatewayProcess, wait_until

MARKER = "hush-4711"
PLUGIN = '''
from penstock.sdk import Field, Filter, FilterConfig, Request, Response, SecretStr
from pydantic import BaseModel, field_validator


class Login(BaseModel):
    """Who calls."""

    user: str
    password: SecretStr


class Keeper(Filter):
    """Keeps secrets."""

    class Config(FilterConfig):
        """What a step may set."""

        key: SecretStr = Field(description="A key.", min_length=4)
        more: dict[str, SecretStr] = Field({}, description="More keys.")
        login: Login | None = Field(None, description="Who calls.")
        plain: int = Field(1, description="A number.")

        @field_validator("key", mode="before")
        @classmethod
        def is_no_fish(cls, key: object) -> object:
            """Says more than it should."""
            if "fish" in str(key):
                raise ValueError(f"{key} is a fish")
            return key

    def on_request(self, request: Request) -> Response:
        """Tell whether the secret came whole."""
        if request.path == "/fail":
            raise ValueError(self.config)
        key = self.config.key.get_secret_value()
        return Response(200, body=str(len(key)) + ("-" + self.config.login.user if self.config.login else ""))
'''
CONFIGURATION = """
kind: Listener
name: web
address: 127.0.0.1:0
{before}
---
kind: Plugin
name: house
python: filters.py
---
kind: Route
name: all
path: /*
steps:
  - kind: Keeper
    {settings}
"""
GOOD = f"key: {MARKER}\n    more: {{a: {MARKER}-more}}\n    login: {{user: u, password: {MARKER}-login}}"
WRONG = [
    f"key: {MARKER}-fish",
    f"key: [{MARKER}]",
    f"key: {{a: {MARKER}}}",
    f"key: {MARKER}\n    plain: x",
    f"key: {MARKER}\n    unknown: 1",
    f"more: {{a: [{MARKER}]}}",
    f"key: {MARKER}\n    login: {MARKER}",
    f"key: {MARKER}\n    login: {{password: {MARKER}}}",
    f"key: {MARKER}\n    when: 1 +",
    f"key: {MARKER}\n    on: {{nothing: end}}",
    "key: 47114711",
]


def configure(folder: Path, settings: str, before: str = "") -> Path:
    (folder / "filters.py").write_text(PLUGIN)
    file = folder / "gateway.yaml"
    file.write_text(CONFIGURATION.format(settings=settings, before=before))
    return file


def penstock(*arguments: object) -> tuple[int, str]:
    command = [sys.executable, "-m", "penstock", *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return ended.returncode, ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    running = GatewayProcess("", workers=2)
    configure(running.folder, GOOD, f"before: [{{kind: Keeper, key: {MARKER}, when: 'request.path == \"/b\"'}}]")
    with running:
        yield running


def test_a_filter_gets_its_secrets_in_pipelines_and_before_routing(gateway: GatewayProcess) -> None:
    assert ask(gateway, "/").text == f"{len(MARKER)}-u"
    assert ask(gateway, "/b").text == str(len(MARKER))


def test_a_restarted_worker_gets_them_too(gateway: GatewayProcess) -> None:
    port, pids = gateway.port(), gateway.worker_pids()
    os.kill(pids[0], 9)
    wait_until(lambda: len(gateway.worker_pids()) == len(pids) and pids[0] not in gateway.worker_pids())
    assert {ask(gateway, "/", port=port).text for _ in range(20)} == {f"{len(MARKER)}-u"}


def test_a_changed_secret_is_a_change() -> None:
    running = GatewayProcess("", workers=1)
    configure(running.folder, "key: four")
    with running:
        assert ask(running, "/").text == "4"
        configure(running.folder, "key: fives")
        wait_until(lambda: ask(running, "/").text == "5")


def test_no_command_shows_a_secret(gateway: GatewayProcess) -> None:
    shown = [
        penstock(command, "-c", gateway.file, *more)
        for command, *more in (
            ("plan",),
            ("validate",),
            ("validate", "-o", "json"),
            ("explain", "GET", "http://a/"),
            ("explain", "GET", "http://a/", "-o", "json"),
            ("filters", "Keeper"),
            ("filters", "Keeper", "-o", "json"),
        )
    ]
    shown.append(penstock("status", "--state-dir", gateway.state.path, "-o", "json"))
    assert [text for code, text in shown if code or MARKER in text] == []
    assert shown[0][1].count('"$secret"') == 4


@pytest.mark.parametrize("settings", WRONG)
def test_no_problem_shows_a_secret(tmp_path: Path, settings: str) -> None:
    file = configure(tmp_path, settings)
    code, text = penstock("validate", "-c", file)
    assert code == 1
    assert MARKER not in text
    assert "47114711" not in text


def test_neither_log_nor_files_for_others_hold_a_secret(gateway: GatewayProcess) -> None:
    assert ask(gateway, "/fail").status == 500
    wait_until(lambda: "filter Keeper failed" in gateway.said)
    assert MARKER not in gateway.said
    files = [path for path in gateway.state.path.rglob("*") if path.is_file()]
    assert [
        str(path) for path in files if MARKER in path.read_text(errors="replace") and path.stat().st_mode & 0o077
    ] == []


def test_processes_show_no_secret(gateway: GatewayProcess) -> None:
    for pid in gateway.worker_pids():
        assert MARKER.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_worker_that_cannot_build_a_filter_tells_no_secret(tmp_path: Path) -> None:
    refusing = PLUGIN.replace('if "fish" in str(key):', 'import sys\n            if "_worker" in sys.argv:')
    file = configure(tmp_path, f"key: {MARKER}")
    (tmp_path / "filters.py").write_text(refusing.replace("{key} is a fish", "not here"))
    assert penstock("validate", "-c", file)[0] == 0
    with tempfile.TemporaryDirectory() as state:
        code, text = penstock("run", "-c", file, "--admin", "off", "--workers", 1, "--state-dir", state)
    assert code == 1
    assert "not here" in text
    assert MARKER not in text


def test_an_embedded_gateway_gives_them_too(tmp_path: Path) -> None:
    (tmp_path / "filters.py").write_text(PLUGIN)
    resources: list[dict[str, Any]] = [
        {"kind": "Plugin", "name": "house", "python": str(tmp_path / "filters.py")},
        {"kind": "Route", "name": "all", "path": "/*", "steps": [{"kind": "Keeper", "key": MARKER}]},
    ]
    with Gateway(resources) as embedded, urllib.request.urlopen(embedded.url, timeout=10) as answer:
        assert answer.read() == str(len(MARKER)).encode()
