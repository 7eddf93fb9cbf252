"""`penstock validate`: every problem of a configuration, with file, line and column."""

import argparse
import sys
from pathlib import Path

from penstock.base.problem import errors
from penstock.cli.command import FAILED, FINE, Command
from penstock.cli.configuration import STDIN, Configuration, add_configuration, print_problems, read_configuration
from penstock.cli.output import add_output, is_for_programs
from penstock.cli.words import counted, listed


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which configuration, and in which form its problems are printed."""
    add_configuration(parser)
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Print the problems and what they come to; fails if one of them refuses the configuration."""
    configuration = read_configuration(options.configuration)
    print_problems(configuration.problems, options.output)
    if not is_for_programs(options):
        print(
            summary(options.configuration, configuration),
            file=sys.stdout if configuration.is_usable else sys.stderr,
        )
    return FINE if configuration.is_usable else FAILED


def summary(path: Path, configuration: Configuration) -> str:
    """One line: what was looked at, and whether it can be used."""
    name = "standard input" if path == STDIN else str(path)
    refusing = len(errors(configuration.problems))
    warnings = len(configuration.problems) - refusing
    warned = counted(warnings, "warning") if warnings else ""
    if refusing:
        return f"{name}: {listed(counted(refusing, 'problem'), warned)}"
    resources = (counted(count, kind.lower()) for kind, count in configuration.kinds.items())
    return f"{name} is fine: {listed(*resources, warned) or 'empty'}"


COMMAND = Command(add_options, run)
