"""A disk whose power may be cut: what is there afterwards of what was done to its files."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

_SECTOR = 512
"""Bytes that a disk writes whole or not at all."""


class Deed(NamedTuple):
    """Something that was done to a file, as the recorder writes it down; `.` is the folder."""

    what: str
    name: str
    at: int
    data: bytes


def read_deeds(record: Path) -> Iterator[Deed]:
    """What was done, in order."""
    content = record.read_bytes()
    at = 0
    while at < len(content):
        end = content.index(b"\n", at)
        what, name, place, length = content[at:end].decode().split(" ")
        at = end + 1
        data = content[at : at + int(length)] if what == "write" else b""
        at += len(data)
        yield Deed(what, name, int(place), data)


@dataclass
class Disk:
    """What has reached the disk for certain, and what is on its way.

    A file's content is certain once the file was synced, its name once the folder was. Of what is on its way, a cut
    leaves anything: nothing, all, or some of it, and of a write any of its sectors.
    """

    certain: dict[str, bytes] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    pending: dict[str, list[Deed]] = field(default_factory=dict)
    pending_names: list[Deed] = field(default_factory=list)

    def do(self, deed: Deed) -> None:
        """Take note of what is done."""
        if deed.what == "sync" and deed.name == ".":
            self.names = _named(self.names, self.pending_names)
            self.pending_names = []
        elif deed.what == "sync":
            self.certain[deed.name] = _done(self.certain.get(deed.name, b""), self.pending.pop(deed.name, []))
        elif deed.what in {"create", "remove"}:
            self.pending_names.append(deed)
            if deed.what == "create":
                self.certain[deed.name], self.pending[deed.name] = b"", []
        else:
            self.pending.setdefault(deed.name, []).append(deed)

    def cut(self, folder: Path, chance: random.Random) -> None:
        """Write into a folder what is there after a cut at this moment."""
        # Folders are written in order: of their changes a beginning is there.
        names = _named(self.names, self.pending_names[: _some(len(self.pending_names), chance)])
        mood = chance.choice(("nothing", "a beginning", "anything"))
        for name in names:
            deeds = self.pending.get(name, [])
            if mood == "nothing":
                deeds = []
            elif mood == "a beginning":
                deeds = deeds[: _some(len(deeds), chance)]
            else:
                deeds = [part for deed in deeds for part in _torn(deed, chance)]
            (folder / name).write_bytes(_done(self.certain.get(name, b""), deeds))


def _named(names: set[str], deeds: list[Deed]) -> set[str]:
    found = set(names)
    for deed in deeds:
        (found.add if deed.what == "create" else found.discard)(deed.name)
    return found


def _done(content: bytes, deeds: list[Deed]) -> bytes:
    if not deeds:
        return content
    made = bytearray(content)
    for deed in deeds:
        if deed.what == "truncate":
            del made[deed.at :]
            made.extend(bytes(max(deed.at - len(made), 0)))
        else:
            made.extend(bytes(max(deed.at - len(made), 0)))
            made[deed.at : deed.at + len(deed.data)] = deed.data
    return bytes(made)


def _some(count: int, chance: random.Random) -> int:
    return chance.choice((0, count, chance.randint(0, count)))


def _torn(deed: Deed, chance: random.Random) -> Iterator[Deed]:
    """The parts of what is done that reach the disk."""
    if deed.what != "write":
        if chance.random() < 0.5:
            yield deed
        return
    whole = chance.random()
    for at in range(0, len(deed.data), _SECTOR):
        if whole < 0.3 or (whole < 0.7 and chance.random() < 0.5):
            yield Deed("write", deed.name, deed.at + at, deed.data[at : at + _SECTOR])
