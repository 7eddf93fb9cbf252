"""What compiling gives: a plan and the problems found on the way."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from penstock.base.problem import Problem, Severity, Steps, errors
from penstock.compiler.matcher import Matcher
from penstock.compiler.plan_types import Body, Part, Plan
from penstock.compiler.route_age import Key
from penstock.model.kinds import resource_key


@dataclass(frozen=True, slots=True)
class Compiled:
    """A plan and its problems; the plan is to be used only if none of them is an error.

    `secrets` are the values whose hashes the plan holds: a document of its own, which nobody shows.
    """

    plan: Plan
    problems: tuple[Problem, ...] = ()
    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_usable(self) -> bool:
        """Whether nothing refuses the plan."""
        return not errors(self.problems)

    def to_json(self) -> str:
        """The plan as readable text that can be compared line by line."""
        return json.dumps(self.plan, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True)
class Reference:
    """A place in a resource that names another part."""

    path: Steps
    kind: str
    name: str
    key: str = field(init=False, compare=False)
    """What resources call the other."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", resource_key(self.kind, self.name))


@dataclass(slots=True)
class Fragment:
    """What one resource alone compiles to, before it meets the others.

    `matchers` are what a route asks of requests and `ties` what it shares with its equals; other kinds have none.
    `strangers` are steps whose kind nobody knows: a problem unless a plugin could not be read, which may have it.
    `key_digests` are those of a consumer's keys. `damaged` are the places from which wrong parts were left out.
    `speaks`: what is spoken to an upstream's endpoints; empty where that does not show. `is_enciphered`: by TLS to
    some of them. `is_ordered`: a certificate that the gateway orders, which has no part before the first has come.
    """

    parts: dict[str, Body] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)
    matchers: list[Matcher] = field(default_factory=list)
    ties: list[Key] = field(default_factory=list)
    secrets: dict[str, Any] = field(default_factory=dict, repr=False)
    problems: list[Problem] = field(default_factory=list)
    strangers: list[Problem] = field(default_factory=list)
    damaged: frozenset[Steps] = frozenset()
    key_digests: tuple[str, ...] = field(default=(), repr=False)
    speaks: str = ""
    is_enciphered: bool = False
    is_ordered: bool = False

    def is_whole(self, path: Steps) -> bool:
        """Whether nothing of what stands at a path was left out because it was wrong."""
        return path not in self.damaged

    def has_face_of(self, other: "Fragment") -> bool:
        """Whether the rest of a configuration cannot tell it from another one of the same name."""
        return (
            self.matchers == other.matchers
            and self.ties == other.ties
            and self.references == other.references
            and self.problems == other.problems
            and self.strangers == other.strangers
            and self.key_digests == other.key_digests
            and self.speaks == other.speaks
            and self.is_enciphered == other.is_enciphered
            and self.is_ordered == other.is_ordered
        )

    def error(self, path: Steps, message: str, hint: str = "") -> None:
        """Note something that refuses the configuration."""
        self.problems.append(Problem(path, message, hint))

    def warn(self, path: Steps, message: str, hint: str = "") -> None:
        """Note something that is probably not meant."""
        self.problems.append(Problem(path, message, hint, Severity.WARNING))


def part_of(body: Body) -> Part:
    """A part: the body and the hash of its canonical text."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return {"hash": blake2b(text.encode(), digest_size=16).hexdigest(), "body": body}
