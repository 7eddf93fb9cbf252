"""`penstock top`: requests, errors and latencies as they happen."""

import argparse
import shutil
import sys
import time
from collections.abc import Mapping
from itertools import cycle, islice
from typing import Any

from penstock.cli.answers import Refused, is_refused
from penstock.cli.command import FINE, Command
from penstock.cli.gateway_client import NoGateway, add_gateway, ask
from penstock.cli.output import add_output, is_for_programs, print_data
from penstock.cli.top_view import SORTS, VIEWS, Choice, frame

_WINDOWS = ("10s", "1m", "5m", "15m")
_KEYS = "q quit   1-5 or tab: routes, endpoints, upstreams, listeners, workers   r l e n: sort   w: window   p: pause"
_SORT_KEYS = {sort[0]: sort for sort in SORTS}
_ENTIRE = 10_000
_INTERRUPTED = 130


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, what to look at, and the form of the output."""
    add_gateway(parser)
    parser.add_argument("--once", action="store_true", help="print it once; also where the output is no terminal")
    parser.add_argument("--view", choices=tuple(VIEWS), default="routes", help="what to show; default: routes")
    parser.add_argument("--sort", choices=tuple(SORTS), default="requests", help="in which order; default: requests")
    parser.add_argument("--window", choices=_WINDOWS, default="1m", help="how far to look back; default: 1m")
    parser.add_argument("--interval", type=_interval, default=2.0, metavar="TIME", help="time between; default: 2s")
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Show what happens until told to end."""
    from penstock.cli.screen import can_draw

    choice, watch = Choice(options.view, options.sort, options.window), _Watch(options)
    told = watch.look(choice)
    if is_refused(told["statistics"]):
        raise Refused(told["statistics"])
    if is_for_programs(options):
        print_data({**told["statistics"], "workers": told["workers"]}, options.output)
        return FINE
    if options.once or not sys.stdout.isatty():
        _print(told, choice)
        return FINE
    try:
        return _draw(watch, choice, told) if can_draw() else _print_on(watch, choice, told)
    except KeyboardInterrupt:
        return _INTERRUPTED


class _Watch:
    """Asks the gateway, and remembers what workers had done when they were last asked."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.interval = options.interval
        self._options = options
        self._before: dict[int, Mapping[str, Any]] = {}
        self._asked = 0.0

    def look(self, choice: Choice) -> dict[str, Any]:
        """The gateway as it is now.

        Raises: NoGateway.
        """
        statistics = ask(self._options, "GET", f"/api/v1/statistics?window={choice.window}")
        status, now = ask(self._options, "GET", "/-/status"), time.monotonic()
        workers = [self._moved(one, now - self._asked) for one in status["workers"]]
        self._before, self._asked = {one["pid"]: one for one in status["workers"]}, now
        return {"statistics": statistics, "status": status, "workers": workers}

    def _moved(self, worker: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """A worker with what it did a second since the last look; before that there is nothing to compare with."""
        before = self._before.get(worker["pid"])
        if before is None:
            return {**worker, "requests_per_second": None, "processor_ratio": None}
        return {
            **worker,
            "requests_per_second": (worker["requests"] - before["requests"]) / seconds,
            "processor_ratio": (worker["processor_seconds"] - before["processor_seconds"]) / seconds,
        }


def _draw(watch: _Watch, choice: Choice, told: dict[str, Any]) -> int:
    from penstock.cli.screen import Screen

    choice.keys = _KEYS
    is_paused = False
    with Screen() as screen:
        due = time.monotonic() + watch.interval
        while True:
            screen.draw(frame(told, choice, *screen.size, is_marked=True))
            key = screen.key(due - time.monotonic())
            if key == "q":
                return FINE
            is_paused ^= key == "p"
            has_turned = _press(choice, key)
            if (time.monotonic() >= due or has_turned) and not is_paused:
                told = _look_again(watch, choice, told)
            if time.monotonic() >= due or has_turned:
                due = time.monotonic() + watch.interval


def _look_again(watch: _Watch, choice: Choice, told: dict[str, Any]) -> dict[str, Any]:
    """What is there now; what was, and a word about it, while nobody answers."""
    try:
        found = watch.look(choice)
    except NoGateway as problem:
        choice.problem = str(problem)
        return told
    choice.problem = ""
    return found


def _press(choice: Choice, key: str) -> bool:
    """Do what a key says; whether the gateway has to be asked anew."""
    views = list(VIEWS)
    if key in _SORT_KEYS:
        choice.sort = _SORT_KEYS[key]
    elif key == "\t":
        choice.view = _next(views, choice.view)
    elif key.isdecimal() and 1 <= int(key) <= len(views):
        choice.view = views[int(key) - 1]
    elif key == "w":
        choice.window = _next(_WINDOWS, choice.window)
        return True
    return False


def _next(known: Any, current: str) -> str:
    return str(next(islice(cycle(known), list(known).index(current) + 1, None)))


def _print_on(watch: _Watch, choice: Choice, told: dict[str, Any]) -> int:
    """For terminals that know lines only: one table below the other."""
    while True:
        _print(told, choice)
        print()
        time.sleep(watch.interval)
        told = _look_again(watch, choice, told)


def _print(told: dict[str, Any], choice: Choice) -> None:
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else _ENTIRE
    print("\n".join(line.rstrip() for line in frame(told, choice, columns, _ENTIRE, is_marked=False)), flush=True)


def _interval(text: str) -> float:
    from penstock.base.units import Duration

    try:
        seconds = Duration.parse(text).milliseconds / 1000
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
    if not 0.2 <= seconds <= 3600:  # noqa: PLR2004 - as often as somebody can read, and what a shell would do better
        raise argparse.ArgumentTypeError(f"{text!r}: write a time from 200ms to 1h")
    return seconds


COMMAND = Command(add_options, run)
