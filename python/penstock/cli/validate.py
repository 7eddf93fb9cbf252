"""`penstock validate`: every problem of a configuration, with file, line and column."""

import argparse

from penstock.cli.command import FAILED, FINE, Command, add_output
from penstock.cli.configuration import add_configuration, print_problems, read_configuration


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which configuration, and in which form its problems are printed."""
    add_configuration(parser)
    add_output(parser, "text", "json")


def run(options: argparse.Namespace) -> int:
    """Print the problems; fails if one of them refuses the configuration."""
    configuration = read_configuration(options.configuration)
    print_problems(configuration.problems, options.output)
    return FINE if configuration.is_usable else FAILED


COMMAND = Command(add_options, run)
