"""What a compilation remembers never changes what it gives: any history leads to the plan of a fresh start."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from penstock.compiler import Remembered, compile_resources
from penstock.model.loading import load_resources
from tests.filters.catalogue_fake import FakeCatalogue

PIECES = [
    "kind: Listener\nname: web\naddress: 127.0.0.1:80\n",
    "kind: Upstream\nname: one\nendpoints: [http://127.0.0.1:1]\n",
    "kind: Upstream\nname: one\nendpoints: [http://127.0.0.1:2]\n",
    "kind: Upstream\nname: one\nenabled: false\nendpoints: [http://127.0.0.1:2]\n",
    "kind: Route\nname: a\npath: /a\nto: one\n",
    "kind: Route\nname: a\npath: /a\nto: http://127.0.0.1:3\n",
    "kind: Route\nname: a\npath: /a\nto: http://127.0.0.1:4\n",
    "kind: Route\nname: a\npath: /a\ntimeout: 5s\nto: one\n",
    "kind: Route\nname: a\npath: /a\nenabled: false\nto: one\n",
    "kind: Route\nname: b\npath: /a\nto: one\n",
    "kind: Route\nname: b\npath: /a\nmethods: [GET]\nto: http://127.0.0.1:3\n",
    "kind: Route\nname: b\npath: /b\nlisteners: [web]\nto: http://127.0.0.1:3\n",
    "kind: Route\nname: c\npath: /{x}\npriority: 1\nto: http://127.0.0.1:4\n",
    "kind: Route\nname: c\npath: /{x}\nsteps: [{kind: Nothing}]\n",
    "kind: Rout\nname: d\n",
    "kind: Consumer\nname: a\nkeys: [a-key-of-16-letters]\n",
    "kind: Consumer\nname: a\nkeys: [b-key-of-16-letters]\n",
    "kind: Consumer\nname: b\nkeys: [b-key-of-16-letters]\n",
    "kind: Telemetry\nname: t\naccess_log: {path: /a}\n",
    "kind: Telemetry\nname: t\ntracing: {zipkin: {endpoint: http://127.0.0.1:5}}\n",
    "kind: Telemetry\nname: u\ntracing: {zipkin: {endpoint: http://127.0.0.1:6}}\n",
]
CARRIED = """kind: Listener
name: web
address: 127.0.0.1:80
protocols: [tls]
---
kind: TlsRoute
name: a
hosts: [a.example]
to: one
---
"""
UPSTREAM = "---\nkind: Upstream\nname: one\nendpoints: [{}://127.0.0.1:1]\n"
BESIDE = "kind: TlsRoute\nname: b\nhosts: [{}.example]\nto: tcp://127.0.0.1:2\n"
EDITS = {
    "a host that another has": (
        BESIDE.format("b") + UPSTREAM.format("tcp"),
        BESIDE.format("a") + UPSTREAM.format("tcp"),
    ),
    "TLS in TLS": (UPSTREAM.format("tcp"), UPSTREAM.format("tls")),
}


@pytest.mark.parametrize(("right", "wrong"), EDITS.values(), ids=EDITS)
def test_an_edit_that_makes_a_problem_between_two_is_refused_and_its_mending_is_not(right: str, wrong: str) -> None:
    remembered = Remembered()
    found = []
    for text in (right, wrong, right):
        loaded = load_resources(CARRIED + text)
        again = compile_resources(loaded.resources, FakeCatalogue(), remembered, unusable=loaded.unusable)
        assert again == compile_resources(loaded.resources, FakeCatalogue(), unusable=loaded.unusable)
        found.append(bool(again.problems))
    assert found == [False, True, False]


@settings(deadline=None, max_examples=300, derandomize=True)
@given(some.lists(some.lists(some.sampled_from(PIECES), max_size=7), min_size=2, max_size=5))
def test_any_history_leads_to_the_plan_and_problems_of_a_fresh_start(history: list[list[str]]) -> None:
    remembered = Remembered()
    for pieces in history:
        loaded = load_resources("---\n".join(pieces))
        again = compile_resources(loaded.resources, FakeCatalogue(), remembered, unusable=loaded.unusable)
        assert again == compile_resources(loaded.resources, FakeCatalogue(), unusable=loaded.unusable)


@settings(deadline=None, max_examples=200, derandomize=True)
@given(some.lists(some.sampled_from(PIECES), min_size=1, max_size=7), some.data())
def test_one_changed_resource_leads_to_the_plan_of_a_fresh_start(pieces: list[str], data: some.DataObject) -> None:
    remembered = Remembered()
    for _ in range(3):
        loaded = load_resources("---\n".join(pieces))
        again = compile_resources(loaded.resources, FakeCatalogue(), remembered, unusable=loaded.unusable)
        assert again == compile_resources(loaded.resources, FakeCatalogue(), unusable=loaded.unusable)
        position = data.draw(some.integers(0, len(pieces) - 1))
        pieces = [*pieces[:position], data.draw(some.sampled_from(PIECES)), *pieces[position + 1 :]]
