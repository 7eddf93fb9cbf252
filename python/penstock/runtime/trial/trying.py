"""Runs tests: first by the plan alone, then, where they ask for more, by a gateway of their own."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from penstock.compiler import Compiled
from penstock.model.loading.loaded import Placed
from penstock.model.test import Test
from penstock.runtime.explanation import Explainer, whole_url
from penstock.runtime.trial.child import run_in_child
from penstock.runtime.trial.judging import has_to_run, imagined, judge_own_status, judge_run, judge_verdict
from penstock.runtime.trial.report import Mismatch, Outcome, Report

_ROUTES = ("route/", "tlsroute/", "tcproute/", "udproute/")


def tests_of(placed: Iterable[Placed]) -> list[Test]:
    """The tests among some resources that are in use."""
    return [one.resource for one in placed if isinstance(one.resource, Test) and one.resource.enabled]


def try_all(compiled: Compiled, tests: Sequence[Test], state_folder: Path) -> Report:
    """What becomes of the requests of all tests.

    Shape: the plugins of the plan lie in the state folder.
    Raises: ValueError if the plan cannot be built.
    """
    parts = compiled.plan["parts"]
    routes = [key.partition("/")[2] for key in parts if key.startswith(_ROUTES)]
    if not tests:
        return Report((), routes)
    explainer = Explainer(compiled.plan)
    outcomes = {test.name: _by_verdict(test, explainer, routes) for test in tests}
    running = [one for one in tests if (told := outcomes[one.name].explained) and has_to_run(one, told)]
    if running:
        asked = [_asked(one, outcomes[one.name]) for one in running]
        ran = run_in_child(parts, compiled.secrets, asked, state_folder)
        for one in running:
            outcomes[one.name] = _with_run(one, outcomes[one.name], ran[one.name])
    return Report(list(outcomes.values()), routes)


def _by_verdict(test: Test, explainer: Explainer, routes: Sequence[str]) -> Outcome:
    try:
        explained = explainer.explain(imagined(test))
    except ValueError as problem:
        return Outcome(test.name, [Mismatch(("request",), "a request", "none", str(problem))])
    found = list(judge_verdict(test.expect, explained, routes))
    if not has_to_run(test, explained):
        found += judge_own_status(test.expect, explained)
    return Outcome(test.name, found, explained)


def _with_run(test: Test, outcome: Outcome, ran: Mapping[str, Any]) -> Outcome:
    found = [*outcome.mismatches, *judge_run(test, ran)]
    return Outcome(test.name, found, outcome.explained, was_run=True)


def _asked(test: Test, outcome: Outcome) -> dict[str, Any]:
    """What the child needs of a test."""
    request = test.request
    return {
        "name": test.name,
        "listener": outcome.explained["listener"],
        "route": outcome.route,
        "method": request.method,
        "url": whole_url(request.url, request.headers.items()),
        "headers": list(request.headers.items()),
        "body": request.body,
        "client": request.client_ip or "127.0.0.1",
        "tls_name": request.tls.name,
        "shows_certificate": bool(request.tls.client),
        "answers": {name: answer.model_dump(mode="json") for name, answer in test.answers.items()},
    }
