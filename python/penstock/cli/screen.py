"""A terminal that is drawn on again and again: plain ANSI, put back as it was whatever happens."""

import contextlib
import os
import select
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Iterable
from types import FrameType
from typing import Any, Self

_BEGIN = "\x1b[?1049h\x1b[?25l"
_END = "\x1b[?25h\x1b[?1049l"
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"
_MOST_KEYS = 64


def can_draw() -> bool:
    """Whether there is a terminal on both sides, and one that understands more than lines."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}


class Screen:
    """The whole of a terminal, for as long as a `with` block lasts. Keys come one by one and are not shown."""

    def __init__(self) -> None:
        self._input = sys.stdin.fileno()
        self._before: list[Any] = []
        self._handlers: dict[signal.Signals, Any] = {}
        self._wake: tuple[int, int] = (-1, -1)
        self._woken_before = -1

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(self._input)
        self._wake = os.pipe()
        for descriptor in self._wake:
            os.set_blocking(descriptor, False)
        self._woken_before = signal.set_wakeup_fd(self._wake[1], warn_on_full_buffer=False)
        for number, handler in (
            (signal.SIGWINCH, _ignore),
            (signal.SIGTERM, _leave),
            (signal.SIGHUP, _leave),
            (signal.SIGTSTP, self._rest),
        ):
            self._handlers[number] = signal.signal(number, handler)
        self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._woken_before)
        for descriptor in self._wake:
            os.close(descriptor)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, as they are now."""
        found = shutil.get_terminal_size()
        return found.columns, found.lines

    def draw(self, lines: Iterable[str]) -> None:
        """Show these lines and nothing else; what is below the last line is left out."""
        shown = list(lines)[: self.size[1]]
        _write(_HOME + "\r\n".join(f"{line}{_REST_OF_LINE}" for line in shown) + _REST_OF_SCREEN)

    def key(self, seconds: float) -> str:
        """The next key; empty when none comes in time, or the terminal has another size."""
        ready, _, _ = select.select([self._input, self._wake[0]], [], [], max(0.0, seconds))
        if self._wake[0] in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake[0], _MOST_KEYS)
        if self._input not in ready:
            return ""
        pressed = os.read(self._input, _MOST_KEYS).decode(errors="replace")
        # At its end nobody is there to press one.
        return pressed[0] if pressed else "q"

    def _begin(self) -> None:
        tty.setcbreak(self._input)
        _write(_BEGIN)

    def _end(self) -> None:
        with contextlib.suppress(OSError):
            _write(_END)
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self._input, termios.TCSADRAIN, self._before)

    def _rest(self, _number: int, _frame: FrameType | None) -> None:
        """Give the terminal back while the process stands still."""
        self._end()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._begin()


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """It only wakes whoever waits for a key."""


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
