"""Follows a request through steps, to find those that never run and pipelines that never answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from penstock.base.problem import Steps
from penstock.compiler.compiled import Fragment
from penstock.filters.catalogue import FilterKind
from penstock.model.step import END, Step

_EMPTY = "empty-handed"
_ANSWERED = "with an answer"


@dataclass(slots=True)
class _Flow:
    """How requests can arrive at each step, and at the end: empty-handed, with an answer, or either."""

    arrivals: list[set[str]]
    ends: set[str] = field(default_factory=set)

    def to(self, index: int, hands: set[str]) -> None:
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
    flow.to(0, {_EMPTY})
    for index, (step, kind) in enumerate(zip(steps, kinds, strict=True)):
        if not flow.arrivals[index]:
            fragment.warn(path_of(index), f"step `{step.label}` can never run")
            continue
        if kind is not None and kind.answers == "forwards" and not must_answer:
            fragment.error(path_of(index), f"`{kind.name}` belongs into a route's pipeline, not before or after all")
        _pass(step, kind, index, (steps, flow))
    if must_answer and flow.ends == {_EMPTY}:
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
    after = {_ANSWERED} if kind.answers in {"forwards", "always"} else hands
    if kind.answers in {"always", "sometimes"}:
        flow.ends.add(_ANSWERED)
    for result, target in step.on.items():
        if result in kind.results:
            made = after if kind.answers == "forwards" else hands | {_ANSWERED}
            flow.to(_position(steps, index, target), made)
    if kind.answers != "always":
        flow.to(index + 1, after)


def _position(steps: Sequence[Step], index: int, target: str) -> int:
    """The position a jump leads to; the end where there is no such step."""
    if target == END:
        return len(steps)
    later = range(index + 1, len(steps))
    return next((at for at in later if not steps[at].is_end and steps[at].label == target), len(steps))
