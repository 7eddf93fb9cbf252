"""Which requests of the past would be served differently."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.runtime.explanation import Explainer
from penstock.runtime.whatif.logged import Logged

_MOST_KNOWN = 100_000
"""Requests whose verdict is remembered: beyond it memory would grow with the log."""
_MOST_NAMED = 1_000
_NOT_IN_LOG = frozenset({"header", "cookie", "query", "when"})
"""Conditions on what an access log does not hold."""
_Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a configuration does with a request.

    Shape: `steps` are those whose conditions hold, absent where only a log tells of it; `status` is that of the
    gateway's own answer, where no route serves.
    """

    route: str | None
    steps: tuple[str, ...] | None
    status: int | None

    def differs(self, other: "Verdict") -> bool:
        """Whether something else becomes of the request."""
        if (self.route, self.status) != (other.route, other.status):
            return True
        return None not in {self.steps, other.steps} and self.steps != other.steps

    def to_json(self) -> dict[str, Any]:
        """The form that machines read."""
        return {"route": self.route, "steps": self.steps, "status": self.status}


@dataclass(slots=True)
class Difference:
    """A request of which something else would become, and how often it is in the log."""

    request: Logged
    before: Verdict
    after: Verdict
    is_uncertain: bool
    count: int = 0


@dataclass(slots=True)
class _Judged:
    """What is known of requests that are alike."""

    difference: Difference | None = None
    is_different: bool = False
    is_uncertain: bool = False
    is_judged: bool = True


@dataclass(slots=True)
class Comparison:
    """Compares a plan with an earlier one, or with what a log says.

    Shape: at most `most` differences are kept; of further ones only `different` counts the requests. `uncertain` are
    requests that met a condition on what no log holds, at one of `uncertain_routes`.
    """

    after: "Judge"
    before: "Judge | None" = None
    most: int = 10_000
    requests: int = 0
    unreadable: int = 0
    unjudged: int = 0
    different: int = 0
    uncertain: int = 0
    uncertain_routes: set[str] = field(default_factory=set)
    differences: dict[_Key, Difference] = field(default_factory=dict)
    _known: dict[_Key, _Judged] = field(default_factory=dict)

    def take(self, requests: Iterable[Logged | None]) -> None:
        """Compare what becomes of some requests; nothing stands for a line that tells none."""
        for request in requests:
            if request is None:
                self.unreadable += 1
                continue
            self.requests += 1
            self._count(self._judged(request))

    def _count(self, judged: _Judged) -> None:
        self.unjudged += not judged.is_judged
        self.different += judged.is_different
        self.uncertain += judged.is_uncertain
        if judged.difference is not None:
            judged.difference.count += 1

    def _judged(self, request: Logged) -> _Judged:
        key = self._key(request)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                # What differs is kept apart, and found again by its key.
                self._known.clear()
            found = self._known[key] = self._judge(key, request)
        return found

    def _judge(self, key: _Key, request: Logged) -> _Judged:
        after, uncertain = self.after.verdict(request)
        if self.before is None:
            before: Verdict | None = Verdict(request.route or None, None, None if request.route else request.status)
        else:
            before, more = self.before.verdict(request)
            uncertain = uncertain | more
        if before is None or after is None:
            return _Judged(is_judged=False)
        if len(self.uncertain_routes) < _MOST_NAMED:
            self.uncertain_routes |= uncertain
        if not before.differs(after):
            return _Judged(is_uncertain=bool(uncertain))
        kept = self.differences.get(key)
        if kept is None and len(self.differences) < self.most:
            kept = self.differences[key] = Difference(request, before, after, bool(uncertain))
        return _Judged(kept, is_different=True, is_uncertain=bool(uncertain))

    def _key(self, request: Logged) -> _Key:
        """All of a request that a verdict can depend on."""
        asks = self.after.asks | (self.before.asks if self.before else frozenset())
        was = (request.route, "" if request.route else str(request.status)) if self.before is None else ()
        one = (request.listener, request.method, request.host, request.path, request.query, request.tls_name)
        return (*one, *(getattr(request, name) for name in sorted(asks)), *was)


class Judge:
    """Tells what a plan does with logged requests. `asks` are further fields of a request that it may depend on."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        parts = plan["parts"]
        self._explainer = Explainer(plan)
        self._listeners = {key.partition("/")[2] for key in parts if key.startswith("listener/")}
        words = json.dumps([_asking(part["body"]) for part in parts.values()])
        fields = {"client": "client_ip", "user_agent": "user-agent"}
        self.asks = frozenset(name for name, word in fields.items() if word in words.lower())

    def verdict(self, request: Logged) -> tuple[Verdict | None, set[str]]:
        """What becomes of a request, and the routes that might serve it instead, by what the log does not hold.

        Shape: no verdict of what cannot be imagined.
        """
        try:
            explained = self._explainer.explain(self._imagined(request), is_near=True)
        except ValueError:
            return None, set()
        chosen = explained["chosen"]
        steps = tuple(step["name"] for step in chosen["steps"] if step["runs"]) if chosen else ()
        verdict = Verdict(chosen["route"] if chosen else None, steps, explained["status"])
        return verdict, set(_uncertain(explained["routes"]))

    def _imagined(self, request: Logged) -> dict[str, Any]:
        query = f"?{request.query}" if request.query else ""
        found: dict[str, Any] = {"method": request.method, "url": f"http://{request.host}{request.path}{query}"}
        found["headers"] = [["user-agent", request.user_agent]] if request.user_agent else []
        if request.client:
            found["from"] = request.client
        if request.listener in self._listeners:
            found["listener"] = request.listener
        if request.tls_name:
            found["tls"] = {"name": request.tls_name}
        return found


def _asking(body: Mapping[str, Any]) -> dict[str, Any]:
    """A part without what says nothing of requests by itself."""
    return {key: value for key, value in body.items() if key != "client_ip"} | (
        {"asks": "client_ip"} if body.get("client_ip") else {}
    )


def _uncertain(routes: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The routes before the chosen one that a header or the like could have made serve."""
    for route in routes:
        if route["verdict"] == "chosen":
            return
        if (route.get("failed") or {}).get("condition") in _NOT_IN_LOG:
            yield route["name"]
