"""Access from the command line: tokens, users, roles, namespaces, coming in and going out."""

import json
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
PASSWORD = "correct-horse-battery"


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess(CONFIGURATION, "--admin", "127.0.0.1:0", workers=1) as started:
        yield started


@pytest.fixture(scope="module")
def api(gateway: GatewayProcess) -> Api:
    return api_of(gateway)


class Penstock:
    """Commands to one gateway, over its socket."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self.gateway = gateway

    def __call__(self, *words: str | Path, code: int = 0) -> str:
        found = self.gateway.command(*map(str, words), "--state-dir", str(self.gateway.state.path))
        assert found.returncode == code, found.stdout + found.stderr
        return found.stderr if code else found.stdout


@pytest.fixture
def penstock(gateway: GatewayProcess) -> Penstock:
    return Penstock(gateway)


def test_a_token_is_printed_alone_and_once(penstock: Penstock, api: Api) -> None:
    token = penstock("token", "create", "ci", "--role", "operator", "--expires", "1h").strip()
    assert Api(api.port, token).ask("GET", "/api/v1/whoami").data["role"] == "operator"
    shown = penstock("token", "list")
    assert shown.splitlines()[0].split() == ["TOKEN", "ROLE", "NAMESPACE", "EXPIRES", "LAST", "USED"]
    assert shown.splitlines()[1].split()[:3] == ["ci", "operator", "-"]
    assert token not in shown + penstock("token", "list", "-o", "json")
    assert "there is a token ci already" in penstock("token", "create", "ci", "--role", "viewer", code=1)
    assert "write 1 to 63" in penstock("token", "create", "A B", "--role", "viewer", code=2)
    assert penstock("token", "revoke", "ci") == "token ci is revoked\n"
    assert Api(api.port, token).ask("GET", "/api/v1/whoami").status == 401


def test_roles_and_namespaces_are_files(penstock: Penstock, api: Api, tmp_path: Path) -> None:
    role, namespace = tmp_path / "role.yaml", tmp_path / "namespace.yaml"
    role.write_text("rules:\n  - {verbs: [read, write], kinds: [Route]}\n")
    namespace.write_text("hosts: [a.example.com]\n")
    assert penstock("role", "set", "routes", "-f", role) == "role routes is kept\n"
    assert penstock("namespace", "set", "team", "-f", namespace) == "namespace team is kept\n"
    assert "routes" in penstock("role", "list")
    assert json.loads(penstock("role", "show", "routes"))["rules"][0]["kinds"] == ["Route"]
    assert "a.example.com" in penstock("namespace", "list")
    token = penstock("token", "create", "teams", "--role", "routes", "--namespace", "team").strip()
    assert Api(api.port, token).ask("GET", "/api/v1/whoami").data["namespace"] == "team"
    assert "is that of teams" in penstock("namespace", "delete", "team", code=1)
    role.write_text("rules: [{verbs: [fly]}]\n")
    assert "fly" not in penstock("role", "set", "routes", "-f", role, code=1)
    assert "no YAML" in penstock("role", "set", "routes", "-f", penstock.gateway.state.store, code=2)
    penstock("token", "revoke", "teams")
    assert penstock("namespace", "delete", "team") == "namespace team is deleted\n"


def test_somebody_comes_in_and_goes_out(penstock: Penstock, api: Api, tmp_path: Path) -> None:
    secret, file = tmp_path / "password", tmp_path / "contexts.yaml"
    secret.write_text(f"{PASSWORD}\n")
    penstock("user", "set", "alice", "--role", "viewer", "--password-file", secret)
    assert penstock("user", "list").splitlines()[1].split() == ["alice", "viewer", "-", "yes"]
    variables = {"PENSTOCK_CONFIG": str(file)}
    command = penstock.gateway.command
    added = command("context", "add", "near", "--server", f"http://127.0.0.1:{api.port}", **variables)
    assert added.returncode == 0
    came = command("login", "--user", "alice", "--password-file", str(secret), **variables)
    assert (came.returncode, came.stderr) == (0, "")
    assert (tmp_path / "near.session").stat().st_mode & 0o777 == 0o600
    assert command("whoami", **variables).stdout == "alice, by session: viewer\n"
    refused = command("reload", **variables)
    assert (refused.returncode, refused.stderr) == (1, "penstock: alice may not operate here\n")
    assert command("logout", **variables).stdout == "the session at near has ended\n"
    assert command("whoami", **variables).returncode == 1
    secret.write_text("wrong-" + PASSWORD)
    refused = command("login", "--user", "alice", "--password-file", str(secret), **variables)
    assert (refused.returncode, refused.stderr) == (1, "penstock: name or password is wrong\n")
    penstock("user", "set", "alice", "--role", "operator", "--keep-password", "--disabled")
    assert penstock("user", "list").splitlines()[1].split() == ["alice", "operator", "-", "no"]
    assert penstock("user", "delete", "alice") == "user alice is deleted\n"
    assert penstock("whoami") == "owner, by socket: admin\n"
