"""`penstock describe`, `blame`, `edit`, `upstreams`, and the same on files."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from penstock.cli.commands import COMMANDS
from penstock.cli.completion import SCRIPTS
from penstock.cli.main import main
from tests.servers.gateway_process import GatewayProcess
from tests.servers.requests import get

FILES = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Route, name: owned, path: /owned, labels: {team: shop}, steps: [{kind: Respond, status: 200, body: owned}]}
---
{kind: Upstream, name: orders, endpoints: ["http://127.0.0.1:1", "http://127.0.0.1:2"]}
---
{kind: Route, name: orders, path: /orders, listeners: [web], to: orders}
"""
MADE = "{kind: Route, name: made, path: /made, steps: [{kind: Respond, status: 200, body: %s}], labels: {a: b}}"


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(FILES, workers=1) as started:
        file = started.folder / "made.yaml"
        for number, body in enumerate(("first", "second")):
            file.write_text(MADE % body)
            applied = told(started, "apply", "-f", str(file), "-m", f"change {number}")
            assert applied.returncode == 0, applied.stderr
        yield started


def told(gateway: GatewayProcess, *words: str, given: str | None = None, **environment: str) -> "CompletedProcess[str]":
    command = [sys.executable, "-m", "penstock", *words, "--state-dir", str(gateway.state.path)]
    around = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=around, input=given)


def test_a_resource_is_described_with_references_both_ways_and_its_changes(gateway: GatewayProcess) -> None:
    shown = told(gateway, "describe", "upstream/orders")
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert {"upstream/orders", "owner files", "changed r1", "refers to -", "referred to by route/orders"} <= set(lines)
    assert any("http://127.0.0.1:1" in line for line in lines)
    found = json.loads(told(gateway, "describe", "route/orders", "-o", "json").stdout)
    assert found["refers_to"] == ["listener/web", "upstream/orders"]
    changes = json.loads(told(gateway, "describe", "route/made", "-o", "json").stdout)["changes"]
    assert [one["message"] for one in changes] == ["change 1", "change 0"]


def test_what_was_probably_meant_is_said(gateway: GatewayProcess) -> None:
    for command in ("describe", "get", "edit"):
        refused = told(gateway, command, "route/ordrs")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr == "penstock: there is no route/ordrs; did you mean `route/orders`?\n"
    assert "did you mean `route`?" in told(gateway, "get", "rout").stderr


def test_each_field_is_told_with_the_change_that_gave_it(gateway: GatewayProcess) -> None:
    found = {one["field"]: one for one in json.loads(told(gateway, "blame", "route/made", "-o", "json").stdout)}
    assert (found["path"]["value"], found["path"]["message"]) == ("/made", "change 0")
    assert (found["steps[0].body"]["value"], found["steps[0].body"]["message"]) == ("second", "change 1")
    assert found["steps[0].body"]["revision"] == found["path"]["revision"] + 1
    assert found["labels.a"]["author"] == "owner"
    table = told(gateway, "blame", "route/made").stdout
    assert table.splitlines()[0].split() == ["REVISION", "CHANGED", "BY", "FIELD", "VALUE", "WHY"]
    gone = told(gateway, "blame", "route/nobody")
    assert (gone.returncode, gone.stderr) == (1, "penstock: there is no route/nobody\n")


def test_upstreams_are_listed_with_their_endpoints(gateway: GatewayProcess) -> None:
    shown = told(gateway, "upstreams").stdout.splitlines()
    assert [line.split()[0] for line in shown] == ["UPSTREAM", "orders", "127.0.0.1:1", "127.0.0.1:2"]
    assert json.loads(told(gateway, "upstreams", "orders", "-o", "json").stdout)[0]["endpoints"][0]["weight"] == 1
    refused = told(gateway, "upstreams", "order")
    assert (refused.returncode, "did you mean `orders`?" in refused.stderr) == (1, True)


def editor(folder: Path, name: str, *lines: str) -> str:
    """A program that changes the file it is given."""
    file = folder / name
    file.write_text("\n".join(["import pathlib, sys", "file = pathlib.Path(sys.argv[1])", *lines]))
    return f"{sys.executable} {file}"


def replacing(before: str, after: str) -> str:
    return f"file.write_text(file.read_text().replace({before!r}, {after!r}))"


def test_what_is_saved_in_the_editor_is_shown_asked_for_and_applied(gateway: GatewayProcess, tmp_path: Path) -> None:
    third = editor(tmp_path, "third.py", replacing("second", "third"))
    left = told(gateway, "edit", "route/made", given="n\n", EDITOR=third)
    assert (left.returncode, get(gateway.port(), "/made")) == (1, (200, b"second"))
    assert "-  body: second\n+  body: third\n" in left.stdout
    made = told(gateway, "edit", "route/made", "-m", "by hand", given="y\n", EDITOR=third)
    assert (made.returncode, get(gateway.port(), "/made")) == (0, (200, b"third"))
    assert "by hand" in told(gateway, "history", "route/made").stdout
    nothing = told(gateway, "edit", "route/made", EDITOR="true")
    assert (nothing.returncode, nothing.stderr) == (0, "nothing is changed\n")
    failed = told(gateway, "edit", "route/made", EDITOR="false")
    assert (failed.returncode, failed.stderr) == (1, "penstock: false ended with 1; nothing is changed\n")
    owned = told(gateway, "edit", "route/owned", EDITOR=third)
    assert (owned.returncode, "owned by files: change it there" in owned.stderr) == (1, True)


