"""`penstock delete`: takes a resource away from a running gateway."""

import argparse

from penstock.cli.answers import path_of
from penstock.cli.changing import add_change, change, told_of_change
from penstock.cli.colours import complain
from penstock.cli.command import DIFFERENT, Command


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and which resource."""
    parser.add_argument("what", metavar="KIND/NAME", help="as route/api")
    parser.add_argument("--cascade", action="store_true", help="delete what refers to it too")
    add_change(parser)


def run(options: argparse.Namespace) -> int:
    """Delete it, unless something refers to it; a dry run exits with 2, since something would go."""
    try:
        path = path_of(options.what)
    except ValueError as problem:
        complain(problem)
        return DIFFERENT
    return told_of_change(options, change(options, "DELETE", path))


COMMAND = Command(add_options, run)
