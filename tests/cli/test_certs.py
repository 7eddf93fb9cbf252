"""`penstock certs`: which certificates there are, until when, for whom, and who uses them."""

import json
from pathlib import Path

import pytest

from penstock.cli.main import main
from tests.servers.gateway_process import GatewayProcess
from tests.servers.tls_client import CERTIFICATES, pair

CONFIGURATION = f"""
kind: Certificate
name: shop
certificate: ${{file:{CERTIFICATES}/shop.pem}}
key: ${{file:{CERTIFICATES}/shop.key}}
---
kind: Certificate
name: old
certificate: ${{file:{CERTIFICATES}/expired.pem}}
key: ${{file:{CERTIFICATES}/expired.key}}
---
{{kind: Listener, name: web, address: "127.0.0.1:8443", tls: {{certificates: [shop]}}}}
---
{{kind: Upstream, name: orders, endpoints: ["https://a.test"], tls: {{certificate: shop}}}}
---
{{kind: Route, name: all, path: /*, to: orders}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(CONFIGURATION)
    return path


def test_certificates_are_listed_with_the_next_to_expire_first(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certs", "-f", str(file)]) == 0
    header, old, shop = capsys.readouterr().out.splitlines()
    assert header.split() == ["CERTIFICATE", "EXPIRES", "DAYS", "FOR", "USED", "BY", "FROM", "WARNING"]
    assert old.split()[:2] == ["old", "2020-01-02T00:00:00Z"]
    assert " ".join(old.split()[3:]) == (
        f"expired.test - {file} the certificate has expired: it was good until 2020-01-02 00:00 UTC, nothing uses it"
    )
    assert shop.endswith(f"shop.test, *.shop.test  listener/web, upstream/orders  {file}  -")
    assert main(["certs", "-f", str(file), "-o", "wide"]) == 0
    assert "  Penstock tests  " in capsys.readouterr().out


def test_those_of_a_running_gateway_are_told_with_their_owners(tmp_path: Path) -> None:
    with GatewayProcess(CONFIGURATION.replace("127.0.0.1:8443", "127.0.0.1:0"), workers=1) as gateway:
        where = ("--state-dir", str(gateway.state.path))
        more = tmp_path / "more.yaml"
        kind, _, rest = CONFIGURATION.partition("name: shop")
        more.write_text(f"{kind}name: more{rest.partition('---')[0]}")
        applied = gateway.command("apply", "-f", str(more), "--owner", "team-a", *where)
        assert applied.returncode == 0, applied.stderr
        found = json.loads(gateway.command("certs", *where, "-o", "json").stdout)["certificates"]
        assert [(one["name"], one["from"], one["listeners"]) for one in found] == [
            ("old", "files", []), ("more", "team-a", []), ("shop", "files", ["web"])
        ]  # fmt: skip
        assert found[0]["days_left"] < 0
        assert [one["warnings"] for one in found[1:]] == [["nothing uses it"], []]


def test_the_same_as_json_and_never_a_key(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certs", "-f", str(file), "-o", "json"]) == 0
    printed = capsys.readouterr().out
    old, shop = json.loads(printed)["certificates"]
    assert (old["names"], old["used_by"]) == (["expired.test"], [])
    assert old["days_left"] < 0 < shop["days_left"]
    assert pair("shop")[1].splitlines()[1] not in printed


def test_a_broken_configuration_lists_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(CONFIGURATION.replace("shop.key", "expired.key"))
    assert main(["certs", "-f", str(file)]) == 1
    assert capsys.readouterr().out == ""
