"""Changes that are watched for a while after they are made, and taken back where errors or latency jump."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.runtime.change.delta import Parts
from penstock.runtime.change.editing import Editing
from penstock.runtime.measures.readings import Histogram, Labels, Metric
from penstock.store import Author, Change, Damaged, Unavailable

_log = logging.getLogger("penstock")
_LOOK_SECONDS = 0.5
LEAST_REQUESTS = 20
"""Of fewer nothing is concluded: one that fails of three is no jump."""
_KEPT = 20
_NAMED = 5
_MICROSECONDS = 1_000_000
WATCH = Author("penstock", "watch")
"""Who takes a change back that did harm."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """For how long a change is watched, and what may become of its routes meanwhile.

    Shape: `errors` is the share of requests that may be answered with 5xx; `latency` how many times the mean duration
    from before, absent: any.
    """

    seconds: float
    errors: float = 0.05
    latency: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was counted of some routes: requests, those answered with 5xx, and how long those took that were timed."""

    requests: int = 0
    failed: int = 0
    timed: int = 0
    seconds: float = 0.0

    def since(self, earlier: "Seen") -> "Seen":
        """What has come since; a route that is new has no earlier."""
        return Seen(
            self.requests - earlier.requests,
            self.failed - earlier.failed,
            self.timed - earlier.timed,
            self.seconds - earlier.seconds,
        )

    def plus(self, other: "Seen") -> "Seen":
        """What was counted of both."""
        return Seen(
            self.requests + other.requests,
            self.failed + other.failed,
            self.timed + other.timed,
            self.seconds + other.seconds,
        )

    @property
    def error_rate(self) -> float:
        """The share of requests that failed."""
        return self.failed / self.requests if self.requests else 0.0

    @property
    def mean_seconds(self) -> float:
        """The mean time of a request."""
        return self.seconds / self.timed if self.timed else 0.0


def counted(metrics: Iterable[Metric]) -> dict[str, Seen]:
    """What was counted of each route so far."""
    found: dict[str, Seen] = {}
    for metric in metrics:
        for labels, value in metric.samples:
            more = _sample(metric.name, labels, value)
            if more is not None:
                route = labels.get("route", "")
                found[route] = found.get(route, Seen()).plus(more)
    return found


def _sample(name: str, labels: Labels, value: float | Histogram) -> Seen | None:
    if name == "penstock_requests_total" and not isinstance(value, tuple):
        return Seen(int(value), int(value) if labels["class"] == "5xx" else 0)
    if name == "penstock_request_duration_seconds" and isinstance(value, tuple):
        return Seen(timed=value[1], seconds=value[2] / _MICROSECONDS)
    return None


def seen(every: Mapping[str, Seen], routes: Collection[str] | None) -> Seen:
    """What was counted of some routes together; of all where none are named."""
    found = Seen()
    for route in every if routes is None else every.keys() & routes:
        found = found.plus(every[route])
    return found


def harm(bounds: Bounds, before: Seen, after: Seen) -> str:
    """What a change has done, in one sentence; empty where it did no harm, or nothing can be said yet."""
    if after.requests >= LEAST_REQUESTS and after.error_rate > max(bounds.errors, before.error_rate):
        told = f"{after.failed} of {after.requests} requests failed ({after.error_rate:.1%})"
        return f"{told}, {before.error_rate:.1%} before"
    is_known = min(before.timed, after.timed) >= LEAST_REQUESTS
    if bounds.latency and is_known and after.mean_seconds > bounds.latency * before.mean_seconds:
        return f"a request takes {after.mean_seconds * 1000:.1f} ms, {before.mean_seconds * 1000:.1f} ms before"
    return ""


def touched_routes(changed: Iterable[str], parts: Parts) -> set[str] | None:
    """The routes that changed parts of a plan are for; none named where that cannot be told: it may be any."""
    found: set[str] = set()
    pipelines: set[str] = set()
    upstreams: set[str] = set()
    for key in changed:
        kind, _, name = key.partition("/")
        if kind == "route":
            found.add(name)
        elif kind == "pipeline":
            pipelines.add(key)
        elif kind == "upstream":
            upstreams.add(key)
        else:
            return None
    if upstreams:
        bodies = {key: part["body"] for key, part in parts.items() if key.startswith("pipeline/")}
        pipelines |= {key for key, body in bodies.items() if not upstreams.isdisjoint(_texts(body["steps"]))}
    routes = (part["body"] for key, part in parts.items() if key.startswith("route/"))
    return found | {body["name"] for body in routes if body["pipeline"] in pipelines}


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for item in data.values():
            yield from _texts(item)
    elif isinstance(data, Sequence):
        for item in data:
            yield from _texts(item)


