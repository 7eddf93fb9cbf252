"""Archives of plugins in the store, and how they come to where this node can use them."""

import asyncio
import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass

from penstock.filters.plugin_shelf import Shelf
from penstock.runtime.change.entries import ARCHIVES
from penstock.store import Damaged, Entry, Forgotten, Store

_log = logging.getLogger("penstock")
_PLUGIN = "plugin/"


@dataclass(frozen=True, slots=True)
class Kept:
    """What the store says of an archive; the archive itself is attached to the entry.

    Units: `size` is bytes. `files` is how many Python files of a plugin are in it.
    """

    name: str
    size: int
    files: int
    signature: str = ""

    def to_text(self) -> str:
        """The value of its entry."""
        return json.dumps(asdict(self), sort_keys=True)


def archive_key(digest: str) -> str:
    """The key of an archive's entry."""
    return f"{ARCHIVES}{digest.removeprefix('sha256:')}"


def archive_of(key: str) -> str:
    """The digest of the archive that an entry is of."""
    return f"sha256:{key.removeprefix(ARCHIVES)}"


def read_kept(entry: Entry) -> Kept:
    """What an entry says of its archive; of what is none, nothing is known."""
    try:
        data = json.loads(entry.value)
        return Kept(str(data["name"]), int(data["size"]), int(data["files"]), str(data["signature"]))
    except (ValueError, TypeError, KeyError):
        return Kept("", 0, 0)


def archives_in(entries: Mapping[str, Entry]) -> set[str]:
    """The archives that plugins in use name."""
    return {digest for key, entry in entries.items() if key.startswith(_PLUGIN) and (digest := _named(entry))}


def users_of(digest: str, entries: Mapping[str, Entry]) -> list[str]:
    """The plugins that name an archive, also those that are not in use."""
    return sorted(key for key, entry in entries.items() if key.startswith(_PLUGIN) and digest in entry.value)


async def bring(shelf: Shelf, store: Store, wanted: Collection[str], entries: Mapping[str, Entry]) -> dict[str, str]:
    """Put archives on the shelf that the store has and the shelf has not; what keeps which of them from it.

    One that the store has not is no fault of this node's: that is told where the plugin is compiled.

    Raises: Unavailable.
    """
    problems: dict[str, str] = {}
    for digest in sorted(wanted):
        entry = entries.get(archive_key(digest))
        if entry is None or await asyncio.to_thread(shelf.has, digest):
            continue
        try:
            content = await store.attachment(entry)
            await asyncio.to_thread(shelf.keep, digest, content, read_kept(entry).signature)
        except (Damaged, ValueError) as problem:
            shelf.reasons[digest] = str(problem)
        except OSError as problem:
            shelf.reasons[digest] = f"it cannot be kept on this node: {problem.strerror or problem}"
        else:
            _log.info("plugin archive %s (%d bytes) is on this node", digest[:19], len(content))
            continue
        problems[digest] = f"plugin archive {digest[:19]} cannot be used: {shelf.reasons[digest]}"
    return problems


async def taken_along(
    shelf: Shelf, store: Store, now: Mapping[str, Entry], then: Mapping[str, Entry]
) -> tuple[dict[str, str], dict[str, bytes]]:
    """The archives that were there then and are not now: what is to be put and attached, without what nobody has.

    Raises: Unavailable.
    """
    values: dict[str, str] = {}
    attached: dict[str, bytes] = {}
    for key, entry in then.items():
        if not key.startswith(ARCHIVES) or key in now:
            continue
        try:
            content = await asyncio.to_thread(shelf.read, archive_of(key))
        except ValueError:
            try:
                content = await store.attachment(entry)
            except (Damaged, Forgotten):
                continue
        if content:
            values[key], attached[key] = entry.value, content
    return values, attached


def _named(entry: Entry) -> str:
    try:
        data = json.loads(entry.value)
    except ValueError:
        return ""
    digest = data.get("archive") if isinstance(data, dict) and data.get("enabled", True) else None
    return digest if isinstance(digest, str) else ""
