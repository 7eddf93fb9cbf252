"""`penstock create`, owners, `apply --prune` and what goes with it, before a running gateway."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.requests import get

FILES = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Route, name: of-files, path: /of-files, labels: {team: shop}, steps: [{kind: Respond, status: 200}]}
"""


@pytest.fixture
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(FILES, workers=1) as started:
        yield started


def told(gateway: GatewayProcess, *words: str) -> "CompletedProcess[str]":
    return gateway.command(*words, "--state-dir", str(gateway.state.path))


def routes(folder: Path, *names: str, labels: str = "team: shop") -> str:
    """A file of routes, each of which answers with its name."""
    file = folder / "routes.yaml"
    one = "kind: Route\nname: {0}\npath: /{0}\nlabels: {{{1}}}\nsteps: [{{kind: Respond, status: 200, body: {0}}}]\n"
    file.write_text("---\n".join(one.format(name, labels) for name in names))
    return str(file)


def owners(gateway: GatewayProcess) -> dict[str, str]:
    items = json.loads(told(gateway, "get", "routes", "-o", "json").stdout)
    return {one["name"]: one["status"]["owner"] for one in items}


def test_what_is_created_is_not_there_yet(gateway: GatewayProcess, tmp_path: Path) -> None:
    tried = told(gateway, "create", "-f", routes(tmp_path, "a", "b"), "--dry-run")
    assert (tried.returncode, "+++ route/a" in tried.stdout) == (2, True)
    assert told(gateway, "create", "-f", routes(tmp_path, "a")).stdout == "route/a created\nrevision 2 is applied\n"
    refused = told(gateway, "create", "-f", routes(tmp_path, "b", "a"))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("penstock: there is route/a already")
    assert owners(gateway) == {"a": "api", "of-files": "files"}


def test_what_an_owner_does_not_send_any_more_is_pruned_and_nothing_of_others(
    gateway: GatewayProcess, tmp_path: Path
) -> None:
    assert told(gateway, "create", "-f", routes(tmp_path, "nobodys")).returncode == 0
    kept = told(gateway, "apply", "-f", routes(tmp_path, "a", "b"), "--owner", "shop")
    assert kept.stdout.endswith("route/a is owned by shop now\nroute/b is owned by shop now\nrevision 3 is applied\n")
    assert owners(gateway) == {"a": "shop", "b": "shop", "nobodys": "api", "of-files": "files"}
    assert "owner           shop" in told(gateway, "describe", "route/a").stdout
    prune = ("apply", "-f", routes(tmp_path, "b"), "--owner", "shop", "--prune")
    tried = told(gateway, *prune, "--dry-run")
    assert (tried.returncode, "--- route/a\n" in tried.stdout, get(gateway.port(), "/a")) == (2, True, (200, b"a"))
    assert told(gateway, *prune).stdout == "route/a deleted\nrevision 4 is applied\n"
    assert owners(gateway) == {"b": "shop", "nobodys": "api", "of-files": "files"}
    # It is nobody's when it comes back: the owner went with it.
    assert told(gateway, "create", "-f", routes(tmp_path, "a")).returncode == 0
    assert owners(gateway)["a"] == "api"


def test_what_has_labels_and_no_owner_is_pruned_by_these(gateway: GatewayProcess, tmp_path: Path) -> None:
    told(gateway, "apply", "-f", routes(tmp_path, "other", labels="team: other"))
    told(gateway, "apply", "-f", routes(tmp_path, "owned"), "--owner", "shop")
    told(gateway, "apply", "-f", routes(tmp_path, "a", "b"))
    assert told(gateway, "apply", "-f", routes(tmp_path, "b"), "--prune", "-l", "team=shop").returncode == 0
    assert owners(gateway) == {"b": "api", "of-files": "files", "other": "api", "owned": "shop"}
    unlabelled = told(gateway, "apply", "-f", routes(tmp_path, "c", labels=""), "--prune", "-l", "team=shop")
    assert (unlabelled.returncode, "route/c has not the labels `team=shop`" in unlabelled.stderr) == (1, True)


