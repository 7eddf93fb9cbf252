"""Whether what became of a test's request is what the test expects."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from penstock.base.names import did_you_mean
from penstock.model.test import Expectations, Forwarded, Test, TextTest
from penstock.runtime.explanation import why_not
from penstock.runtime.trial.report import Mismatch

_NOTHING = "nothing"
_LONGEST = 200


def imagined(test: Test) -> dict[str, Any]:
    """The request of a test as `explain` takes it."""
    asked = test.request
    handshake = {
        "name": asked.tls.name,
        "version": asked.tls.version,
        "client": [list(pair) for pair in asked.tls.client.items()] or None,
    }
    given = {
        "from": asked.client_ip,
        "listener": asked.listener,
        "tls": {name: value for name, value in handshake.items() if value is not None},
    }
    headers = [list(pair) for pair in asked.headers.items()]
    request = {"method": asked.method, "url": asked.url, "headers": headers}
    return {**request, **{name: value for name, value in given.items() if value}}


def has_to_run(test: Test, explained: Mapping[str, Any]) -> bool:
    """Whether what a test expects shows only in an answer, or at an upstream."""
    expect = test.expect
    if not explained["path"]:  # its bytes are carried as they are
        return False
    asks_for_answer = bool(expect.headers or expect.body or expect.forwarded)
    return asks_for_answer or (expect.status is not None and explained["status"] is None)


def judge_verdict(expect: Expectations, explained: Mapping[str, Any], routes: Sequence[str]) -> Iterator[Mismatch]:
    """What of a verdict is not as expected."""
    chosen = explained["chosen"] or {}
    if expect.listener not in {None, explained["listener"]}:
        yield Mismatch(("expect", "listener"), str(expect.listener), str(explained["listener"]))
    if expect.route not in {None, chosen.get("route")}:
        found = chosen.get("route") or _unserved(explained)
        yield Mismatch(("expect", "route"), str(expect.route), found, _why_route(str(expect.route), explained, routes))
    if expect.params is not None and dict(expect.params) != (params := chosen.get("params", {})):
        yield Mismatch(("expect", "params"), _listed(expect.params.items()), _listed(params.items()))
    if expect.steps is not None:
        steps = [step["name"] for step in chosen.get("steps", ()) if step["runs"]]
        if list(expect.steps) != steps:
            left = [step["name"] for step in chosen.get("steps", ()) if not step["runs"]]
            why = f"the condition of {', '.join(left)} does not hold" if left else ""
            yield Mismatch(("expect", "steps"), _names(expect.steps), _names(steps), why)
    if expect.upstream not in {None, chosen.get("upstream")}:
        yield Mismatch(("expect", "upstream"), str(expect.upstream), chosen.get("upstream") or _NOTHING)


def judge_own_status(expect: Expectations, explained: Mapping[str, Any]) -> Iterator[Mismatch]:
    """The same of the status of an answer that the gateway gives without a route."""
    if expect.status is not None and expect.status != explained["status"]:
        found = str(explained["status"] or "none: its bytes are carried, or the connection is closed")
        yield Mismatch(("expect", "status"), str(expect.status), found, _why_unserved(explained))


def judge_run(test: Test, ran: Mapping[str, Any]) -> Iterator[Mismatch]:
    """What of an answer, and of what arrived at upstreams, is not as expected."""
    expect = test.expect
    if ran.get("problem"):
        yield Mismatch(("request",), "an answer", _NOTHING, str(ran["problem"]))
        return
    if expect.status not in {None, ran["status"]}:
        yield Mismatch(("expect", "status"), str(expect.status), str(ran["status"]), _short(ran["body"]))
    yield from _judge_headers(("expect", "headers"), expect.headers, ran["headers"])
    yield from _judge_text(("expect", "body"), expect.body, ran["body"])
    if expect.forwarded is not None:
        yield from _judge_arrival(expect.forwarded, ran["arrivals"], ran["status"])


def _judge_arrival(expected: Forwarded, arrivals: Sequence[Mapping[str, Any]], status: int) -> Iterator[Mismatch]:
    place = ("expect", "forwarded")
    if not arrivals:
        yield Mismatch(place, "a request at an upstream", "none", f"the gateway itself answers {status}")
        return
    last = arrivals[-1]
    for name in ("upstream", "method"):
        wanted = getattr(expected, name)
        if wanted not in {None, last[name]}:
            yield Mismatch((*place, name), str(wanted), str(last[name]))
    yield from _judge_text((*place, "path"), expected.path, last["path"])
    yield from _judge_headers((*place, "headers"), expected.headers, last["headers"])
    yield from _judge_text((*place, "body"), expected.body, last["body"])


def _judge_headers(
    place: tuple[str, ...], expected: Mapping[str, TextTest], found: Iterable[Sequence[str]]
) -> Iterator[Mismatch]:
    first: dict[str, str] = {}
    for name, value in found:
        first.setdefault(name.lower(), value)
    for name, test in expected.items():
        yield from _judge_text((*place, name), test, first.get(name))


def _judge_text(place: tuple[str, ...], expected: TextTest | None, found: str | None) -> Iterator[Mismatch]:
    if expected is not None and not expected.holds(found):
        yield Mismatch(place, str(expected), _NOTHING if found is None else repr(_short(found)))


def _why_route(name: str, explained: Mapping[str, Any], routes: Sequence[str]) -> str:
    verdict = next((one for one in explained["routes"] if one["name"] == name), None)
    if verdict is not None:
        return f"{name}: {why_not(verdict)}"
    if name in routes:
        return f"{name} does not serve listener {explained['listener']}"
    return f"no route is called {name}; {did_you_mean(name, routes)}".removesuffix("; ")


def _unserved(explained: Mapping[str, Any]) -> str:
    status = explained["status"]
    return f"none: {status} from the gateway itself" if status else "none: the connection is closed"


def _why_unserved(explained: Mapping[str, Any]) -> str:
    if explained["before"]:
        return f"{explained['before']} answers before a route is looked for"
    return f"it allows {explained['allow']}" if explained["allow"] else ""


def _listed(pairs: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{name}={value}" for name, value in pairs) or "none"


def _names(steps: Iterable[str]) -> str:
    return ", ".join(steps) or "none"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
