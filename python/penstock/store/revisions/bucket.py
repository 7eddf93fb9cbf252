"""Buckets: the references to the values of some of the keys, those whose hash says so."""

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from penstock.store.entry import Damaged


class Reference(NamedTuple):
    """Where the value of a key is, the revisions at which the key was created and modified, and what is attached to it.

    Shape: `attached` are the names of blobs, in order.
    """

    digest: str
    created: int
    modified: int
    attached: tuple[str, ...] = ()


Bucket = Mapping[str, Reference]
_TIGHT = (",", ":")


def bucket_of(key: str) -> str:
    """The bucket that a key is in, of 256: with 10,000 keys a change writes a bucket of 40 and a root of 256 lines."""
    return blake2b(key.encode(), digest_size=1).hexdigest()


def write_bucket(bucket: Bucket) -> bytes:
    """The blob of a bucket; equal buckets have equal blobs."""
    return json.dumps({key: _written(one) for key, one in bucket.items()}, sort_keys=True, separators=_TIGHT).encode()


def read_bucket(blob: bytes) -> dict[str, Reference]:
    """The bucket of a blob.

    Raises: Damaged.
    """
    try:
        return {key: _read(*reference) for key, reference in json.loads(blob).items()}
    except (ValueError, TypeError, AttributeError) as problem:
        raise Damaged(f"a bucket cannot be read: {problem}") from None


def _written(reference: Reference) -> tuple[object, ...]:
    # Most have nothing attached: their buckets are written as they were before anything could be.
    return reference if reference.attached else reference[:3]


def _read(digest: str, created: int, modified: int, attached: Sequence[str] = (), *_later: object) -> Reference:
    return Reference(digest, created, modified, tuple(attached))