def test_what_has_problems_is_opened_again_with_them(gateway: GatewayProcess, tmp_path: Path) -> None:
    mending = editor(
        tmp_path,
        "mending.py",
        "text = file.read_text()",
        "assert 'status: 9' not in text or text.startswith('# penstock: the change has problems'), text",
        "fixed = text.replace('status: 9\\n', 'status: 201\\n') if 'status: 9\\n' in text else "
        "text.replace('status: 200', 'status: 9')",
        "file.write_text(fixed)",
    )
    made = told(gateway, "edit", "route/made", "--yes", EDITOR=mending)
    assert (made.returncode, made.stderr) == (0, "")
    assert get(gateway.port(), "/made")[0] == 201


def test_nothing_is_lost_where_somebody_else_is_faster(gateway: GatewayProcess, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(MADE % "theirs")
    command = [sys.executable, "-m", "penstock", "apply", "-f", str(other), "--state-dir", str(gateway.state.path)]
    late = editor(
        tmp_path,
        "late.py",
        "import subprocess",
        f"subprocess.run({command!r}, check=True)",
        replacing("/made", "/late"),
    )
    refused = told(gateway, "edit", "route/made", given="y\n", EDITOR=late)
    assert refused.returncode == 1
    assert get(gateway.port(), "/made") == (200, b"theirs")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    file = tmp_path / "files.yaml"
    file.write_text(FILES)
    return file


def test_files_are_looked_into_without_a_gateway(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["get", "routes", "-f", str(files)]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "RESOURCE",
        "route/owned",
        "route/orders",
    ]
    assert main(["get", "-l", "team=shop", "-o", "json", "-f", str(files)]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == ["owned"]
    assert main(["describe", "upstream/orders", "-f", str(files)]) == 0
    assert "referred to by  route/orders\n" in capsys.readouterr().out
    assert main(["get", "route/ordrs", "-f", str(files)]) == 1
    assert "did you mean `route/orders`?" in capsys.readouterr().err
    files.write_text("kind: Route\nname: a\n")
    assert main(["get", "-f", str(files)]) == 1
    assert "the route leads nowhere" in capsys.readouterr().err


def test_files_are_compared_with_what_runs(gateway: GatewayProcess, files: Path) -> None:
    same = told(gateway, "diff", "-f", str(files))
    assert (same.returncode, same.stdout, same.stderr) == (0, "", "")
    files.write_text(FILES.replace("body: owned", "body: other").replace("path: /orders,", "path: /orders/*,"))
    different = told(gateway, "diff", "-f", str(files))
    assert different.returncode == 2
    assert [line for line in different.stdout.splitlines() if line.startswith("+++")] == [
        "+++ route/orders",
        "+++ route/owned",
    ]


def completed(gateway: GatewayProcess, line: str) -> list[str]:
    """What a real bash offers at the end of a line."""
    words = line.split(" ")
    script = (
        f'{SCRIPTS["bash"]}\npenstock() {{ {sys.executable} -m penstock "$@"; }}\n'
        f"COMP_WORDS=({' '.join(map(repr, ['penstock', *words]))}); COMP_CWORD={len(words)}\n"
        '_penstock; printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    around = {**os.environ, "PENSTOCK_STATE_DIR": str(gateway.state.path)}
    shell = [str(shutil.which("bash")), "--norc", "-c", script]
    found = subprocess.run(shell, capture_output=True, text=True, check=True, timeout=60, env=around)
    return found.stdout.split()


def test_bash_completes_commands_flags_choices_kinds_and_names(gateway: GatewayProcess) -> None:
    assert completed(gateway, "desc") == ["describe"]
    assert set(completed(gateway, "")) == {name for name, summary in COMMANDS.items() if summary}
    assert completed(gateway, "get --lab") == ["--labels"]
    assert completed(gateway, "get -o ") == ["json", "table", "wide", "yaml"]
    assert completed(gateway, "describe route/o") == ["route/orders", "route/owned"]
    assert completed(gateway, "get routes") == ["routes"]
    assert completed(gateway, "kinds Up") == ["Upstream"]
    assert completed(gateway, "completion z") == ["zsh"]


def test_there_is_a_script_for_every_shell(capsys: pytest.CaptureFixture[str]) -> None:
    for shell, script in SCRIPTS.items():
        assert main(["completion", shell]) == 0
        assert capsys.readouterr().out == script
