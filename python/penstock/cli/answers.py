"""What commands make of answers of the admin API."""

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from penstock.base.names import did_you_mean
from penstock.cli.colours import print_difference, tell_problem
from penstock.cli.command import FAILED, Stopped
from penstock.model.kinds import KINDS


def is_refused(answer: Any) -> bool:
    """Whether an answer says what is wrong instead of what was asked for."""
    return isinstance(answer, dict) and "detail" in answer


class Refused(Stopped):
    """What a gateway, or a command by itself, does not answer; `answer` says what is wrong as gateways do."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__(str(answer["detail"]))
        self.answer = answer

    def tell(self) -> int:
        """Print what is wrong, each problem on a line of its own; gives the exit code."""
        super().tell()
        for problem in self.answer.get("problems", ()):
            place = ": ".join(filter(None, (problem["resource"], problem["path"])))
            told = f"{place}: {problem['message']}" if place else problem["message"]
            tell_problem(f"{told}\n    {problem['hint']}" if problem["hint"] else told)
        for text in (*self.answer.get("worker_problems", ()), *self.answer.get("lines", ())):
            print(text, file=sys.stderr)
        return FAILED


def granted(answer: Any) -> Any:
    """An answer that says what was asked for.

    Raises: Refused if it says what is wrong instead.
    """
    if is_refused(answer):
        raise Refused(answer)
    return answer


def print_changes(answer: Mapping[str, Any], *, is_trial: bool = False, is_waited: bool = True) -> None:
    """Print what a change has done to each resource, or would do: its lines where it is a trial."""
    for problem in answer["problems"]:
        place = ": ".join(filter(None, (problem["resource"], problem["path"])))
        tell_problem(f"warning: {place}: {problem['message']}")
    if is_trial:
        print_difference(line for one in answer["changes"] for line in one["diff"].splitlines())
        return
    for one in answer["changes"]:
        print(f"{one['key']} {_DONE[one['action']]}")
    for key, owner in answer["owned"].items():
        print(f"{key} is owned by {owner} now")
    if not answer["changes"] and not answer["owned"]:
        print("nothing differs")
    else:
        print(f"revision {answer['revision']} is {'applied' if is_waited else 'kept; the workers will follow'}")
        print_spread(answer)


def add_rolling(parser: argparse.ArgumentParser) -> None:
    """Adds the flag by which nodes apply a change in turn."""
    parser.add_argument(
        "--rolling", action="store_true", help="let nodes apply it one after the other; a refusal stops it"
    )


def print_spread(answer: Mapping[str, Any]) -> None:
    """Print which other nodes do not run a change, and why."""
    nodes = answer.get("nodes") or {}
    for name, why in nodes.get("refused", {}).items():
        print(f"node {name} does not run it: {', '.join(why)}", file=sys.stderr)
    for name in nodes.get("waiting", ()):
        print(f"node {name} has not applied it yet", file=sys.stderr)


def kind_in_paths(word: str) -> str:
    """The kind that a word means, as paths of the admin API have it: `route`, `routes` and `Route` are one.

    Raises: ValueError that names the kinds.
    """
    known = [kind.lower() for kind in KINDS]
    folded = word.lower()
    for one in (folded, folded.removesuffix("s")):
        if one in known:
            return one
    hint = did_you_mean(folded.removesuffix("s"), known) or f"the kinds are {', '.join(known)}"
    raise ValueError(f"no kind is called {word[:80]!r}; {hint}")


def path_of(word: str) -> str:
    """The path of a resource that is named as `route/api`.

    Raises: ValueError.
    """
    kind, slash, name = word.partition("/")
    if not slash or not name or not set(name.lower()) <= _OF_NAMES:
        raise ValueError(f"{word[:80]!r}: write a resource as KIND/NAME, such as route/api")
    return f"/api/v1/resources/{kind_in_paths(kind)}/{name}"


_OF_NAMES = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")
_DONE = {"create": "created", "replace": "changed", "delete": "deleted"}
