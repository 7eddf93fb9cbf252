"""Follows a request through steps, to find those that never run and pipelines that never answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from penstock.compiler.compiled import Fragment
from penstock.compiler.place import Place
from penstock.filters.catalogue import FilterKind
from penstock.model.step import END, Step

_EMPTY = "empty-handed"
_ANSWERED = "with an answer"
_SENT = "with the answer of an upstream that took the body"
_UNSENT_RESULTS = frozenset({"failed", "timed_out"})
"""Results of a `Forward` after which the body may still be there."""


@dataclass(slots=True)
class _Flow:
    """How requests can arrive at each step, and at the end: empty-handed, with an answer, or several of these."""

    arrivals: list[set[str]]
    ends: set[str] = field(default_factory=set)

    def to(self, index: int, hands: set[str]) -> None:
        """Lets requests arrive at a step; past the last is the end."""
        (self.arrivals[index] if index < len(self.arrivals) else self.ends).update(hands)


def check_flow(
    steps: Sequence[Step],
    kinds: Sequence[FilterKind | None],
    place: Place,
    fragment: Fragment,
) -> None:
    """Warns of steps that never run, and of a `Forward` behind another that has sent the body already.

    Refuses a pipeline that ends without an answer whatever happens.
    """
    has_bodies = place.has_bodies
    flow = _Flow([set() for _ in steps])
    flow.to(0, {_EMPTY})
    for index, (step, kind) in enumerate(zip(steps, kinds, strict=True)):
        if not flow.arrivals[index]:
            fragment.warn(place.step(index), f"step `{step.label}` can never run")
            continue
        if kind is not None and kind.answers == "forwards" and not place.answers:
            fragment.error(place.step(index), f"`{kind.name}` belongs into a route's pipeline, not before or after all")
        if has_bodies and kind is not None and _lacks_body(step, kind, flow.arrivals[index]):
            fragment.warn(
                place.step(index),
                f"`{step.label}` cannot send a body: an earlier `{kind.name}` has sent it, and there is a 500 instead",
                "let a filter that buffers the body run before the first, or name `methods` that have none",
            )
        _pass(step, kind, index, (steps, flow))
        has_bodies = has_bodies and not (kind is not None and kind.buffers_body)
    if place.answers and flow.ends == {_EMPTY}:
        last = place.step(len(steps) - 1)
        fragment.error(last, "the pipeline ends without an answer", "end it with a `Forward`, `Respond` or `Redirect`")


def _lacks_body(step: Step, kind: FilterKind, hands: set[str]) -> bool:
    return kind.answers == "forwards" and step.when is None and _SENT in hands


def _pass(step: Step, kind: FilterKind | None, index: int, within: tuple[Sequence[Step], _Flow]) -> None:
    steps, flow = within
    hands = flow.arrivals[index]
    if step.when is not None:
        flow.to(index + 1, hands)
    if kind is None:
        flow.ends.update(hands)
        return
    after = {"forwards": {_SENT}, "always": {_ANSWERED}}.get(kind.answers, hands)
    if kind.answers in {"always", "sometimes"}:
        flow.ends.add(_ANSWERED)
    for result, target in step.on.items():
        if result in kind.results:
            made = hands | {_ANSWERED}
            if kind.answers == "forwards":
                made = {_ANSWERED} if result in _UNSENT_RESULTS else after
            flow.to(_position(steps, index, target), made)
    if kind.answers != "always":
        flow.to(index + 1, after)


def _position(steps: Sequence[Step], index: int, target: str) -> int:
    """The position a jump leads to; the end where there is no such step."""
    if target == END:
        return len(steps)
    later = range(index + 1, len(steps))
    return next((at for at in later if not steps[at].is_end and steps[at].label == target), len(steps))
