"""Archives of plugins that are brought into the store, and taken out of it."""

import asyncio
from dataclasses import dataclass
from functools import partial

from penstock.filters.plugin_archive import digest_of, unpack
from penstock.filters.plugin_shelf import Shelf
from penstock.runtime.change.archives import Kept, archive_key, read_kept, users_of
from penstock.runtime.change.entries import ARCHIVES
from penstock.store import Author, Change, Entry, Store, Transaction

_MOST, _MOST_BYTES = 500, 512 * 1024 * 1024
"""Archives that a store holds at once, and bytes of them."""


class Refused(Exception):  # noqa: N818 - says what becomes of it
    """An archive that is not taken; the text says why."""


class InUse(Exception):  # noqa: N818 - says what is the case
    """An archive that plugins name, or that there is no room beside; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An archive that somebody brings: what it is said to be, and what it is."""

    digest: str
    name: str
    content: bytes
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Uploads:
    """Brings archives into a store, and onto the shelf of this node."""

    store: Store
    shelf: Shelf

    async def bring(self, author: Author, upload: Upload) -> tuple[Change, bool]:
        """Take an archive in; whether it was not there before. Nothing of it is run.

        Raises: Refused, InUse; what the store raises.
        """
        digest = upload.digest
        try:
            files = await asyncio.to_thread(partial(self._checked, upload))
        except ValueError as problem:
            raise Refused(str(problem)) from None
        entries = (await self.store.range(ARCHIVES)).entries
        key = archive_key(digest)
        known = entries.get(key)
        others = [read_kept(entry).size for entry in entries.values() if entry is not known]
        if len(others) >= _MOST or sum(others) + len(upload.content) > _MOST_BYTES:
            raise InUse(f"the store holds {len(others)} archives already; delete some that no plugin names")
        kept = Kept(upload.name, len(upload.content), files, upload.signature)
        change = await self.store.transaction(
            Transaction(
                author,
                put={key: kept.to_text()},
                attached={key: upload.content},
                expected={key: known.modified if known else 0},
                message=f"plugin archive {upload.name} {digest} uploaded",
            )
        )
        try:
            await asyncio.to_thread(self.shelf.keep, digest, upload.content, upload.signature)
        except OSError as problem:
            # It is in the store; a plugin that names it says what this node lacks.
            self.shelf.reasons[digest] = f"it cannot be kept on this node: {problem.strerror or problem}"
        return change, known is None

    async def take_away(self, author: Author, digest: str) -> Change | None:
        """Let the store hold an archive no more, but in its history; nothing where there is none.

        Raises: InUse if a plugin names it; what the store raises.
        """
        entries = (await self.store.range()).entries
        known = entries.get(archive_key(digest))
        if known is None:
            return None
        users = users_of(digest, entries)
        if users:
            raise InUse(f"{', '.join(users)} would have no files; let it name another archive first")
        return await self.store.transaction(
            Transaction(
                author,
                delete=frozenset({known.key}),
                expected={known.key: known.modified},
                message=f"plugin archive {read_kept(known).name} {digest} deleted",
            )
        )

    async def content(self, entry: Entry, digest: str) -> bytes:
        """An archive that the store has.

        Raises: what the store raises.
        """
        try:
            return await asyncio.to_thread(self.shelf.read, digest)
        except ValueError:
            return await self.store.attachment(entry)

    def _checked(self, upload: Upload) -> int:
        found = digest_of(upload.content)
        if found != upload.digest:
            raise ValueError(f"what arrived is {found}, and not what it was said to be")
        files = len(unpack(upload.content).contents)
        self.shelf.trust.check(upload.digest, upload.signature)
        return files
