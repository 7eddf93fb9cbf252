"""`penstock consumers`: who is known by a key, in files and at a running gateway."""

import json
from pathlib import Path

import pytest

from penstock.cli.main import main
from tests.servers.gateway_process import GatewayProcess

CONFIGURATION = """
{kind: Listener, name: web, address: "127.0.0.1:0"}
---
{kind: Consumer, name: alice, groups: [gold, eu], labels: {team: a}, keys: [hush-alice-0123456, hush-alice-9876543]}
---
{kind: Consumer, name: bob, enabled: false, keys: [hush-bob-0123456]}
"""
TOLD = [
    {"name": "alice", "groups": ["gold", "eu"], "keys": 2, "enabled": True, "labels": {"team": "a"}},
    {"name": "bob", "groups": [], "keys": 1, "enabled": False, "labels": {}},
]


def test_consumers_of_files_are_listed_without_their_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(CONFIGURATION)
    assert main(["consumers", "-f", str(file)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["CONSUMER", "GROUPS", "KEYS", "ENABLED"],
        ["alice", "gold,", "eu", "2", "yes"],
        ["bob", "-", "1", "no"],
    ]
    assert main(["consumers", "-f", str(file), "-o", "wide"]) == 0
    assert "team=a" in capsys.readouterr().out
    assert main(["consumers", "-f", str(file), "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"consumers": TOLD}


def test_those_of_a_running_gateway_are_the_same() -> None:
    with GatewayProcess(CONFIGURATION, workers=1) as gateway:
        where = ("--state-dir", str(gateway.state.path))
        told = gateway.command("consumers", *where, "-o", "json")
        assert json.loads(told.stdout) == {"consumers": TOLD}
        assert "hush" not in gateway.command("get", "consumers", *where, "-o", "yaml").stdout
