"""A whole store in one stream: every kept revision with its blobs and results, and a checksum of all of it.

Shape: lines of JSON: a head line, blobs, revisions from the oldest on, results, and the SHA-256 of all lines before.
Sealed values stay sealed. A store of any kind can be restored from it.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from penstock.store.backend import Backend, Commit
from penstock.store.entry import Conflict, Damaged, Forgotten, Result
from penstock.store.library import Library
from penstock.store.results import read_result, write_result
from penstock.store.revisions.root import NOTHING, Head
from penstock.store.revisions.values import Values

_TITLE = {"penstock": "archive of a store", "form": 1}
_AT_ONCE = 200
_ATTEMPTS = 5


@dataclass(slots=True)
class Archive:
    """What an archive holds; `heads` are its revisions, oldest first."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    heads: list[Head] = field(default_factory=list)
    results: list[tuple[int, Result]] = field(default_factory=list)


async def write_archive(backend: Backend, values: Values, output: BinaryIO) -> Head:
    """Write all that is kept, as it is at one moment; the latest revision in it.

    Raises: Damaged, Unavailable, OSError.
    """
    for _ in range(_ATTEMPTS):
        heads = await backend.roots(2**50, 2**50)
        try:
            names = sorted(await Library(backend, values).reach(heads))
            blobs = [await _read(backend, names[at : at + _AT_ONCE]) for at in range(0, len(names), _AT_ONCE)]
        except Damaged:
            # Others may have let the oldest go while it was read.
            if await backend.roots(2**50, 2**50) == heads:
                raise
            continue
        newest = heads[0] if heads else NOTHING
        results = await backend.results(heads[-1].revision, newest.revision) if heads else {}
        _write(output, _lines(blobs, heads[::-1], results))
        return newest
    raise Forgotten("revisions are forgotten faster than they are read")


def read_archive(source: BinaryIO) -> Archive:
    """What an archive holds, all of it checked.

    Raises: Damaged if it is none, or not whole.
    """
    archive, checksum, last = Archive(), hashlib.sha256(), b""
    try:
        for number, line in enumerate(source):
            if last:
                raise Damaged("the archive goes on after its end")
            content = json.loads(line)
            if number == 0 and content != _TITLE:
                raise Damaged("not an archive of a store, or of a later version of Penstock")
            if "sha256" in content:
                last = content["sha256"].encode()
            else:
                checksum.update(line)
                _take(archive, content)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Damaged("not an archive of a store, as `penstock backup` writes it") from None
    if checksum.hexdigest().encode() != last:
        raise Damaged("the archive is not whole")
    return archive


async def restore_archive(archive: Archive, backend: Backend) -> Head:
    """Let an empty backend hold what an archive does; the latest revision.

    Raises: Conflict if there is anything already; Unavailable.
    """
    if await backend.head() != NOTHING:
        raise Conflict("the store", 0, (await backend.head()).revision)
    before, blobs = NOTHING, archive.blobs
    for head in archive.heads:
        # All blobs with the first: what is not whole at any moment is not there at all.
        if not await backend.commit(Commit(before, head, blobs)):
            raise Conflict("the store", before.revision, (await backend.head()).revision)
        before, blobs = head, {}
    for revision, result in archive.results:
        await backend.note(revision, result)
    return before


async def _read(backend: Backend, names: Sequence[str]) -> Mapping[str, bytes]:
    found = await backend.read(names)
    if len(found) != len(names):
        raise Damaged(f"{len(names) - len(found)} blobs are missing")
    return found


def _lines(
    blobs: Iterable[Mapping[str, bytes]], heads: Iterable[Head], results: Mapping[int, Sequence[Result]]
) -> Iterator[Mapping[str, Any]]:
    yield _TITLE
    for some in blobs:
        for name, blob in some.items():
            yield {"blob": name, "data": base64.b64encode(blob).decode()}
    for head in heads:
        yield {"revision": head.revision, "root": head.root, "written": head.written}
    for revision, found in results.items():
        for result in found:
            yield {"of": revision, "result": write_result(result)}


def _write(output: BinaryIO, lines: Iterable[Mapping[str, Any]]) -> None:
    checksum = hashlib.sha256()
    for content in lines:
        line = json.dumps(content).encode() + b"\n"
        checksum.update(line)
        output.write(line)
    output.write(json.dumps({"sha256": checksum.hexdigest()}).encode() + b"\n")


def _take(archive: Archive, content: Mapping[str, Any]) -> None:
    if "blob" in content:
        archive.blobs[content["blob"]] = base64.b64decode(content["data"], validate=True)
    elif "root" in content:
        archive.heads.append(Head(content["revision"], content["root"], content["written"]))
    elif "of" in content:
        archive.results.append((content["of"], read_result(content["result"])))
