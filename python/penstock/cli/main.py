"""The entry of `penstock`: finds the command and runs it."""

import argparse
import os
import sys
from collections.abc import Sequence

from penstock.base.names import did_you_mean
from penstock.cli.command import DIFFERENT, FAILED, FINE
from penstock.cli.commands import COMMANDS, load_command

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code says how it went."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = next((word for word in given if not word.startswith("-")), "")
    if name and name not in COMMANDS:
        hint = did_you_mean(name, (word for word, summary in COMMANDS.items() if summary))
        print(f"penstock: no command is called {name}; {hint or '`penstock --help` lists them'}", file=sys.stderr)
        return DIFFERENT
    parser = _parser(name)
    options = parser.parse_args(given)
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
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code


def _parser(chosen: str) -> argparse.ArgumentParser:
    """The parser of the command line; only the chosen command's module is imported."""
    parser = argparse.ArgumentParser(prog="penstock", description="An API gateway.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, summary in COMMANDS.items():
        below = (
            commands.add_parser(name, help=summary, description=f"{summary}.") if summary else commands.add_parser(name)
        )
        if name == chosen:
            command = load_command(name)
            command.add_options(below)
            below.set_defaults(run=command.run)
    return parser
