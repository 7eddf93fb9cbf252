"""The entry of `penstock`: finds the command and runs it."""

import argparse
import os
import sys
from collections.abc import Sequence

from penstock.base.names import did_you_mean
from penstock.cli.colours import complain
from penstock.cli.command import DIFFERENT, FAILED, FINE, Stopped
from penstock.cli.commands import COMMANDS, load_command
from penstock.cli.usage import Formatter, Parser

_INTERRUPTED = 130
_OF_EVERY_COMMAND = ("--context", "--server")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code says how it went."""
    given = _with_command_first(list(sys.argv[1:] if arguments is None else arguments))
    name = next((word for word in given if not word.startswith("-")), "")
    if name and name not in COMMANDS:
        hint = did_you_mean(name, (word for word, summary in COMMANDS.items() if summary))
        complain(f"no command is called {name}; {hint or '`penstock --help` lists them'}")
        return DIFFERENT
    parser, chosen = _parser(name)
    options, unexpected = parser.parse_known_args(given)
    if unexpected:
        (chosen or parser).unexpected(unexpected, options)
    options.words = given
    if not hasattr(options, "run"):
        parser.print_help()
        return FINE
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has seen enough; without this Python complains again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Stopped as problem:
        return problem.tell()
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code


def every_parser() -> dict[str, argparse.ArgumentParser]:
    """The parsers of all commands that a user may call, for the reference."""
    found = {}
    for name, summary in COMMANDS.items():
        if summary:
            found[name] = argparse.ArgumentParser(prog=f"penstock {name}", description=f"{summary}.")
            load_command(name).add_options(found[name])
    return found


def _with_command_first(given: list[str]) -> list[str]:
    """The words of a command line, with flags that say which gateway is meant behind the command."""
    leading: list[str] = []
    while given and given[0].partition("=")[0] in _OF_EVERY_COMMAND:
        count = 1 if "=" in given[0] else 2
        leading, given = [*leading, *given[:count]], given[count:]
    return [*given[:1], *leading, *given[1:]]


def _parser(name: str) -> tuple[Parser, Parser | None]:
    """The parser of the command line, and that of the chosen command, whose module alone is imported."""
    parser = Parser(prog="penstock", description="An API gateway.", formatter_class=Formatter)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    chosen: Parser | None = None
    for word, summary in COMMANDS.items():
        below = (
            commands.add_parser(word, help=summary, description=f"{summary}.") if summary else commands.add_parser(word)
        )
        if word == name:
            command, chosen = load_command(word), below
            command.add_options(below)
            below.set_defaults(run=command.run)
    return parser, chosen
