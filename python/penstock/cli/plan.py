"""`penstock plan`: the plan that a configuration compiles to, to compare, attach or replay."""

import argparse

from penstock.cli.command import FAILED, FINE, Command, add_output
from penstock.cli.configuration import add_configuration, print_problems, read_configuration


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which configuration; the plan has one form."""
    add_configuration(parser)
    add_output(parser, "json")


def run(options: argparse.Namespace) -> int:
    """Print the plan as JSON; problems go to standard error, and one that refuses the plan fails."""
    configuration = read_configuration(options.configuration)
    print_problems(configuration.problems)
    if not configuration.is_usable:
        return FAILED
    print(configuration.compiled.to_json(), end="")
    return FINE


COMMAND = Command(add_options, run)
