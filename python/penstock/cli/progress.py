"""What a command says while it waits for longer than a second: one line on standard error, on a terminal alone."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PATIENCE_SECONDS = 1.0
_TURN_SECONDS = 0.2
_TURNS = "|/-\\"
_CLEARED = "\r\x1b[K"


@contextmanager
def progress(what: str, tells: Callable[[], str] = str) -> Iterator[None]:
    """Show what is done and for how long, until it is done; `tells` says how far it has come."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    shown = threading.Thread(target=_show, args=(what, tells, done), daemon=True)
    shown.start()
    try:
        yield
    finally:
        done.set()
        shown.join()


def _show(what: str, tells: Callable[[], str], done: threading.Event) -> None:
    begun, turn, seconds = time.monotonic(), 0, _PATIENCE_SECONDS
    while not done.wait(seconds):
        passed, far = time.monotonic() - begun, tells()
        line = f"{_TURNS[turn % len(_TURNS)]} {what}, {passed:.0f} s{f', {far}' if far else ''}"
        print(f"{_CLEARED}{line}", end="", file=sys.stderr, flush=True)
        turn, seconds = turn + 1, _TURN_SECONDS
    if turn:
        print(_CLEARED, end="", file=sys.stderr, flush=True)
