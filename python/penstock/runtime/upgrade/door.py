"""Where a running gateway is asked to give way: a unix socket that only its owner reaches."""

import asyncio
import json
import os
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock.runtime.upgrade.message import UPGRADE
from penstock.runtime.upgrade.predecessor import Predecessor, Stays

if TYPE_CHECKING:
    from penstock.runtime.supervisor import Supervisor

_NAME = "upgrade.sock"
_BACKLOG = 8
_LENGTH = struct.Struct("!I")
_CREDENTIALS = struct.Struct("3i")
_LARGEST = 64 * 1024
_QUESTION_SECONDS = 10.0
_LAST_WORD_SECONDS = 1.0


@dataclass(slots=True)
class Door:
    """Answers whoever asks the gateway to give way."""

    supervisor: "Supervisor"
    _predecessor: Predecessor = field(init=False)
    _listening: socket.socket | None = None
    _server: asyncio.Server | None = None
    _answering: "set[asyncio.Task[Any]]" = field(default_factory=set)

    def __post_init__(self) -> None:
        self._predecessor = self.supervisor.predecessor = Predecessor(self.supervisor)

    async def open(self) -> None:
        """Begin to answer, on the socket of a predecessor if there is one."""
        self._listening = self.supervisor.inherited(_NAME) or self._bound()
        self._server = await asyncio.start_unix_server(self._answer, sock=self._listening.dup())

    def announce(self) -> None:
        """Say nothing: the command knows where it is."""

    def lend(self) -> Mapping[str, socket.socket]:
        """Answer no more, and give the socket, by which somebody else goes on."""
        lent, self._listening = self._listening, None
        self._close()
        return {_NAME: lent} if lent else {}

    async def close(self) -> None:
        """Answer no more."""
        if self._listening is not None:
            self._listening.close()
            self.supervisor.launch.folder.upgrade_socket.unlink(missing_ok=True)
        self._close()
        if self._answering:
            # Whoever has asked for the upgrade that ends this process is to hear of it.
            await asyncio.wait(self._answering, timeout=_LAST_WORD_SECONDS)

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()

    def _bound(self) -> socket.socket:
        path = self.supervisor.launch.folder.upgrade_socket
        path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(str(path))
            path.chmod(0o600)
            listening.listen(_BACKLOG)
        except BaseException:
            listening.close()
            raise
        return listening

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        try:
            answer = await self._said(reader, writer)
        except (OSError, EOFError, ValueError, KeyError, TypeError) as problem:
            answer = {"problems": [f"a question that cannot be read: {problem}"]}
        body = json.dumps(answer).encode()
        with suppress(OSError):
            writer.write(_LENGTH.pack(len(body)) + body)
            await writer.drain()
        writer.close()

    async def _said(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> dict[str, Any]:
        peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        if _CREDENTIALS.unpack(peer)[1] not in {0, os.geteuid()}:
            # Whoever asks names what is run.
            return {"problems": ["only the gateway's own user and the superuser may ask for that"]}
        async with asyncio.timeout(_QUESTION_SECONDS):
            (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
            if length > _LARGEST:
                raise ValueError(f"{length} bytes")
            question = json.loads(await reader.readexactly(length))
        if question["type"] != UPGRADE:
            raise ValueError(f"{question['type']!r}")
        try:
            successor = await self._predecessor.give_way(question.get("python"), question.get("workers"))
        except Stays as stays:
            return {"problems": str(stays).splitlines()}
        return {"problems": [], "pid": successor.pid, "version": successor.version, "before": os.getpid()}
