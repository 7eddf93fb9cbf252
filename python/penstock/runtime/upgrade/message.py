"""What a gateway and its successor say to each other: frames over a pair of sockets that one has made for the other.

Either side passes over what it does not know, so that a version speaks with the one before it.
"""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock.runtime.worker.frames import Frame, close_all, receive_frame, send_frame

PROTOCOL = 1
READY, YOURS, SERVING, FAILED = "ready", "yours", "serving", "failed"
"""The successor could start; the predecessor gives way; the successor serves; it does not, and why."""
UPGRADE = "upgrade"
"""What the command asks a gateway for."""


class Broken(ConnectionError):  # noqa: N818 - says what is the case
    """A peer that says something else than was to come; the text says what."""


@dataclass(slots=True)
class Channel:
    """One end of the pair."""

    stream: socket.socket

    def __post_init__(self) -> None:
        self.stream.setblocking(False)  # noqa: FBT003 - what the method takes

    async def say(self, word: str, content: Mapping[str, Any], descriptors: Mapping[str, int] | None = None) -> None:
        """Say something, and hand over descriptors by name.

        Raises: OSError if nobody hears.
        """
        passed = descriptors or {}
        message = {"type": word, "protocol": PROTOCOL, "descriptors": list(passed), **content}
        await send_frame(self.stream, message, passed.values())

    async def hear(self, seconds: float | None) -> tuple[Mapping[str, Any], dict[str, int]]:
        """What the other side says, and the descriptors that came with it, by name.

        Raises: TimeoutError, OSError; Broken if names and descriptors do not match.
        """
        async with asyncio.timeout(seconds):
            frame = await receive_frame(self.stream)
        return frame.message, _named(frame)

    async def end(self, seconds: float) -> None:
        """Return when the other side has closed its end, or after a time."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    close_all((await receive_frame(self.stream)).descriptors)
        except OSError:
            return

    def close(self) -> None:
        """Say nothing more."""
        self.stream.close()


def _named(frame: Frame) -> dict[str, int]:
    names = frame.message.get("descriptors", [])
    if not isinstance(names, list) or len(names) != len(frame.descriptors):
        close_all(frame.descriptors)
        raise Broken("other descriptors than were named")
    return dict(zip(names, frame.descriptors, strict=True))
