"""Trees: what all keys refer to at one revision, how one grows from another, and what tells two apart."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from penstock.store.entry import Author
from penstock.store.revisions.bucket import Bucket, Reference, bucket_of, write_bucket
from penstock.store.revisions.digest import BUCKET, ROOT, digest
from penstock.store.revisions.root import EMPTY, NOTHING, Head, Root, write_root

_CONTENT_BITS = 128
_NO_BUCKET: Bucket = {}


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of a revision: by whom, when and why; `unique` is nobody else's.

    Units: `time` is seconds since 1970.
    """

    author: Author
    message: str
    time: float
    unique: str


@dataclass(frozen=True, slots=True)
class Tree:
    """The keys of one revision; those of a bucket that is not needed may be left out."""

    head: Head = NOTHING
    root: Root = EMPTY
    buckets: Mapping[str, Bucket] = field(default_factory=dict)

    def reference(self, key: str) -> Reference | None:
        """What a key refers to."""
        return self.buckets.get(bucket_of(key), _NO_BUCKET).get(key)

    def references(self) -> dict[str, Reference]:
        """What all keys refer to, in the order of keys."""
        return dict(sorted(one for bucket in self.buckets.values() for one in bucket.items()))


class Put(NamedTuple):
    """What a key is to refer to: the name of its value, and the names of what is attached to it."""

    digest: str
    attached: tuple[str, ...] = ()


def grow(tree: Tree, put: Mapping[str, Put], deleted: Collection[str], words: Words) -> tuple[Tree, dict[str, bytes]]:
    """The tree after a change, and the blobs that it has and the one before had not; those of values apart."""
    revision = tree.head.revision + 1
    changed = {name: dict(tree.buckets.get(name, _NO_BUCKET)) for name in map(bucket_of, (*put, *deleted))}
    content = int(tree.root.content, 16)
    for key in (*put, *deleted):
        bucket = changed[bucket_of(key)]
        before = bucket.pop(key, None)
        if before is not None:
            content -= _weight(key, before.digest)
        if key in put:
            named = put[key]
            bucket[key] = Reference(named.digest, before.created if before else revision, revision, named.attached)
            content += _weight(key, named.digest)
    written = {name: write_bucket(bucket) for name, bucket in changed.items() if bucket}
    names = {name: digest(BUCKET, blob) for name, blob in written.items()}
    same = {name: of for name, of in tree.root.buckets.items() if name not in changed}
    root = _root(revision, tree.head.root, words, content, same | names)
    blob = write_root(root)
    blobs = {names[name]: written[name] for name in names} | {digest(ROOT, blob): blob}
    others = {name: bucket for name, bucket in tree.buckets.items() if name not in changed}
    grown = others | {name: bucket for name, bucket in changed.items() if bucket}
    return Tree(Head(revision, digest(ROOT, blob), sum(map(len, blobs.values()))), root, grown), blobs


def plant(references: Mapping[str, Reference], revision: int, words: Words) -> tuple[Tree, dict[str, bytes]]:
    """A tree that follows no other: what was there at an earlier revision of another store, with its age."""
    buckets: dict[str, dict[str, Reference]] = {}
    for key, reference in references.items():
        buckets.setdefault(bucket_of(key), {})[key] = reference
    written = {name: write_bucket(bucket) for name, bucket in buckets.items()}
    names = {name: digest(BUCKET, blob) for name, blob in written.items()}
    content = sum(_weight(key, reference.digest) for key, reference in references.items())
    root = _root(revision, NOTHING.root, words, content, names)
    blob = write_root(root)
    blobs = {names[name]: written[name] for name in names} | {digest(ROOT, blob): blob}
    return Tree(Head(revision, digest(ROOT, blob), sum(map(len, blobs.values()))), root, buckets), blobs


def _root(revision: int, parent: str, words: Words, content: int, buckets: Mapping[str, str]) -> Root:
    hashed = f"{content % 2**_CONTENT_BITS:0{_CONTENT_BITS // 4}x}"
    by = words.author
    return Root(revision, parent, words.unique, words.time, by.name, by.source, words.message, hashed, buckets)


def differing(before: Root, after: Root) -> set[str]:
    """The buckets that two revisions do not share."""
    names = before.buckets.keys() | after.buckets.keys()
    return {name for name in names if before.buckets.get(name) != after.buckets.get(name)}


def differences(before: Tree, after: Tree) -> Iterator[tuple[str, Reference | None, Reference | None]]:
    """Each key that two revisions do not share, with what it refers to in each, in the order of keys."""
    for name in sorted(differing(before.root, after.root)):
        old, new = before.buckets.get(name, _NO_BUCKET), after.buckets.get(name, _NO_BUCKET)
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                yield key, old.get(key), new.get(key)


def _weight(key: str, name: str) -> int:
    """What a key and its value add to the hash of all, which is renewed without reading them all."""
    return int.from_bytes(blake2b(f"{len(key)}:{key}{name}".encode(), digest_size=_CONTENT_BITS // 8).digest())
