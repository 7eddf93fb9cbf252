"""What the gateway says of itself, as it says it, for those who look."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from penstock.base.waiting import comes
from penstock.runtime.worker.taps import MOST_LISTENERS, TooMany

_MOST_WAITING = 1_000
_ROOT = logging.getLogger()


class OwnLog(logging.Handler):
    """The lines of the supervisor's log that one listener has not taken yet; what finds no room is counted."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[dict[str, str]] = deque()
        self._dropped = 0
        self._came = asyncio.Event()
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line, whichever thread says it."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        told = {"time": f"{moment}.{record.msecs:03.0f}Z", "level": record.levelname, "message": record.getMessage()}
        if record.exc_info:
            told["exception"] = self._formatter.formatException(record.exc_info)
        self._loop.call_soon_threadsafe(self._add, told)

    async def take(self, seconds: float) -> tuple[list[dict[str, str]], int]:
        """The lines that came since this was last asked, or come within a time, and how many found no room."""
        await comes(self._came, seconds)
        self._came.clear()
        lines, dropped = list(self._waiting), self._dropped
        self._waiting.clear()
        self._dropped = 0
        return lines, dropped

    def _add(self, told: dict[str, str]) -> None:
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.append(told)
        else:
            self._dropped += 1
        self._came.set()


@contextmanager
def own_log() -> Iterator[OwnLog]:
    """What is said while this is open.

    Raises: TooMany.
    """
    count = sum(isinstance(one, OwnLog) for one in _ROOT.handlers)
    if count >= MOST_LISTENERS:
        raise TooMany(f"{count} look at the log already; that is as many as may")
    log = OwnLog()
    _ROOT.addHandler(log)
    try:
        yield log
    finally:
        _ROOT.removeHandler(log)