@dataclass(slots=True)
class Watch:
    """One change that is watched, and what has become of it: `watching`, `kept`, `taken back` or `superseded`."""

    change: Change
    bounds: Bounds
    routes: set[str] | None
    before: Seen
    start: Seen
    ends: float
    state: str = "watching"
    reason: str = ""
    trouble: str = ""
    """Why it could not be taken back when that was last tried."""
    after: Seen = field(default_factory=Seen)

    def to_json(self) -> dict[str, Any]:
        """The form that machines read."""
        return {
            "revision": self.change.revision,
            "state": self.state,
            "reason": self.reason,
            "routes": None if self.routes is None else sorted(self.routes),
            "seconds_left": round(max(0.0, self.ends - time.monotonic()), 1) if self.state == "watching" else 0,
            "requests": self.after.requests,
            "failed": self.after.failed,
        }


@dataclass(slots=True)
class Watching:
    """Watches changes for as long as the gateway serves; what it knows does not outlive the process."""

    metrics: Callable[[], list[Metric]]
    editing: Callable[[], Editing]
    watches: deque[Watch] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _watched: list[Watch] = field(default_factory=list)
    _begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def look(self) -> dict[str, Seen]:
        """What is counted now of each route, to compare with later."""
        return await asyncio.to_thread(lambda: counted(self.metrics()))

    async def begin(self, change: Change, bounds: Bounds, routes: set[str] | None, before: Mapping[str, Seen]) -> Watch:
        """Watch a change that the workers run by now; `before` was counted before it was made."""
        start = seen(await self.look(), routes)
        watch = Watch(change, bounds, routes, seen(before, routes), start, time.monotonic() + bounds.seconds)
        self.watches.appendleft(watch)
        self._watched.append(watch)
        self._begun.set()
        return watch

    async def keep(self) -> None:
        """Watch whatever is begun; however many changes that are, one look is for all of them."""
        while True:
            await self._begun.wait()
            self._begun.clear()
            while self._watched:
                await asyncio.sleep(self._pause())
                every = await self.look()
                for watch in tuple(self._watched):
                    await self._judge(watch, every)
                self._watched = [watch for watch in self._watched if watch.state == "watching"]

    def _pause(self) -> float:
        """Time until the next look: that at which a watch ends comes at its end."""
        now = time.monotonic()
        # One that cannot be taken back is watched beyond its end.
        left = (max(0.0, watch.ends - now) for watch in self._watched if not watch.trouble)
        return min((_LOOK_SECONDS, *left))

    async def _judge(self, watch: Watch, every: Mapping[str, Seen]) -> None:
        watch.after = seen(every, watch.routes).since(watch.start)
        reason = harm(watch.bounds, watch.before, watch.after)
        if reason:
            await self._take_back(watch, reason)
        elif time.monotonic() >= watch.ends:
            watch.state = "kept"

    async def _take_back(self, watch: Watch, reason: str) -> None:
        change = watch.change
        of = "" if watch.routes is None else f" of {_named(watch.routes)}"
        watch.reason = f"{reason}{of}"
        try:
            taken = await self.editing().take_back(WATCH, change, why=watch.reason)
        except (Unavailable, Damaged) as problem:
            # It does harm for as long as the store is away; the next look tries again.
            if watch.trouble != str(problem):
                _log.error("revision %d does harm, and cannot be taken back: %s", change.revision, problem)
            watch.trouble = str(problem)
            return
        if taken is change:
            watch.state = "superseded"
            _log.error("revision %d does harm (%s), and others have changed the same since", change.revision, reason)
            return
        watch.state = "taken back"
        _log.error("revision %d is taken back by revision %d: %s", change.revision, taken.revision, watch.reason)


def _named(routes: Collection[str]) -> str:
    named = sorted(routes)[:_NAMED]
    more = len(routes) - len(named)
    return f"{', '.join(named)}{f' and {more} more' if more else ''}"
