"""What the kernel tells of folders: that something in them has changed (inotify). Where it cannot, nothing is told."""

import asyncio
import contextlib
import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from penstock.base.waiting import comes

_MODIFY, _ATTRIBUTES, _CLOSE_WRITE = 0x2, 0x4, 0x8
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _MOVE_SELF, _IGNORED = 0x400, 0x800, 0x8000
_ENDS_WRITING = _CLOSE_WRITE | _MOVED_FROM | _DELETE
_TOLD = _MODIFY | _ATTRIBUTES | _ENDS_WRITING | _MOVED_TO | _CREATE | _DELETE_SELF | _MOVE_SELF
_HEAD = struct.Struct("iIII")
"""Watch, what happened, a cookie, and the length of the name that follows. Source: inotify(7)."""
_ROOM = 64 * 1024
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 0.16
"""Time for which nothing is read once files were only written to, twice as long each time that this is so again.
Somebody may always write, to a log beside the configuration, and what happens to one file again and again meanwhile
is told once."""


class Notices:
    """Hears of changes in folders, from when it listens to them; used in a `with`, within a running loop.

    Only a hint to look soon: of what happens on other machines' shares, or past the limits of the system, it hears
    nothing.
    """

    def __init__(self) -> None:
        self._folders: dict[Path, int] = {}
        self._written: set[tuple[int, str]] = set()
        self._news = asyncio.Event()
        self._pause = _PAUSE_SECONDS
        self._library = ctypes.CDLL(None, use_errno=True)
        self._descriptor = -1

    def __enter__(self) -> Self:
        with contextlib.suppress(AttributeError):  # a C library without it
            self._descriptor = self._library.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        self._listen()
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def forget(self) -> None:
        """Listen to nothing: what a folder's name stands for may be another folder by now."""
        self.listen_to(())
        self._written.clear()

    def listen_to(self, folders: Iterable[Path]) -> bool:
        """Listen to these folders and no others; whether all of them are heard of."""
        wanted = set(folders)
        for folder in self._folders.keys() - wanted:
            self._library.inotify_rm_watch(self._descriptor, self._folders.pop(folder))
        for folder in wanted - self._folders.keys():
            watch = self._library.inotify_add_watch(self._descriptor, os.fsencode(folder), _TOLD)
            if watch >= 0:
                self._folders[folder] = watch
        return self._folders.keys() == wanted

    async def wait(self, seconds: float) -> None:
        """Return when there is news, or after a time."""
        await comes(self._news, seconds)
        self._news.clear()

    def is_being_written(self, files: Iterable[Path]) -> bool:
        """Whether somebody writes to one of these files and has not closed it."""
        self._take_what_came()
        return any((self._folders.get(file.parent, -1), file.name) in self._written for file in files)

    def _listen(self) -> None:
        if self._descriptor >= 0:
            asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def _read(self) -> None:
        if self._take_what_came() != _MODIFY:
            self._pause = _PAUSE_SECONDS
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._descriptor)
        loop.call_later(self._pause, self._listen)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)

    def _take_what_came(self) -> int:
        """Everything that happened since it was last asked for, as one mask."""
        position = happened = 0
        data = b""
        if self._descriptor >= 0:
            with contextlib.suppress(BlockingIOError):
                data = os.read(self._descriptor, _ROOM)
        while position < len(data):
            watch, what, _, length = _HEAD.unpack_from(data, position)
            position += _HEAD.size + length
            happened |= what
            self._take(watch, what, os.fsdecode(data[position - length : position].rstrip(b"\0")))
        return happened

    def _take(self, watch: int, what: int, name: str) -> None:
        if what & (_IGNORED | _MOVE_SELF):
            # A folder that is gone; one in its place is listened to anew.
            self._folders = {folder: of for folder, of in self._folders.items() if of != watch}
            self._written = {one for one in self._written if one[0] != watch}
        if what & _MODIFY:
            self._written.add((watch, name))
            return
        if what & _ENDS_WRITING:
            self._written.discard((watch, name))
        self._news.set()
