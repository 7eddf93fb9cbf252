"""Follows a request through steps, to find those that never run and pipelines that never answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from penstock.base.problem import Steps
from penstock.compiler.compiled import Fragment
from penstock.filters.catalogue import FilterKind
from penstock.model.step import END, Step

_FORWARDING = "Forward"


@dataclass(slots=True)
class _Flow:
    """What can arrive at each step, and at the end: with an answer in hand (True), without (False)."""

    arrivals: list[set[bool]]
    ends: set[bool] = field(default_factory=set)

    def to(self, index: int, hands: set[bool]) -> None:
        """Lets requests arrive at a step; past the last is the end."""
        (self.arrivals[index] if index < len(self.arrivals) else self.ends).update(hands)


def check_flow(
    steps: Sequence[Step],
    kinds: Sequence[FilterKind | None],
    path_of: Callable[[int], Steps],
    fragment: Fragment,
    *,
    must_answer: bool,
) -> None:
    """Warns of steps that never run; refuses a pipeline that ends without an answer whatever happens."""
    flow = _Flow([set() for _ in steps])
    flow.to(0, {False})
    for index, (step, kind) in enumerate(zip(steps, kinds, strict=True)):
        if not flow.arrivals[index]:
            fragment.warn(path_of(index), f"step `{step.label}` can never run")
            continue
        if kind is not None and kind.name == _FORWARDING and not must_answer:
            fragment.error(path_of(index), "`Forward` belongs into a route's pipeline, not before or after all of them")
        _pass(step, kind, index, (steps, flow))
    if must_answer and flow.ends == {False}:
        last = path_of(len(steps) - 1)
        fragment.error(last, "the pipeline ends without an answer", "end it with a `Forward`, `Respond` or `Redirect`")


def _pass(step: Step, kind: FilterKind | None, index: int, within: tuple[Sequence[Step], _Flow]) -> None:
    steps, flow = within
    hands = flow.arrivals[index]
    if step.when is not None:
        flow.to(index + 1, hands)
    if kind is None:
        flow.ends.update(hands)
        return
    after = {True} if kind.answers in {"forwards", "always"} else hands
    if kind.answers == "always" or kind.answers == "sometimes":
        flow.ends.add(True)
    for result, target in step.on.items():
        if result in kind.results:
            made = after if kind.answers == "forwards" else hands | {True}
            flow.to(_position(steps, index, target), made)
    if kind.answers != "always":
        flow.to(index + 1, after)


def _position(steps: Sequence[Step], index: int, target: str) -> int:
    """The position a jump leads to; the end where there is no such step."""
    if target == END:
        return len(steps)
    later = range(index + 1, len(steps))
    return next((at for at in later if not steps[at].is_end and steps[at].label == target), len(steps))