def test_a_prune_that_would_take_everything_is_refused(gateway: GatewayProcess, tmp_path: Path) -> None:
    told(gateway, "apply", "-f", routes(tmp_path, "a"), "--owner", "shop")
    (tmp_path / "routes.yaml").write_text("# nothing\n")
    refused = told(gateway, "apply", "-f", str(tmp_path), "--owner", "shop", "--prune")
    assert (refused.returncode, "everything would go" in refused.stderr) == (1, True)
    whose = told(gateway, "apply", "-f", routes(tmp_path, "a"), "--prune")
    assert (whose.returncode, "--prune needs --owner NAME or --labels" in whose.stderr) == (2, True)
    assert owners(gateway)["a"] == "shop"


def test_what_others_own_is_refused_with_their_name(gateway: GatewayProcess, tmp_path: Path) -> None:
    file = routes(tmp_path, "a")
    told(gateway, "apply", "-f", file, "--owner", "shop")
    file = routes(tmp_path, "a", labels="team: mine")
    owned = "route/a is owned by shop: change it there, write as the owner `shop`, or take it over"
    for words in (
        ("apply", "-f", file),
        ("apply", "-f", file, "--owner", "me"),
        ("delete", "route/a"),
        ("edit", "route/a"),
    ):
        refused = told(gateway, *words)
        assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", f"penstock: {owned}\n"), words
    for taking in (
        ("apply", "-f", routes(tmp_path, "of-files"), "--take-over"),
        ("delete", "route/of-files", "--take-over"),
    ):
        refused = told(gateway, *taking)
        assert "route/of-files is owned by files: change it there\n" in refused.stderr
    taken = told(gateway, "apply", "-f", routes(tmp_path, "a"), "--owner", "me", "--take-over")
    assert taken.stdout == "route/a is owned by me now\nrevision 3 is applied\n"
    released = told(gateway, "apply", "-f", routes(tmp_path, "a"), "--take-over")
    assert released.stdout == "route/a is owned by api now\nrevision 4 is applied\n"
    wrong = told(gateway, "apply", "-f", routes(tmp_path, "a"), "--owner", "files")
    assert (wrong.returncode, "owner: `files` is the owner of" in wrong.stderr) == (1, True)


def test_files_are_told_whose_it_is_that_they_name(gateway: GatewayProcess, tmp_path: Path) -> None:
    told(gateway, "apply", "-f", routes(tmp_path, "a"), "--owner", "shop")
    gateway.write(f"{FILES}---\n{{kind: Route, name: a, path: /a, to: 'http://127.0.0.1:1'}}\n")
    wait_until(lambda: "`route/a` is owned by shop" in gateway.said)
    assert get(gateway.port(), "/a") == (200, b"a")


def test_owners_go_back_with_what_they_own(gateway: GatewayProcess, tmp_path: Path) -> None:
    told(gateway, "apply", "-f", routes(tmp_path, "a"), "--owner", "shop")
    told(gateway, "delete", "route/a", "--owner", "shop")
    assert "a" not in owners(gateway)
    assert told(gateway, "rollback", "r2").returncode == 0
    assert owners(gateway)["a"] == "shop"


def test_what_would_go_is_asked_for_at_a_terminal(gateway: GatewayProcess, tmp_path: Path) -> None:
    told(gateway, "apply", "-f", routes(tmp_path, "a", "b"), "--owner", "shop")
    where = ("--state-dir", str(gateway.state.path))
    command = (
        sys.executable,
        "-m",
        "penstock",
        "apply",
        "-f",
        routes(tmp_path, "b"),
        "--owner",
        "shop",
        "--prune",
        *where,
    )
    for answer, left in ((b"n\n", {"a", "b", "of-files"}), (b"y\n", {"b", "of-files"})):
        said = at_terminal(command, answer)
        assert "route/a would be deleted" in said
        assert "delete 1 resource? [y/N]" in said
        assert set(owners(gateway)) == left


def at_terminal(command: tuple[str, ...], answer: bytes) -> str:
    """What a command prints whose input is a terminal, at which somebody answers."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.write(ours, answer)
        return process.communicate(timeout=60)[0].decode()
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_change_is_told_as_data_too(gateway: GatewayProcess, tmp_path: Path) -> None:
    applied = json.loads(told(gateway, "apply", "-f", routes(tmp_path, "a"), "-o", "json").stdout)
    assert [(one["key"], one["action"]) for one in applied["changes"]] == [("route/a", "create")]
    kept = told(gateway, "delete", "route/a", "--no-wait")
    assert kept.stdout == "route/a deleted\nrevision 3 is kept; the workers will follow\n"
    wait_until(lambda: get(gateway.port(), "/a")[0] == 404)
