"""The committed schemas, as an editor uses them: what works is accepted, typical mistakes are marked."""

import json
import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from penstock.model import KINDS
from penstock.model.loading.text import documents
from penstock.model.loading.tree import read_yaml
from tools.repository import ROOT, text, with_suffix

EVERY = Draft202012Validator(json.loads((ROOT / "schemas/penstock.json").read_text()))
EACH = {name: Draft202012Validator(json.loads((ROOT / f"schemas/{name.lower()}.json").read_text())) for name in KINDS}
FENCE = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGES = [path for path in with_suffix(".md") if path.name == "README.md" or path.match("docs/guide/*.md")]
CASES = sorted(Path(__file__).parents[1].glob("compiler/cases/*.in.yaml"))

TEXTS = {
    "examples/penstock.yaml": (ROOT / "examples/penstock.yaml").read_text(),
    **{f"{page} {number}": block for page in PAGES for number, block in enumerate(FENCE.findall(text(page)))},
    **{f"example of {name}": dedent(model.example) for name, model in KINDS.items()},
    **{case.name: case.read_text() for case in CASES},
    "references": """
        kind: Listener
        name: ${env:NAME}
        address: ${env:HOST:-0.0.0.0}:${env:PORT:-8080}
        limits: {idle: "${env:IDLE}", headers: "${file:size}"}
    """,
}

MISTAKES = [
    "kind: Rute\nname: a",
    "name: a",
    "kind: Route\nto: x",
    "kind: Route\nname: My Route\nto: x",
    "kind: Route\nname: a\nto: x\npth: /x",
    "kind: Route\nname: a\nto: x\npath: x",
    "kind: Route\nname: a\nto: x\nhosts: a.b",
    "kind: Route\nname: a\nto: x\nmethods: [get]",
    "kind: Route\nname: a\nto: x\ntimeout: 5",
    "kind: Route\nname: a\nto: x\ntimeout: 5 s",
    "kind: Route\nname: a\nto: x\npriority: high",
    "kind: Route\nname: a\nto: x\nheaders: {a: {equals: b}}",
    "kind: Route\nname: a\nto: x\nheaders: {a: {exact: b, prefix: c}}",
    "kind: Route\nname: a\nto: x\nheaders: {a: 1}",
    "kind: Route\nname: a\nto: [{upstream: x, wieght: 1}]",
    "kind: Route\nname: a\nsteps: [{to: x}]",
    "kind: Route\nname: a\nsteps: []",
    "kind: Route\nname: a",
    "kind: Route\nname: a\nto: x\npipeline: y",
    "kind: Listener\nname: a",
    "kind: Listener\nname: a\naddress: 8080",
    "kind: Listener\nname: a\naddress: '8080'",
    "kind: Listener\nname: a\naddress: 127.0.0.1:80\nprotocols: [h4]",
    "kind: Listener\nname: a\naddress: 127.0.0.1:80\nlimits: {headers: 65536}",
    "kind: Listener\nname: a\naddress: 127.0.0.1:80\nlimits: {fields: 0}",
    "kind: Upstream\nname: a\nendpoints: []",
    "kind: Upstream\nname: a\nendpoints: [127.0.0.1:80]",
    "kind: Upstream\nname: a\nendpoints: [http://a]\nbalance: roundrobin",
    "kind: Upstream\nname: a\nendpoints: [http://a]\nretry: {on: [200]}",
    "kind: Upstream\nname: a\nendpoints: [http://a]\nretry: {budget: 20}",
    "kind: Pipeline\nname: a\nsteps: [Forward]",
    "kind: Telemetry\nname: a\naccess_log: {path: access.log}",
    "kind: Plugin\nname: a",
    "kind: Route\nname: a\nto: x\nenabled: 'yes'",
]


def data(content: str) -> list[Any]:
    return [read_yaml(document.content.removeprefix("---")) for document in documents(content)]


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_shown_and_what_compiles_is_accepted(name: str) -> None:
    for document in data(TEXTS[name]):
        assert [error.message for error in EVERY.iter_errors(document)] == []
        assert [error.message for error in EACH[document["kind"]].iter_errors(document)] == []


@pytest.mark.parametrize("content", MISTAKES, ids=lambda content: " ".join(content.split())[:60])
def test_a_typical_mistake_is_marked(content: str) -> None:
    (document,) = data(content)
    assert list(EVERY.iter_errors(document))
