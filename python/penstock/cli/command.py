"""What a command is: its options and what it does. Its word and its line of help are in `commands`."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FINE = 0
FAILED = 1
DIFFERENT = 2
"""Also what wrong usage exits with."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: `add_options` describes its arguments, `run` gives the exit code."""

    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def add_configuration(parser: argparse.ArgumentParser, what: str = "configuration file or folder") -> None:
    """Adds `-c`, which every command calls so."""
    parser.add_argument("-c", "--configuration", type=Path, required=True, metavar="FILE|DIR", help=what)


def add_output(parser: argparse.ArgumentParser, *forms: str) -> None:
    """Adds `-o`, which every command with machine output calls so."""
    parser.add_argument(
        "-o", "--output", choices=forms, default=forms[0], help=f"form of the output: {', '.join(forms)}"
    )
