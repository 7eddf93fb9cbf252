"""All that is known of who may do what, as the store holds it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from penstock.admin.access.holders import Holder, Token, User
from penstock.admin.access.namespace import Namespace
from penstock.admin.access.oidc.provider import Provider, Right
from penstock.admin.access.principal import Principal, Way
from penstock.admin.access.role import BUILT_IN, Role
from penstock.model.resource import Settings
from penstock.runtime.change.entries import ACCESS
from penstock.store import Snapshot

_log = logging.getLogger("penstock")
_Sort = TypeVar("_Sort", bound=Settings)


@dataclass(frozen=True, slots=True)
class Policy:
    """Roles, namespaces, users, tokens and providers by their names."""

    roles: Mapping[str, Role] = field(default_factory=lambda: BUILT_IN)
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)
    tokens: Mapping[str, Token] = field(default_factory=dict)
    providers: Mapping[str, Provider] = field(default_factory=dict)
    by_digest: Mapping[str, str] = field(default_factory=dict)
    revisions: Mapping[str, int] = field(default_factory=dict)
    """What revision changed each entry last."""

    def revision(self, sort: str, name: str) -> int:
        """What revision changed something last; 0 where it is not kept, as are the roles that are always there."""
        return self.revisions.get(access_key(sort, name), 0)

    def rests_on(self, holder: Holder | Right) -> dict[str, int]:
        """The role and the namespace that somebody has, with their revisions: they are to be there still."""
        named = [("role", holder.role), *([("namespace", holder.namespace)] if holder.namespace else [])]
        return {access_key(sort, name): self.revision(sort, name) for sort, name in named}

    def principal(self, name: str, holder: Holder, way: Way) -> Principal:
        """A user or a token as one who asks. Of a role or a namespace that is not there nothing is allowed."""
        role = self.roles.get(holder.role)
        rules = role.rules if role else ()
        if holder.namespace is None:
            return Principal(name, way, rules, holder.role)
        found = self.namespaces.get(holder.namespace)
        within = (holder.namespace, found or Namespace(kinds=()))
        return Principal(name, way, rules if found else (), holder.role, within)


def access_key(sort: str, name: str) -> str:
    """Where the store keeps something: `access/role/deployer`."""
    return f"{ACCESS}{sort}/{name}"


def read_policy(snapshot: Snapshot) -> Policy:
    """What a snapshot tells; what cannot be read gives nobody a right."""
    roles = _read(snapshot, "role", Role)
    tokens = _read(snapshot, "token", Token)
    return Policy(
        {**roles, **BUILT_IN},
        _read(snapshot, "namespace", Namespace),
        _read(snapshot, "user", User),
        tokens,
        _read(snapshot, "provider", Provider),
        {token.digest: name for name, token in tokens.items()},
        {key: entry.modified for key, entry in snapshot.entries.items() if key.startswith(ACCESS)},
    )


def _read(snapshot: Snapshot, sort: str, model: type[_Sort]) -> dict[str, _Sort]:
    found: dict[str, _Sort] = {}
    prefix = access_key(sort, "")
    for key, entry in snapshot.entries.items():
        if key.startswith(prefix):
            try:
                found[key.removeprefix(prefix)] = model.model_validate_json(entry.value)
            except ValidationError as problem:
                # Not what is wrong with it: that may repeat what is secret.
                _log.error(
                    "%s cannot be read: %d problems; nobody is allowed anything by it", key, problem.error_count()
                )
    return found
