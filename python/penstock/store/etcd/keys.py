"""The keys of a store in etcd, and what is written under them."""

from dataclasses import dataclass
from typing import Any

from penstock.store.entry import Damaged
from penstock.store.revisions.root import NOTHING, Head

_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys under a prefix."""

    prefix: str

    @property
    def head(self) -> bytes:
        """The latest revision."""
        return f"{self.prefix}head".encode()

    @property
    def generation(self) -> bytes:
        """Written anew whenever blobs are collected."""
        return f"{self.prefix}generation".encode()

    @property
    def blobs(self) -> bytes:
        """What the keys of blobs begin with."""
        return f"{self.prefix}blob/".encode()

    @property
    def held(self) -> bytes:
        """What the keys begin with that are held by leases."""
        return f"{self.prefix}held/".encode()

    def root(self, revision: int) -> bytes:
        """The root of a revision; these keys are ordered as the revisions are."""
        return f"{self.prefix}root/{revision:0{_DIGITS}}".encode()

    def results(self, revision: int) -> bytes:
        """What the keys of results of a revision begin with."""
        return f"{self.prefix}result/{revision:0{_DIGITS}}/".encode()


def after(prefix: bytes) -> bytes:
    """The first key after all that begin with a prefix."""
    return prefix[:-1] + bytes([prefix[-1] + 1])


def write_head(head: Head) -> bytes:
    """A revision as it stands under a key."""
    return f"{head.revision} {head.root} {head.written}".encode()


def read_head(found: list[dict[str, Any]]) -> Head:
    """The revision that stands under a key, if anything does.

    Raises: Damaged.
    """
    return one_head(found[0]) if found else NOTHING


def one_head(found: dict[str, Any]) -> Head:
    """The revision that stands under a key.

    Raises: Damaged.
    """
    try:
        revision, root, written = found["value"].decode().split(" ")
        return Head(int(revision), root, int(written))
    except ValueError:
        raise Damaged(f"{found['key'].decode(errors='replace')} is not what Penstock writes there") from None


def revision_in(key: bytes) -> int:
    """The revision in the key of a result."""
    return int(key.split(b"/")[-2])
