"""Wrong usage in a line or two, instead of the whole usage."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from penstock.base.names import did_you_mean
from penstock.cli.colours import complain
from penstock.cli.command import DIFFERENT

_PLACES = ("-f", "-c")
"""Flags that name files, the one that means files alone first."""


class Formatter(argparse.HelpFormatter):
    """Keeps the words of commands and their help on one line."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)
        self._action_max_length = 14


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong, and where more is told."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the arguments, and end."""
        message = re.sub(r"^argument (\S+): ", r"\1: ", message)
        message = message.replace("the following arguments are required:", "missing:")
        more = "" if message.endswith("?") else f"; `{self.prog} --help` tells what it takes"
        complain(f"{message}{more}")
        sys.exit(DIFFERENT)

    def unexpected(self, words: Sequence[str], options: argparse.Namespace) -> NoReturn:
        """Say which words it does not take, and what was probably meant."""
        word, flags = words[0], [flag for action in self._actions for flag in action.option_strings]
        what = getattr(options, "what", "")
        hint = ""
        if word.startswith("-"):
            hint = did_you_mean(word.partition("=")[0], flags)
        elif what and "/" not in what:
            hint = f"did you mean `{what}/{word}`?"
        elif Path(word).exists() and (flag := next((one for one in _PLACES if one in flags), "")):
            hint = f"did you mean `{flag} {word}`?"
        self.error(f"it does not take {word}{f'; {hint}' if hint else ''}")
