"""`penstock scale`: changes how many workers a running gateway has."""

import argparse

from penstock.cli.command import Command
from penstock.cli.door import ask_door, told_of_door
from penstock.cli.gateway_client import add_gateway
from penstock.cli.output import add_output
from penstock.cli.progress import progress
from penstock.cli.serving import worker_count
from penstock.cli.words import counted


def add_options(parser: argparse.ArgumentParser) -> None:
    """How many workers, which gateway, and the form of the output."""
    parser.add_argument("workers", type=worker_count, metavar="N", help="workers that are to serve")
    add_gateway(parser)
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Replace the workers by others; fails if those do not come to serve, and then nothing has changed."""
    with progress("other workers start"):
        answer = ask_door(options, {"workers": options.workers})
    wanted = counted(options.workers, "worker")
    return told_of_door(
        options, answer, lambda told: f"{wanted} of process {told['pid']}; those before finish what they have begun"
    )


COMMAND = Command(add_options, run)
