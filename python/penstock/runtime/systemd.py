"""What systemd, or whoever else starts the gateway as a service, is told and has opened for it.

Source: sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3).
"""

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field

_log = logging.getLogger("penstock")
_FIRST_DESCRIPTOR = 3
_MICROSECONDS = 1_000_000
_PARTS = 3
"""A sign of life comes so often within the time after which none is taken for death."""


@dataclass(slots=True)
class Systemd:
    """The socket on which it hears, if there is one, and how often it wants to."""

    address: str = ""
    watchdog_seconds: float = 0.0

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Systemd":
        """The one that the variables tell of."""
        # WATCHDOG_PID is not looked at: it names the first of processes that follow one another.
        text = environment.get("WATCHDOG_USEC", "")
        seconds = int(text) / _MICROSECONDS if text.isdecimal() else 0.0
        return cls(environment.get("NOTIFY_SOCKET", ""), seconds)

    def ready(self, status: str) -> None:
        """Requests are served, by what the status says."""
        self._say("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """The configuration is being read again; `ready` ends that."""
        self._say("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """No more is accepted."""
        self._say("STOPPING=1", "STATUS=finishing what was begun")

    def followed_by(self, process: int) -> None:
        """Another process is the service's first one from now on."""
        self._say(f"MAINPID={process}")

    async def keep_alive(self) -> None:
        """Give signs of life, where they are wanted."""
        while self.watchdog_seconds:
            self._say("WATCHDOG=1")
            await asyncio.sleep(self.watchdog_seconds / _PARTS)

    def _say(self, *lines: str) -> None:
        if not self.address:
            return
        # A name that begins with @ is no file's.
        place = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stream:
            stream.setblocking(False)  # noqa: FBT003 - what the method takes
            stream.sendto("\n".join(lines).encode(), place)


@dataclass(slots=True)
class Opened:
    """Listening sockets that were opened before the gateway began, by the names of their listeners."""

    sockets: dict[str, list[socket.socket]] = field(default_factory=dict)

    @classmethod
    def of(cls, environment: MutableMapping[str, str], process: int) -> "Opened":
        """Those that the variables tell of; no process that is started from here is told of them again."""
        is_ours = environment.pop("LISTEN_PID", "") == str(process)
        count, names = environment.pop("LISTEN_FDS", ""), environment.pop("LISTEN_FDNAMES", "").split(":")
        opened = cls()
        if not is_ours or not count.isdecimal():
            return opened
        for place in range(int(count)):
            descriptor = _FIRST_DESCRIPTOR + place
            os.set_inheritable(descriptor, False)  # noqa: FBT003 - what the function takes
            name = names[place] if place < len(names) else ""
            opened.sockets.setdefault(name, []).append(socket.socket(fileno=descriptor))
        return opened

    def take(self, listener: str) -> list[socket.socket]:
        """The sockets of a listener; each is given once."""
        return self.sockets.pop(listener, [])

    def close(self) -> None:
        """Close those of which no listener has the name."""
        for name, found in self.sockets.items():
            _log.warning(
                "no listener is called %s: the sockets that were opened for it are closed", name or "(no name)"
            )
            for one in found:
                one.close()
        self.sockets.clear()
