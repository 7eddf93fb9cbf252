"""`penstock plan`: the plan that a configuration compiles to, to compare, attach or replay."""

import argparse
import sys

from penstock.cli.command import FAILED, FINE, Command
from penstock.cli.configuration import add_configuration, read_configuration


def run(options: argparse.Namespace) -> int:
    """Print the plan as JSON; problems go to standard error, and one that refuses the plan fails."""
    configuration = read_configuration(options.configuration)
    for problem in configuration.problems:
        print(problem, file=sys.stderr)
    if not configuration.is_usable:
        return FAILED
    print(configuration.compiled.to_json(), end="")
    return FINE


COMMAND = Command(add_configuration, run)
