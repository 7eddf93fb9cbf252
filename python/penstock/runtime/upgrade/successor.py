"""The new side of an upgrade: checks that it can serve, takes over, says how that went."""

import asyncio
import contextlib
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.runtime.state_folder import sign
from penstock.runtime.upgrade.message import FAILED, READY, SERVING, YOURS, Broken, Channel

_GIVING_SECONDS = 30.0
"""Time for a predecessor to give way, once it was asked."""
_LEAVING_SECONDS = 30.0
"""Time for a predecessor to go, once its successor serves; what it still did would meet what this one does."""


class NotGiven(Exception):  # noqa: N818 - says what is the case
    """A predecessor that has not given way; the text says why in one line."""


@dataclass(slots=True)
class Succession:
    """A gateway that follows another one, which serves until it is told that this one does."""

    channel: Channel
    version: str
    build: str
    lock: int = -1
    sockets: dict[str, socket.socket] = field(default_factory=dict)
    """Listening sockets that are no listener's, such as that of the admin API, by name."""
    tickets: Mapping[str, Any] = field(default_factory=dict, repr=False)
    is_in_memory: bool = True
    """Whether the predecessor's store is gone with it."""
    nodes: int = 1
    """Among how many nodes the predecessor divides rates."""

    def claim(self) -> None:
        """Ask the predecessor to give way; what it gives is kept here.

        Raises: NotGiven.
        """
        try:
            asyncio.run(self._claim())
        except OSError as problem:
            raise NotGiven(f"what runs does not give way: {str(problem) or 'no answer'}") from None

    def refuse(self, problems: Sequence[str]) -> None:
        """Say why this one does not serve; whoever hears no more of it would not know."""
        with contextlib.suppress(OSError):
            asyncio.run(self.channel.say(FAILED, {"problems": list(problems)}))
        self.channel.close()

    def take(self, name: str) -> socket.socket | None:
        """A listening socket that the predecessor had for the same purpose, if it had one."""
        return self.sockets.pop(name, None)

    async def complete(self) -> None:
        """Say that this one serves, and return when the predecessor has gone."""
        for unwanted in self.sockets.values():
            unwanted.close()
        self.sockets.clear()
        sign(self.lock)
        with contextlib.suppress(OSError):
            await self.channel.say(SERVING, {"version": self.version})
            await self.channel.end(_LEAVING_SECONDS)
        self.channel.close()

    async def _claim(self) -> None:
        await self.channel.say(READY, {"version": self.version, "build": self.build})
        message, descriptors = await self.channel.hear(_GIVING_SECONDS)
        if message.get("type") != YOURS or "lock" not in descriptors:
            raise Broken(f"it says {message.get('type')}")
        self.lock = descriptors.pop("lock")
        self.sockets = {name: socket.socket(fileno=descriptor) for name, descriptor in descriptors.items()}
        self.tickets = message.get("tickets", {})
        self.is_in_memory = bool(message.get("is_in_memory"))
        self.nodes = int(message.get("nodes", 1))
