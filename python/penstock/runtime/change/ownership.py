"""Who owns which resources: files, somebody under a name of their own, or nobody in particular."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from penstock.base.names import check_name
from penstock.runtime.change.entries import OWNER, read_order
from penstock.store import Snapshot

FILES = "files"
"""The owner of what the files of `run` hold."""
ANYONE = "api"
"""The owner of what nobody has a name for."""


class OwnedElsewhere(Exception):  # noqa: N818 - says what is the case
    """A resource that somebody else keeps, who would write it again; nothing was changed."""

    def __init__(self, key: str, owner: str) -> None:
        way = "" if owner == FILES else f", write as the owner `{owner}`, or take it over"
        super().__init__(f"{key} is owned by {owner}: change it there{way}")
        self.key = key
        self.owner = owner


@dataclass(frozen=True, slots=True)
class Claim:
    """As whom somebody writes. With `takes_over`, what others own is theirs afterwards, but for what files hold."""

    owner: str = ANYONE
    takes_over: bool = False


@dataclass(frozen=True, slots=True)
class Owners:
    """The owners of the resources of one snapshot."""

    snapshot: Snapshot
    of_files: Collection[str] = frozenset()

    @classmethod
    def read(cls, snapshot: Snapshot) -> "Owners":
        """Those of a snapshot."""
        return cls(snapshot, frozenset(read_order(snapshot)))

    def of(self, key: str) -> str:
        """The owner of a resource."""
        if key in self.of_files:
            return FILES
        entry = self.snapshot.entries.get(f"{OWNER}{key}")
        return entry.value if entry else ANYONE

    def check(self, key: str, claim: Claim) -> None:
        """Ask whether a resource may be written under a claim.

        Raises: OwnedElsewhere.
        """
        owner = self.of(key)
        if owner == FILES or not (claim.takes_over or owner in {claim.owner, ANYONE}):
            raise OwnedElsewhere(key, owner)


def check_owner(name: str) -> str:
    """The name of an owner, as it may be written.

    Raises: ValueError.
    """
    if name == FILES:
        raise ValueError("`files` is the owner of what the files of `penstock run` hold: change it there")
    return check_name(name)


def claims(claim: Claim, put: Mapping[str, object]) -> dict[str, str | None]:
    """The entries that tell who owns what is put, by their keys; nothing where none is to be there."""
    owner = None if claim.owner == ANYONE else claim.owner
    return {f"{OWNER}{key}": owner for key in put}
