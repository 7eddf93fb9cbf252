"""What tests have found: what is not as expected, and which routes no test has asked for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.base.problem import Problem, Steps

_ALL = 100.0


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that is not as a test expects it; `path` leads to where that is written."""

    path: Steps
    expected: str
    found: str
    why: str = ""

    def problem(self, resource: str) -> Problem:
        """The same as a problem of the test."""
        return Problem(self.path, f"expected {self.expected}, found {self.found}", self.why, resource=resource)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a test's request.

    Shape: `explained` is what `explain` tells of it; empty where it is no request. `was_run` says that it was sent
    through a gateway too.
    """

    name: str
    mismatches: Sequence[Mismatch] = ()
    explained: Mapping[str, Any] = field(default_factory=dict)
    was_run: bool = False

    @property
    def is_passed(self) -> bool:
        """Whether all is as expected."""
        return not self.mismatches

    @property
    def route(self) -> str | None:
        """The route that serves the request."""
        chosen = self.explained.get("chosen")
        return chosen["route"] if chosen else None


@dataclass(frozen=True, slots=True)
class Report:
    """What all tests of a configuration have found. `routes` are the names of all routes in use."""

    outcomes: Sequence[Outcome]
    routes: Sequence[str]

    @property
    def failed(self) -> list[Outcome]:
        """The tests that found something else than they expect."""
        return [outcome for outcome in self.outcomes if not outcome.is_passed]

    @property
    def untested(self) -> list[str]:
        """The routes that serve no request of a test that passed."""
        tested = {outcome.route for outcome in self.outcomes if outcome.is_passed}
        return [route for route in self.routes if route not in tested]

    @property
    def coverage(self) -> float:
        """The share of the routes that a passed test asks for.

        Units: per cent, rounded down to a tenth: 100 only where all are.
        """
        if not self.routes:
            return _ALL
        return (len(self.routes) - len(self.untested)) * 1000 // len(self.routes) / 10

    def problems(self) -> Iterator[Problem]:
        """Everything that is not as expected."""
        for outcome in self.failed:
            yield from (mismatch.problem(f"test/{outcome.name}") for mismatch in outcome.mismatches)

    def to_json(self) -> dict[str, Any]:
        """The form that machines read."""
        return {
            "tests": [_told(outcome) for outcome in self.outcomes],
            "passed": len(self.outcomes) - len(self.failed),
            "failed": len(self.failed),
            "coverage": {"percent": self.coverage, "routes": len(self.routes), "untested": self.untested},
        }


def _told(outcome: Outcome) -> dict[str, Any]:
    mismatches = [
        {"path": one.problem("").path_text, "expected": one.expected, "found": one.found, "why": one.why}
        for one in outcome.mismatches
    ]
    return {
        "name": outcome.name,
        "passed": outcome.is_passed,
        "route": outcome.route,
        "was_run": outcome.was_run,
        "mismatches": mismatches,
    }
