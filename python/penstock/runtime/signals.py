"""Signals that mean something to a gateway, noted from the first moment of its life."""

import asyncio
import signal
from collections.abc import Callable
from types import FrameType

ENDING = frozenset({signal.SIGTERM, signal.SIGINT})
_NOTED = (*sorted(ENDING), signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Signals:
    """Notes signals until somebody takes them: one that comes while workers start must not leave them alone."""

    def __init__(self) -> None:
        self._early: list[signal.Signals] = []

    def note(self) -> None:
        """Begin to note signals; called in the main thread, before the first worker is started."""
        for number in _NOTED:
            signal.signal(number, self._note)

    def deliver(self, take: Callable[[signal.Signals], None]) -> None:
        """Hand over the signals that came, and from now on those that come, within the running loop."""
        loop = asyncio.get_running_loop()
        for number in _NOTED:
            loop.add_signal_handler(number, take, number)
        while self._early:
            take(self._early.pop(0))

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._early.append(signal.Signals(number))
