"""Roles: what may be done, and with which resources."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, Field

from penstock.admin.verb import Verb
from penstock.model.kinds import KINDS
from penstock.model.resource import Settings, Text

_NAMES = "abcdefghijklmnopqrstuvwxyz0123456789._-*"


def check_pattern(pattern: str) -> str:
    """The pattern itself, if it may be one.

    Raises: ValueError that says what one looks like.
    """
    if not pattern or not set(pattern) <= set(_NAMES):
        raise ValueError(f"not a pattern of names: {pattern[:80]!r}; write one as in shop-*")
    return pattern


def check_kind(kind: str) -> str:
    """The kind itself, if there is one.

    Raises: ValueError that lists them.
    """
    if kind not in KINDS:
        raise ValueError(f"no kind is called {kind[:80]!r}; the kinds are {', '.join(KINDS)}")
    return kind


Pattern = Annotated[Text, AfterValidator(check_pattern), Field(json_schema_extra={"pattern": "^[a-z0-9._*-]+$"})]
"""Names, `*` for any characters."""
Kind = Annotated[Text, AfterValidator(check_kind), Field(json_schema_extra={"enum": list(KINDS)})]
"""A kind of resources."""


class Rule(Settings):
    """What may be done with which resources."""

    verbs: tuple[Verb, ...] = Field(min_length=1, description="What may be done.")
    kinds: tuple[Kind, ...] = Field((), description="Kinds of resources. Empty: all.")
    names: tuple[Pattern, ...] = Field((), description="Names of resources, `*` for any characters. Empty: all.")
    labels: Mapping[str, Text] = Field({}, description="Labels that a resource must have. Empty: none.")

    @property
    def is_whole(self) -> bool:
        """Whether it holds for everything, and so for what is about no resource."""
        return not (self.kinds or self.names or self.labels)

    def covers(self, kind: str, name: str) -> bool:
        """Whether it may hold for a resource, whatever its labels are."""
        return (not self.kinds or kind in self.kinds) and (
            not self.names or any(fnmatchcase(name, pattern) for pattern in self.names)
        )

    def holds_for(self, kind: str, name: str, labels: Mapping[str, str]) -> bool:
        """Whether it holds for a resource."""
        return self.covers(kind, name) and all(labels.get(key) == value for key, value in self.labels.items())


class Role(Settings):
    """What somebody may do, whoever it is: the sum of its rules."""

    rules: tuple[Rule, ...] = Field(description="What may be done; one rule that allows it is enough.", max_length=1000)
    description: Text = Field("", max_length=1000, description="What it is for.")


_CHANGES = (Verb.READ, Verb.WRITE, Verb.DELETE, Verb.OPERATE)
BUILT_IN: Mapping[str, Role] = MappingProxyType(
    {
        "viewer": Role(rules=(Rule(verbs=(Verb.READ,)),), description="Sees everything but secrets."),
        "operator": Role(rules=(Rule(verbs=_CHANGES),), description="Changes resources, and acts on the gateway."),
        "admin": Role(rules=(Rule(verbs=tuple(Verb)),), description="May do everything."),
    }
)
"""The roles that are always there, and stay as they are."""
