"""`penstock plan`: the plan that a configuration compiles to, to compare, attach or replay."""

import argparse

from penstock.cli.command import FAILED, FINE, Command
from penstock.cli.configuration import add_configuration, print_problems, read_configuration
from penstock.cli.output import JSON, add_document, print_data


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which configuration; the plan has one form."""
    add_configuration(parser)
    add_document(parser, JSON)


def run(options: argparse.Namespace) -> int:
    """Print the plan as JSON; problems go to standard error, and one that refuses the plan fails."""
    configuration = read_configuration(options.configuration)
    print_problems(configuration.problems)
    if not configuration.is_usable:
        return FAILED
    if options.output == JSON:
        print(configuration.compiled.to_json(), end="")
    else:
        print_data(configuration.compiled.plan, options.output)
    return FINE


COMMAND = Command(add_options, run)
