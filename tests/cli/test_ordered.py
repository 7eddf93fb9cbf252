"""Commands that try a configuration out whose certificates have not come yet."""

import json
from pathlib import Path

import pytest

from penstock.cli.main import main

CONFIGURATION = """
{kind: Listener, name: plain, address: "127.0.0.1:8080"}
---
{kind: Listener, name: web, address: "127.0.0.1:8443", tls: {certificates: [shop]}}
---
{kind: Certificate, name: shop, acme: {names: [shop.test]}}
---
{kind: Route, name: tea, path: /tea, steps: [{kind: Respond, status: 418, body: short and stout}]}
---
kind: Test
name: tea
request: {url: "https://shop.test/tea"}
expect: {route: tea, status: 418, body: short and stout}
"""


@pytest.fixture
def written(tmp_path: Path) -> str:
    path = tmp_path / "gateway.yaml"
    path.write_text(CONFIGURATION)
    return str(path)


def test_tests_go_by_what_will_have_come(written: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", "-c", written]) == 0, capsys.readouterr()


def test_explain_goes_by_what_will_have_come(written: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "-c", written, "-o", "json", "GET", "https://shop.test/tea"]) == 0
    explained = json.loads(capsys.readouterr().out)
    assert explained["tls"]["certificate"] == "shop"
    assert explained["chosen"]["route"] == "tea"


def test_a_plan_holds_no_certificate_that_only_stands_in(written: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "-c", written]) == 0
    parts = json.loads(capsys.readouterr().out)["parts"]
    assert "certificate/shop" not in parts
    assert parts["listener/web"]["body"]["tls"]["certificates"] == []
