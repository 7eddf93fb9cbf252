"""Colours for people: on terminals alone, and as `NO_COLOR` and `CLICOLOR_FORCE` say.

Source: https://no-color.org, https://bixense.com/clicolors.
"""

import os
import sys
from collections.abc import Iterable
from typing import TextIO

_RED, _GREEN, _YELLOW, _CYAN = (f"\x1b[{number}m" for number in (31, 32, 33, 36))
_PLAIN = "\x1b[0m"
_OF_LINES = {"-": _RED, "+": _GREEN, "@": _CYAN}
_WARNING = "warning: "


def has_colours(stream: TextIO) -> bool:
    """Whether what is written to a stream may have colours."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("CLICOLOR_FORCE", "0") not in {"", "0"}:
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def complain(*lines: object) -> None:
    """Say on standard error why a command goes no further; lines behind the first say more."""
    red, plain = (_RED, _PLAIN) if has_colours(sys.stderr) else ("", "")
    print(f"{red}penstock:{plain} {lines[0]}", *lines[1:], sep="\n", file=sys.stderr)


def tell_problem(problem: object) -> None:
    """Say on standard error what is wrong with something: red where it refuses it, yellow where it is a warning."""
    first, *rest = str(problem).split("\n")
    if has_colours(sys.stderr):
        first = f"{_YELLOW if _WARNING in first else _RED}{first}{_PLAIN}"
    print(first, *rest, sep="\n", file=sys.stderr)


def print_difference(lines: Iterable[str]) -> None:
    """Print the lines of a difference: what goes in red, what comes in green."""
    is_coloured = has_colours(sys.stdout)
    for line in lines:
        colour = _OF_LINES.get(line[:1], "") if is_coloured else ""
        print(f"{colour}{line}{_PLAIN}" if colour else line)
