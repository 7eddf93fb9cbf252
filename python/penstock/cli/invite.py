"""`penstock invite`: lets a node join the cluster of a running gateway."""

import argparse
import sys

from penstock.cli.answers import granted
from penstock.cli.command import FINE, Command
from penstock.cli.gateway_client import add_gateway, ask


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway is asked."""
    add_gateway(parser)


def run(options: argparse.Namespace) -> int:
    """Print the word on a line of its own, for a file or a variable of the node that joins."""
    answer = granted(ask(options, "POST", "/api/v1/cluster/invitations"))
    print(answer["invitation"])
    print("good once, for an hour: penstock run --cluster HOST:PORT --join FILE", file=sys.stderr)
    return FINE


COMMAND = Command(add_options, run)
