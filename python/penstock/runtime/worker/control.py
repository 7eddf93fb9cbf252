"""The supervisor's end of a worker's control socket: one question, one answer, in order."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from penstock.runtime.listening import ListeningSocket
from penstock.runtime.worker.frames import MOST_DESCRIPTORS, Broken, Frame, close_all, receive_frame, send_frame

PROTOCOL = 2
"""Version of the messages; workers of the one before are taken over from."""
ANSWER_SECONDS = 5.0
"""Time for an answer; a worker that is silent longer is left out of a change."""


class Refused(Exception):  # noqa: N818 - a word of the protocol
    """A worker that could not build a plan; `problems` says which parts and why."""

    def __init__(self, problems: Sequence[dict[str, str]]) -> None:
        super().__init__("; ".join(f"{one.get('part')}: {one.get('message')}" for one in problems))
        self.problems = list(problems)


class NeedsAll(Exception):  # noqa: N818 - a word of the protocol
    """A worker that does not run the revision that a change builds on."""


@dataclass(frozen=True, slots=True)
class GivenTable:
    """The table as a worker gives it: a descriptor of it, and what the worker counts where."""

    descriptor: int
    boot_id: int
    kinds: Sequence[Any]
    places: Mapping[str, Mapping[str, int]]


class Control:
    """One connection to a worker.

    After a failure or a missed answer it is closed: a late answer must never be taken for the next one.
    """

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._turn = asyncio.Lock()
        self.is_open = True
        self.answer_seconds = ANSWER_SECONDS
        self._protocol = PROTOCOL

    @classmethod
    async def connect(cls, path: Path, seconds: float = ANSWER_SECONDS) -> Self:
        """A connection to the socket at a path.

        Raises: OSError if nobody listens there.
        """
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.settimeout(0)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.get_running_loop().sock_connect(stream, str(path))
        except BaseException:
            stream.close()
            raise
        return cls(stream)

    def close(self) -> None:
        """Close the connection; the worker goes on."""
        self.is_open = False
        self._stream.close()

    async def ask(self, message: dict[str, Any], descriptors: Iterable[int] = ()) -> Frame:
        """Send a message and wait for its answer.

        Raises: OSError (TimeoutError among them) if there is none; Broken if the worker cannot read the message.
        """
        async with self._turn:
            if not self.is_open:
                raise Broken("the connection is closed")
            try:
                async with asyncio.timeout(self.answer_seconds):
                    await send_frame(self._stream, message, descriptors)
                    frame = await receive_frame(self._stream)
            except BaseException:
                self.close()
                raise
        if frame.message.get("type") == "problem":
            close_all(frame.descriptors)
            raise Broken(f"{message['type']}: {frame.message.get('message')}")
        return frame

    async def hello(self) -> dict[str, Any]:
        """Who the worker is: build, boot, revision, pid, index.

        Raises: OSError, or Broken if it speaks another protocol.
        """
        answer = (await self.ask({"type": "hello", "protocol": PROTOCOL})).message
        if answer.get("protocol") not in {PROTOCOL, PROTOCOL - 1}:
            raise Broken(f"protocol {answer.get('protocol')}")
        self._protocol = answer["protocol"]
        return answer

    async def prepare(
        self, revision: int, base: int | None, change: dict[str, Any], secrets: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        """Let the worker build a plan from what runs (`base`), a change, and the secrets of the whole.

        Raises: Refused, NeedsAll, OSError.
        """
        message = {
            "type": "prepare",
            "revision": revision,
            "base": base,
            **change,
            **({"secrets": dict(secrets)} if secrets else {}),
        }
        answer = (await self.ask(message)).message
        if answer.get("type") == "refused":
            raise Refused(answer.get("problems", []))
        if answer.get("type") == "need_all":
            raise NeedsAll

    async def commit(self, revision: int) -> None:
        """Let the worker run the plan it has prepared."""
        await self.ask({"type": "commit", "revision": revision})

    async def listen(self, sockets: Sequence[ListeningSocket]) -> None:
        """Hand over listening sockets, in as many frames as they need."""
        for start in range(0, len(sockets), MOST_DESCRIPTORS):
            some = sockets[start : start + MOST_DESCRIPTORS]
            described = [
                {
                    "listener": one.listener,
                    "worker": one.worker,
                    "address": one.address,
                    "index": one.index,
                    "is_spare": one.is_spare,
                }
                for one in some
            ]
            await self.ask({"type": "listen", "sockets": described}, [one.socket.fileno() for one in some])

    async def status(self) -> dict[str, Any]:
        """Which revision it runs; a worker whose loop stands still does not answer."""
        return (await self.ask({"type": "status"})).message

    async def reopen_logs(self) -> None:
        """Let the worker open its log files again, wherever their paths lead now.

        Raises: OSError.
        """
        await self.ask({"type": "reopen_logs"})

    async def tap(self, interest: Mapping[str, Any], silent_seconds: float) -> AsyncIterator[dict[str, Any]]:
        """What the worker tells of requests as they come, beginning with nothing; the connection is of no other use.

        Raises: OSError (TimeoutError among them) where it says nothing more; Broken if it will not.
        """
        await self.ask({"type": "tap", "interest": dict(interest)})
        yield {}
        while True:
            async with asyncio.timeout(silent_seconds):
                frame = await receive_frame(self._stream)
            yield frame.message

    async def drain(self, grace_seconds: float) -> None:
        """Let the worker finish what it serves and end."""
        await self.ask({"type": "drain", "grace_ms": round(grace_seconds * 1000)})

    async def retire(self, grace_seconds: float) -> None:
        """Let the worker finish for the sake of others that follow it: good-byes in tunnels are said late."""
        # Workers of protocol 1 know of no such thing.
        word = "retire" if self._protocol > 1 else "drain"
        await self.ask({"type": word, "grace_ms": round(grace_seconds * 1000)})

    async def stop(self) -> None:
        """Let the worker end at once."""
        await self.ask({"type": "stop"})

    async def take_table(self) -> GivenTable:
        """The shared table that the worker maps, and what it counts where."""
        frame = await self.ask({"type": "give_table"})
        if len(frame.descriptors) != 1:
            close_all(frame.descriptors)
            raise Broken(f"a table with {len(frame.descriptors)} descriptors")
        told = frame.message
        return GivenTable(frame.descriptors[0], int(told["boot_id"]), told["kinds"], told["places"])

    async def take_sockets(self) -> list[ListeningSocket]:
        """Duplicates of every listening socket that the worker holds, in as many frames as they need."""
        taken: list[ListeningSocket] = []
        try:
            while True:
                frame = await self.ask({"type": "give_sockets", **({"start": len(taken)} if taken else {})})
                some = _given(frame)
                taken += some
                if not some or len(taken) >= frame.message.get("total", 0):
                    return taken
        except BaseException:
            for one in taken:
                one.socket.close()
            raise


def _given(frame: Frame) -> list[ListeningSocket]:
    """The sockets of one frame.

    Raises: Broken if it has more names than descriptors, or fewer.
    """
    described = frame.message.get("sockets", [])
    if len(described) != len(frame.descriptors):
        close_all(frame.descriptors)
        raise Broken(f"{len(described)} sockets with {len(frame.descriptors)} descriptors")
    return [
        ListeningSocket(
            one["listener"],
            one["worker"],
            one["address"],
            socket.socket(fileno=descriptor),
            one.get("index", 0),
            is_spare=one.get("is_spare", False),
        )
        for one, descriptor in zip(described, frame.descriptors, strict=True)
    ]
