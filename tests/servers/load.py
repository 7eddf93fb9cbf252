"""Clients for tests: they ask all the time, and count what they lose."""

import http.client
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self


@dataclass
class Losses:
    """What clients have seen.

    `closed` are kept connections that the gateway closed and said so, `dropped` those of which a client learned only
    when it used them again; it asks again then, as HTTP clients do. What fails on a fresh connection is `lost`.
    """

    answered: int = 0
    lost: list[str] = field(default_factory=list)
    closed: int = 0
    dropped: int = 0
    slowest: float = 0.0
    seconds: list[float] = field(default_factory=list)
    fresh: list[tuple[float, float]] = field(default_factory=list)
    """Of answers on connections made for them: when the client began to connect, and the seconds until the answer."""

    def slowest_fresh(self, since: float, until: float) -> float:
        """The longest wait for an answer of who began to connect between two moments; 0 where nobody did."""
        return max((seconds for began, seconds in self.fresh if since <= began < until), default=0.0)


def percentile(values: Sequence[float], part: float) -> float:
    """The value that this part of all lies below."""
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


class Load:
    """Threads that send requests to a port: some on kept connections, some on a new one each time.

    `pause` is between two requests of one client, in seconds.
    """

    def __init__(self, port: int, kept: int = 4, fresh: int = 1, pause: float = 0.005, path: str = "/load") -> None:
        self.port = port
        self.path = path
        self.losses = Losses()
        self._pause = pause
        self._ending = threading.Event()
        self._lock = threading.Lock()
        loops: list[Callable[[], None]] = [self._keep] * kept + [self._renew] * fresh
        self._threads = [threading.Thread(target=loop, daemon=True) for loop in loops]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(20)

    def _keep(self) -> None:
        connection, is_fresh = self._connection(), True
        while not self._ending.is_set():
            may_reuse = self._ask(connection, is_fresh=is_fresh)
            if not may_reuse:
                connection.close()
                connection = self._connection()
            is_fresh = not may_reuse
            time.sleep(self._pause)
        connection.close()

    def _renew(self) -> None:
        while not self._ending.is_set():
            connection = self._connection()
            self._ask(connection, "close")
            connection.close()
            time.sleep(self._pause)

    def _ask(self, connection: http.client.HTTPConnection, wish: str = "keep-alive", *, is_fresh: bool = True) -> bool:
        """Whether the connection may be used again."""
        began = time.monotonic()
        try:
            connection.request("GET", self.path, headers={"connection": wish})
            answer = connection.getresponse()
            answer.read()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as problem:
            with self._lock:
                if is_fresh:
                    self.losses.lost.append(f"{type(problem).__name__}: {problem}")
                self.losses.dropped += not is_fresh
            return False
        except (OSError, http.client.HTTPException) as problem:
            self._lose(f"{type(problem).__name__}: {problem}")
            return False
        with self._lock:
            self.losses.answered += 1
            self.losses.seconds.append(time.monotonic() - began)
            self.losses.slowest = max(self.losses.slowest, self.losses.seconds[-1])
            if is_fresh:
                self.losses.fresh.append((began, self.losses.seconds[-1]))
            if answer.status != http.HTTPStatus.OK:
                self.losses.lost.append(f"status {answer.status}")
            if answer.will_close and wish == "keep-alive":
                self.losses.closed += 1
        return not answer.will_close

    def _lose(self, what: str) -> None:
        with self._lock:
            self.losses.lost.append(what)

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
