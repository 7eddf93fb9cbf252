"""Reads trees, entries and changes out of a backend, and remembers the latest changes."""

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence

from penstock.store.backend import Backend
from penstock.store.entry import Author, Change, Damaged, Entry
from penstock.store.revisions.bucket import Reference, read_bucket
from penstock.store.revisions.digest import BUCKET, ROOT
from penstock.store.revisions.root import EMPTY, NOTHING, Head, Root, read_root
from penstock.store.revisions.tree import Tree, differences, differing
from penstock.store.revisions.values import Values, checked

_REMEMBERED = 100
_REMEMBERED_TEXT = 4 * 1024 * 1024
"""Characters that remembered changes may hold together."""


class Library:
    """What the blobs of a backend mean."""

    def __init__(self, backend: Backend, values: Values) -> None:
        self._backend = backend
        self._values = values
        self._changes: OrderedDict[int, Change] = OrderedDict()
        self._text = 0
        self._led_to: dict[str, tuple[str, ...]] = {}

    def known(self, revision: int) -> Change | None:
        """A change that was made or read lately."""
        return self._changes.get(revision)

    def forget(self, newest: int) -> None:
        """Know no change up to a revision any more."""
        for revision in [one for one in self._changes if one <= newest]:
            self._text -= _length(self._changes.pop(revision))

    async def root(self, head: Head) -> Root:
        """The root of a revision."""
        return (await self._roots([head]))[head.root]

    async def tree(self, head: Head, similar: Tree) -> Tree:
        """The whole tree of a revision; of buckets, only those are read that a similar tree has not."""
        return await self._tree(head, await self.root(head), similar, None)

    async def entries(self, references: Mapping[str, Reference]) -> dict[str, Entry]:
        """The entries that keys refer to."""
        blobs = await self._read({reference.digest for reference in references.values()})
        opened = {name: self._values.open(name, blob) for name, blob in blobs.items()}
        return {
            key: Entry(key, opened[one.digest].decode(), one.created, one.modified, one.attached)
            for key, one in references.items()
        }

    async def attachment(self, entry: Entry) -> bytes:
        """What is attached to an entry."""
        # One after the other: all of them together are more than some places hand out at once.
        pieces = [self._values.open(name, (await self._read({name}))[name]) for name in entry.attached]
        return b"".join(pieces)

    async def change(self, before: Head, after: Head) -> Change:
        """What tells two revisions apart that follow each other."""
        known = self.known(after.revision)
        if known is not None:
            return known
        roots = await self._roots([before, after])
        old, new = roots[before.root], roots[after.root]
        wanted = differing(old, new)
        trees = [await self._tree(head, root, Tree(), wanted) for head, root in ((before, old), (after, new))]
        found = list(differences(*trees))
        earlier = await self.entries({key: reference for key, reference, _ in found if reference})
        later = await self.entries({key: reference for key, _, reference in found if reference})
        gone = frozenset(key for key, _, reference in found if reference is None)
        return self.remember(trees[1], later, gone, earlier)

    async def differing(self, steps: Sequence[tuple[Head, Head]], bucket: str) -> list[tuple[Head, Head]]:
        """Those of some steps from revision to revision that have changed a bucket."""
        roots = await self._roots({head for step in steps for head in step})
        return [step for step in steps if bucket in differing(roots[step[0].root], roots[step[1].root])]

    async def reach(self, heads: Sequence[Head]) -> set[str]:
        """The names of all blobs that revisions lead to. What blobs lead to is read once: they never change."""
        roots = {head.root for head in heads}
        new = [head for head in heads if head.root not in self._led_to]
        found = {name: tuple(root.buckets.values()) for name, root in (await self._roots(new)).items() if name}
        buckets = {name for root in roots for name in (found.get(root) or self._led_to.get(root, ()))}
        for name, blob in (await self._read(buckets - self._led_to.keys())).items():
            found[name] = tuple(led for one in read_bucket(blob).values() for led in (one.digest, *one.attached))
        # Names that many blobs lead to are kept once, and those of blobs that are gone not at all.
        same: dict[str, str] = {}
        led_to = self._led_to | found
        self._led_to = {name: tuple(same.setdefault(one, one) for one in led_to[name]) for name in roots | buckets}
        return roots | same.keys()

    def remember(
        self, tree: Tree, put: Mapping[str, Entry], deleted: frozenset[str], before: Mapping[str, Entry]
    ) -> Change:
        """The change that made a tree, which is told again without reading it."""
        change = self.described(tree, put, deleted, before)
        self._changes[change.revision] = change
        self._text += _length(change)
        while len(self._changes) > 1 and (len(self._changes) > _REMEMBERED or self._text > _REMEMBERED_TEXT):
            self._text -= _length(self._changes.popitem(last=False)[1])
        return change

    @staticmethod
    def described(tree: Tree, put: Mapping[str, Entry], deleted: frozenset[str], before: Mapping[str, Entry]) -> Change:
        """A change with what is said of it."""
        root = tree.root
        author = Author(root.author, root.source)
        return Change(
            root.revision,
            author,
            root.content,
            put,
            deleted,
            before,
            root.message,
            root.time,
            root.revision - 1,
        )

    async def _tree(self, head: Head, root: Root, similar: Tree, wanted: Collection[str] | None) -> Tree:
        names = {name: of for name, of in root.buckets.items() if wanted is None or name in wanted}
        same = {name: similar.buckets[name] for name, of in names.items() if similar.root.buckets.get(name) == of}
        missing = {name: of for name, of in names.items() if name not in same}
        blobs = await self._read(set(missing.values()))
        read = {name: read_bucket(checked(BUCKET, of, blobs[of])) for name, of in missing.items()}
        return Tree(head, root, same | read)

    async def _roots(self, heads: Collection[Head]) -> dict[str, Root]:
        blobs = await self._read({head.root for head in heads if head != NOTHING})
        roots = {NOTHING.root: EMPTY} | {name: read_root(checked(ROOT, name, blob)) for name, blob in blobs.items()}
        for head in heads:
            if roots[head.root].revision != head.revision:
                raise Damaged(f"revision {head.revision} is told to be what revision {roots[head.root].revision} is")
        return roots

    async def _read(self, names: Collection[str]) -> Mapping[str, bytes]:
        if not names:
            return {}
        blobs = await self._backend.read(names)
        missing = set(names) - blobs.keys()
        if missing:
            # What is collected meanwhile was no longer kept; of what is kept, nothing may be missing.
            raise Damaged(f"{len(missing)} blobs are missing, {min(missing)} among them")
        return blobs


def _length(change: Change) -> int:
    return sum(len(entry.value) for entry in (*change.put.values(), *change.before.values()))
