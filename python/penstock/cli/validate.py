"""`penstock validate`: every problem of a configuration, with file, line and column."""

import argparse
import json
import sys

from penstock.cli.command import FAILED, FINE, Command, add_output
from penstock.cli.configuration import add_configuration, read_configuration


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which configuration, and in which form its problems are printed."""
    add_configuration(parser)
    add_output(parser, "text", "json")


def run(options: argparse.Namespace) -> int:
    """Print the problems; fails if one of them refuses the configuration."""
    configuration = read_configuration(options.configuration)
    if options.output == "json":
        print(json.dumps({"problems": [problem.to_json() for problem in configuration.problems]}, indent=2))
    else:
        for problem in configuration.problems:
            print(problem, file=sys.stderr)
    return FINE if configuration.is_usable else FAILED


COMMAND = Command(add_options, run)
