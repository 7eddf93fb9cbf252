"""Commands that are one request: asks, and tells in one place what stands against it."""

import argparse
from collections.abc import Callable, Iterable
from typing import Any

from penstock.cli.answers import granted
from penstock.cli.command import FINE
from penstock.cli.gateway_client import ask
from penstock.cli.output import show


def asking(
    options: argparse.Namespace, method: str, path: str, lines: Callable[[Any], Iterable[str]], data: Any = None
) -> int:
    """Ask, and print the answer as it is asked for; gives the exit code."""
    answer = granted(ask(options, method, path, data))
    if "output" in options:
        show(options, answer, lambda: lines(answer))
    else:
        print(*lines(answer), sep="\n")
    return FINE
