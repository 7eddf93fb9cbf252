"""How values become blobs and come back."""

from collections.abc import Mapping
from typing import Protocol

from penstock.store.entry import Damaged, Sealed
from penstock.store.revisions.digest import VALUE, digest
from penstock.store.revisions.tree import Put

SEALED = b"\0sealed\1"
"""What the blob of a sealed value begins with, and no resource does."""
_PIECE_BYTES = 512 * 1024
"""What is attached is cut into blobs of this size: two fit in one request to etcd, sealed ones too."""


class Values(Protocol):
    """Turns values into blobs with names: as they are, or sealed."""

    def name(self, value: bytes) -> str:
        """The name of a value: equal for equal values."""

    def close(self, name: str, value: bytes) -> bytes:
        """The blob that is kept under the name."""

    def open(self, name: str, blob: bytes) -> bytes:
        """The value of a blob.

        Raises: Damaged if it is not what was kept under the name; Sealed if the key for it is not at hand.
        """


class PlainValues:
    """Values as they are."""

    def name(self, value: bytes) -> str:
        """The digest of the value."""
        return digest(VALUE, value)

    def close(self, _name: str, value: bytes) -> bytes:
        """The value itself."""
        return value

    def open(self, name: str, blob: bytes) -> bytes:
        """The value itself, if it is what the name says."""
        if blob.startswith(SEALED):
            raise Sealed("the store is sealed: name the file of its keys by --store-key or $PENSTOCK_STORE_KEY")
        return checked(VALUE, name, blob)


def checked(kind: bytes, name: str, blob: bytes) -> bytes:
    """A blob that is what its name says.

    Raises: Damaged.
    """
    if digest(kind, blob) != name:
        raise Damaged(f"blob {name} does not hold what was written")
    return blob


def closed_values(
    values: Values, put: Mapping[str, str], attached: Mapping[str, bytes]
) -> tuple[dict[str, Put], dict[str, bytes]]:
    """The names of values and of what is attached to them, by key, and the blobs of all of them."""
    names: dict[str, Put] = {}
    closed: dict[str, bytes] = {}
    for key, text in put.items():
        cut = [text.encode(), *_pieces(attached.get(key, b""))]
        found = [values.name(one) for one in cut]
        closed |= {name: values.close(name, one) for name, one in zip(found, cut, strict=True) if name not in closed}
        names[key] = Put(found[0], tuple(found[1:]))
    return names, closed


def _pieces(content: bytes) -> list[bytes]:
    return [content[at : at + _PIECE_BYTES] for at in range(0, len(content), _PIECE_BYTES)]
