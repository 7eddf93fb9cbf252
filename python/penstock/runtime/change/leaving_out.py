"""What others have written into the store may be wrong without holding up the rest: it is left out, and said so."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from penstock.base.problem import Problem, errors
from penstock.compiler import Compiled
from penstock.model.loading import Placed
from penstock.store import Snapshot


@dataclass(frozen=True, slots=True)
class Selection:
    """A plan of what is good, what refuses it all the same, and the problems of what was left out of it."""

    compiled: Compiled
    refusing: Sequence[Problem]
    left_out: Sequence[Problem]


def select(
    placed: Sequence[Placed],
    unreadable: Sequence[Problem],
    owned: Collection[str],
    compile_all: Callable[[Sequence[Placed]], Compiled],
) -> Selection:
    """The plan of some resources without those that are wrong; an error in one of `owned` refuses all.

    What refers to something that is left out is wrong by that, and left out in its turn.

    Shape: `owned` are the keys of what a person has written, and gets whole or not at all.
    """
    refusing = [problem for problem in unreadable if problem.resource in owned]
    left_out = [problem for problem in unreadable if problem.resource not in owned]
    while True:
        compiled = compile_all(placed)
        wrong = errors(compiled.problems)
        strangers = {problem.resource for problem in wrong}.difference(owned)
        if not strangers:
            return Selection(compiled, [*refusing, *wrong], left_out)
        left_out += (problem for problem in wrong if problem.resource in strangers)
        placed = [one for one in placed if one.key not in strangers]


def with_last_good(snapshot: Snapshot, selection: Selection, good: Mapping[str, str]) -> Snapshot | None:
    """A snapshot with the last good values of what was left out of it; nothing where there are no other values.

    Shape: `good` are the values by key that ran last.
    """
    entries = dict(snapshot.entries)
    for key in {problem.resource for problem in selection.left_out} & good.keys() & entries.keys():
        entries[key] = replace(entries[key], value=good[key])
    return Snapshot(snapshot.revision, entries) if entries != snapshot.entries else None
