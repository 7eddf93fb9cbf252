"""`penstock _succeed`: a gateway that takes over from the one that has started it."""

import argparse
import socket
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from penstock.cli.command import FAILED, Command
from penstock.cli.commands import load_command

if TYPE_CHECKING:
    from penstock.runtime.upgrade.successor import Succession

SERVING = ("run", "proxy")
"""The commands that serve."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The descriptor by which it speaks with its predecessor, and the command that it is to run."""
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("command", choices=SERVING)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)


def run(options: argparse.Namespace) -> int:
    """Serve as the predecessor did, once it has given way."""
    from penstock.cli.version import installed_version
    from penstock.runtime.upgrade.message import Channel
    from penstock.runtime.upgrade.successor import Succession
    from penstock.runtime.worker.entry import BUILD

    succession = Succession(Channel(socket.socket(fileno=options.channel)), installed_version(), BUILD)
    command = load_command(options.command)
    parser = _Parser(prog=f"penstock {options.command}")
    command.add_options(parser)
    try:
        given = parser.parse_args(options.arguments)
    except _WrongUsage as problem:
        return _refused(succession, [f"this version does not take the arguments: {problem}"])
    problems = _problems(given)
    if problems:
        return _refused(succession, problems)
    given.words, given.succession = [options.command, *options.arguments], succession
    return command.run(given)


def _problems(given: argparse.Namespace) -> list[str]:
    """What is wrong with the configuration, so that it is known before anybody gives way for it."""
    if getattr(given, "configuration", None) is None:
        return []
    from penstock.base.problem import errors
    from penstock.cli.serving import state_folder
    from penstock.filters.native import native_catalogue
    from penstock.filters.plugin_trust import read_trust
    from penstock.runtime.change.compilation import Compilation
    from penstock.runtime.change.source import FileSource

    folder = state_folder(given, ["run", str(given.configuration.absolute())])
    try:
        trust = read_trust(getattr(given, "trusted_keys", None))
    except ValueError as problem:
        return [str(problem)]
    reading = FileSource(given.configuration, Compilation(native_catalogue(), folder.absolute(), trust)).read()
    return [str(problem) for problem in errors(reading.problems)]


def _refused(succession: "Succession", problems: Sequence[str]) -> int:
    print("penstock: this version does not take over:", *problems, sep="\n", file=sys.stderr)
    succession.refuse(problems)
    return FAILED


class _WrongUsage(Exception):  # noqa: N818 - says what is the case
    """Arguments that a parser does not take."""


class _Parser(argparse.ArgumentParser):
    """A parser that does not end the process: somebody waits for a word."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the arguments."""
        raise _WrongUsage(message)


COMMAND = Command(add_options, run)
