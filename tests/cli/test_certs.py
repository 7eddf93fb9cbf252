"""`penstock certs`: which certificates there are, until when, for whom, and who uses them."""

import json
from pathlib import Path

import pytest

from penstock.cli.main import main
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
    assert main(["certs", "-c", str(file)]) == 0
    header, old, shop = capsys.readouterr().out.splitlines()
    assert header.split() == ["CERTIFICATE", "EXPIRES", "DAYS", "FOR", "BY", "USED", "BY"]
    assert old.split()[:2] == ["old", "2020-01-02T00:00:00Z"]
    assert old.split()[3:] == ["expired.test", "Penstock", "tests", "-"]
    assert shop.endswith("shop.test, *.shop.test  Penstock tests  listener/web, upstream/orders")


def test_the_same_as_json_and_never_a_key(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certs", "-c", str(file), "-o", "json"]) == 0
    printed = capsys.readouterr().out
    old, shop = json.loads(printed)["certificates"]
    assert (old["names"], old["used_by"]) == (["expired.test"], [])
    assert old["days_left"] < 0 < shop["days_left"]
    assert pair("shop")[1].splitlines()[1] not in printed


def test_a_broken_configuration_lists_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(CONFIGURATION.replace("shop.key", "expired.key"))
    assert main(["certs", "-c", str(file)]) == 1
    assert capsys.readouterr().out == ""
