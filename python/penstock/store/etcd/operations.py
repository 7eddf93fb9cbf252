"""The operations of etcd's transactions, as data, and how many fit in one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from penstock.store.entry import Unavailable
from penstock.store.etcd.keys import write_head
from penstock.store.etcd.messages import BY_KEY, DESCENDING, EQUAL, MODIFIED, VALUE
from penstock.store.revisions.root import NOTHING, Head

_MOST_AT_ONCE = 100
"""Operations in one request; etcd takes 128 unless it is told otherwise."""
_MOST_BYTES = 1024 * 1024
"""Bytes in one request; etcd takes 1.5 MiB unless it is told otherwise."""
NEWEST_FIRST = {"sort_order": DESCENDING, "sort_target": BY_KEY}


def get(key: bytes) -> dict[str, Any]:
    """Read a key."""
    return {"range": {"key": key}}


def ranging(begin: bytes, end: bytes, **how: Any) -> dict[str, Any]:
    """Read the keys from one on and before another."""
    return {"range": {"key": begin, "range_end": end, **how}}


def put(key: bytes, value: bytes) -> dict[str, Any]:
    """Write a key."""
    return {"put": {"key": key, "value": value}}


def compare(key: bytes, result: int, modified: int) -> dict[str, Any]:
    """That a key was modified at an etcd revision, or before; 0 stands for a key that is not there."""
    return {"key": key, "target": MODIFIED, "result": result, "mod_revision": modified}


def follows(key: bytes, head: Head) -> dict[str, Any]:
    """That a key holds a head."""
    if head == NOTHING:
        return compare(key, EQUAL, 0)
    return {"key": key, "target": VALUE, "result": EQUAL, "value": write_head(head)}


def ranged(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the first operation of a transaction has read."""
    found: list[dict[str, Any]] = answer["responses"][0]["range"]["kvs"]
    return found


def parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many names at once as one transaction takes."""
    for begin in range(0, len(names), _MOST_AT_ONCE):
        yield names[begin : begin + _MOST_AT_ONCE]


def requests(puts: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Operations in as many requests as they need.

    Raises: Unavailable for a blob that no request has room for.
    """
    some: list[dict[str, Any]] = []
    size = 0
    for one in puts:
        length = len(one["put"]["value"])
        if length > _MOST_BYTES:
            raise Unavailable(f"etcd does not take a text of {length} bytes")
        if some and (len(some) == _MOST_AT_ONCE or size + length > _MOST_BYTES):
            yield some
            some, size = [], 0
        some.append(one)
        size += length
    yield some
