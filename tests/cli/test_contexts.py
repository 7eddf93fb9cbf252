"""Contexts: gateways by name, their tokens in files or the environment and nowhere else (I20)."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.admin.api import Api, api_of
from tests.servers.gateway_process import GatewayProcess

CONFIGURATION = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Route, name: hello, path: /hello, steps: [{kind: Respond, status: 200, body: hi}]}
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Api]:
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", workers=1) as gateway:
        yield api_of(gateway)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "contexts.yaml"


def penstock(file: Path, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "penstock", *map(str, arguments)]
    around = {**os.environ, "PENSTOCK_CONFIG": str(file), **variables}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=around)


def written_token(folder: Path, api: Api, mode: int = 0o600) -> Path:
    token = folder / "token"
    token.write_text(f"{api.token}\n")
    token.chmod(mode)
    return token


def test_the_context_in_use_is_asked_with_the_token_of_its_file(running: Api, file: Path, tmp_path: Path) -> None:
    place = f"http://127.0.0.1:{running.port}"
    token = written_token(tmp_path, running)
    assert penstock(file, "context", "add", "near", "--server", place, "--token-file", token).returncode == 0
    assert penstock(file, "context", "add", "bare", "--server", place).stdout == "context near is in use\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert running.token not in file.read_text()
    found = penstock(file, "get", "routes")
    assert (found.returncode, found.stderr) == (0, "")
    assert "route/hello" in found.stdout
    # A flag before the command or behind it names another.
    for arguments in (("--context", "bare", "get"), ("get", "--context", "bare"), ("--context=bare", "get")):
        refused = penstock(file, *arguments)
        where = "it is read from $PENSTOCK_TOKEN, or the `token_file` of the context"
        assert (refused.returncode, refused.stderr) == (1, f"penstock: a token is needed; {where}\n")
        assert penstock(file, *arguments, PENSTOCK_TOKEN=running.token).returncode == 0
    assert penstock(file, "context", "use", "bare").returncode == 0
    assert penstock(file, "get").returncode == 1
    assert penstock(file, "context", "list").stdout.splitlines()[1:] == [f"  near  {place}", f"* bare  {place}"]
    assert penstock(file, "context", "remove", "bare").stdout == "no context is in use\n"


def test_i20_a_token_comes_from_the_environment_and_no_flag_takes_one(running: Api, file: Path) -> None:
    place = f"http://127.0.0.1:{running.port}"
    assert penstock(file, "get", "--server", place, PENSTOCK_TOKEN=running.token).returncode == 0
    assert penstock(file, "--server", place, "get", PENSTOCK_TOKEN=running.token).returncode == 0
    for flag in ("--token", "--password", "-k", "--insecure"):
        assert penstock(file, "get", "--server", place, flag, running.token).returncode == 2


def test_i20_files_that_others_can_read_are_warned_of(running: Api, file: Path, tmp_path: Path) -> None:
    token = written_token(tmp_path, running, 0o644)
    file.write_text(
        f"{{current: near, contexts: {{near: {{server: 'http://127.0.0.1:{running.port}', token_file: {token}}}}}}}"
    )
    file.chmod(0o644)
    found = penstock(file, "get")
    assert found.returncode == 0
    assert f"{file}: others can look into it (mode 0644)" in found.stderr
    assert f"{token}: others can look into it (mode 0644)" in found.stderr
    assert running.token not in found.stdout + found.stderr


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("{contexts: {a: {}}}", "context a: not the address of a gateway: ''"),
        ("{contexts: {a: {server: 'http://example.com'}}}", "would show the token to everyone on the way: write https"),
        ("{contexts: {a: {server: 'https://x:1', tokn: a}}}", "`tokn` is unknown; server, token_file"),
        ("{contexts: {a: {server: 'https://me:secret@x:1'}}}", "is more than an address"),
        ("{contexts: {a: {server: 'https://x:1/path'}}}", "is more than an address"),
        ("{contexts: {A B: {server: 'https://x:1'}}}", "not a name"),
        ("{contexts: {a: {server: 1}}}", "as texts"),
        ("[", "no YAML"),
        ("contexts: 1", "with a mapping for each name"),
        ("current: gone", "no context is called 'gone'"),
        ("{current: a, contexts: {a: {server: 'https://127.0.0.1:1', token_file: /nowhere}}}", "no such file"),
    ],
)
def test_what_is_wrong_with_the_file_is_said_in_a_line(file: Path, written: str, says: str) -> None:
    file.write_text(written)
    file.chmod(0o600)
    found = penstock(file, "get")
    assert found.returncode == 1
    assert says in found.stderr
    assert len(found.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("server", "says"),
    [
        ("https://127.0.0.1:1", "no gateway answers at https://127.0.0.1:1: connection refused"),
        ("gateway:9700", "write one as in https://"),
        ("http://gateway.example.com", "write https://"),
        ("https://x:99999", "not the address of a gateway"),
        ("https://x\r\ny", "not the address of a gateway"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_so(file: Path, server: str, says: str) -> None:
    found = penstock(file, "get", "--server", server, PENSTOCK_TOKEN="x")
    assert found.returncode == 1
    assert says in found.stderr


def test_what_is_read_from_the_state_folder_is_not_looked_for_elsewhere(file: Path) -> None:
    found = penstock(file, "export", "--server", "https://gateway.example.com")
    assert found.returncode == 1
    assert "name one by --state-dir" in found.stderr


def test_a_token_with_a_line_end_in_it_is_not_sent(file: Path) -> None:
    found = penstock(file, "get", "--server", "http://127.0.0.1:1", PENSTOCK_TOKEN="a\r\nhost: b")
    assert (found.returncode, "host: b" in found.stderr) == (1, False)
