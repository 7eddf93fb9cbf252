"""What a command is: its options and what it does. Its word and its line of help are in `commands`."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from penstock.cli.colours import complain

FINE = 0
FAILED = 1
DIFFERENT = 2
"""Also what wrong usage exits with."""


class Stopped(Exception):  # noqa: N818 - says what is the case
    """What a command cannot go on after; the text says why in one line."""

    def tell(self) -> int:
        """Print it; gives the exit code."""
        complain(self)
        return FAILED


@dataclass(frozen=True, slots=True)
class Command:
    """One command: `add_options` describes its arguments, `run` gives the exit code."""

    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def add_configuration(
    parser: argparse.ArgumentParser, what: str = "configuration file or folder", *, is_required: bool = True
) -> None:
    """Adds `-c`, which every command calls so."""
    parser.add_argument("-c", "--configuration", type=Path, required=is_required, metavar="FILE|DIR", help=what)


def add_word(
    words: "argparse._SubParsersAction[argparse.ArgumentParser]", word: str, told: str
) -> argparse.ArgumentParser:
    """Adds a word that a command may be followed by, such as `list`, and its line of help."""
    return words.add_parser(word, help=told, description=f"{told[:1].upper()}{told[1:]}.")
