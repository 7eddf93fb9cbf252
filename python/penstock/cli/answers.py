"""What commands make of answers of the admin API."""

import sys
from collections.abc import Mapping
from typing import Any

from penstock.cli.command import FAILED
from penstock.model.kinds import KINDS


def is_refused(answer: Any) -> bool:
    """Whether an answer says what is wrong instead of what was asked for."""
    return isinstance(answer, dict) and "detail" in answer


def print_refusal(answer: Mapping[str, Any]) -> int:
    """Print what is wrong, each problem on a line of its own; gives the exit code."""
    print(f"penstock: {answer['detail']}", file=sys.stderr)
    for problem in answer.get("problems", ()):
        place = ": ".join(filter(None, (problem["resource"], problem["path"])))
        print(f"{place}: {problem['message']}" if place else problem["message"], file=sys.stderr)
        if problem["hint"]:
            print(f"    {problem['hint']}", file=sys.stderr)
    for text in answer.get("worker_problems", ()):
        print(text, file=sys.stderr)
    return FAILED


def print_changes(answer: Mapping[str, Any], *, is_trial: bool) -> None:
    """Print what a change has done to each resource, or would do: its lines where it is a trial."""
    for problem in answer["problems"]:
        print(f"warning: {problem['resource']}: {problem['path']}: {problem['message']}", file=sys.stderr)
    if is_trial:
        print("".join(one["diff"] for one in answer["changes"]), end="")
        return
    for one in answer["changes"]:
        print(f"{one['key']} {_DONE[one['action']]}")
    if answer["changes"]:
        print(f"revision {answer['revision']} is applied")
    else:
        print("nothing differs")


def kind_in_paths(word: str) -> str:
    """The kind that a word means, as paths of the admin API have it: `route`, `routes` and `Route` are one.

    Raises: ValueError that names the kinds.
    """
    known = [kind.lower() for kind in KINDS]
    folded = word.lower()
    for one in (folded, folded.removesuffix("s")):
        if one in known:
            return one
    raise ValueError(f"no kind is called {word[:80]!r}; the kinds are {', '.join(known)}")


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
