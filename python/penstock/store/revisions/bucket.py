"""Buckets: the references to the values of some of the keys, those whose hash says so."""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple

from penstock.store.entry import Damaged


class Reference(NamedTuple):
    """Where the value of a key is, and the revisions at which the key was created and modified."""

    digest: str
    created: int
    modified: int


Bucket = Mapping[str, Reference]


def bucket_of(key: str) -> str:
    """The bucket that a key is in, of 256: with 10,000 keys a change writes a bucket of 40 and a root of 256 lines."""
    return blake2b(key.encode(), digest_size=1).hexdigest()


def write_bucket(bucket: Bucket) -> bytes:
    """The blob of a bucket; equal buckets have equal blobs."""
    return json.dumps(bucket, sort_keys=True, separators=(",", ":")).encode()


def read_bucket(blob: bytes) -> dict[str, Reference]:
    """The bucket of a blob.

    Raises: Damaged.
    """
    try:
        return {key: Reference(*reference) for key, reference in json.loads(blob).items()}
    except (ValueError, TypeError, AttributeError) as problem:
        raise Damaged(f"a bucket cannot be read: {problem}") from None
