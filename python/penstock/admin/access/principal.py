"""Whoever asks, and what they may do."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from penstock.admin.access.namespace import Namespace, is_within
from penstock.admin.access.role import BUILT_IN, Rule
from penstock.admin.verb import Verb
from penstock.store import Author


class Way(StrEnum):
    """How somebody has shown who they are."""

    SOCKET = "socket"
    TOKEN = "token"  # noqa: S105 - a word
    SESSION = "session"
    BEARER = "bearer"


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who asks, with the rules that hold for them. `within` is the namespace that they are kept in."""

    name: str
    way: Way
    rules: tuple[Rule, ...]
    role: str = ""
    within: tuple[str, Namespace] | None = None

    @property
    def author(self) -> Author:
        """Who they are in history."""
        return Author(self.name, "command" if self.way is Way.SOCKET else "api")

    def may_all(self, verb: Verb) -> bool:
        """Whether they may do something that is about everything."""
        return self.within is None and any(rule.is_whole and verb in rule.verbs for rule in self.rules)

    def may_some(self, verb: Verb) -> bool:
        """Whether there is anything that they may do it with."""
        return any(verb in rule.verbs for rule in self.rules)

    def may_name(self, verb: Verb, kind: str, name: str) -> bool:
        """Whether they may do it with a resource of a name, unless its labels say otherwise."""
        is_near = self.within is None or is_within(name, self.within[0])
        return is_near and any(verb in rule.verbs and rule.covers(kind, name) for rule in self.rules)

    def may(self, verb: Verb, kind: str, name: str, labels: Mapping[str, str]) -> bool:
        """Whether they may do it with a resource."""
        is_near = self.within is None or is_within(name, self.within[0])
        return is_near and any(verb in rule.verbs and rule.holds_for(kind, name, labels) for rule in self.rules)


OWNER = Principal("owner", Way.SOCKET, BUILT_IN["admin"].rules, "admin")
"""Whoever can reach the socket in the state folder."""
FIRST = Principal("admin", Way.TOKEN, BUILT_IN["admin"].rules, "admin")
"""Whoever has the token that a first start tells."""
