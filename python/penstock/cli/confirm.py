"""`penstock confirm`: lets all nodes go on with a store that holds older data than they run."""

import argparse
import sys

from penstock.cli.answers import granted
from penstock.cli.command import FAILED, FINE, Command
from penstock.cli.gateway_client import add_gateway, ask


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and whose data is gone on with."""
    add_gateway(parser)
    parser.add_argument(
        "--keep",
        choices=("store", "node"),
        default="store",
        help="go on with what the store holds, or write back what this node runs; default: store",
    )


def run(options: argparse.Namespace) -> int:
    """Confirm; fails if nothing waits for it."""
    answer = granted(ask(options, "POST", f"/api/v1/store/confirm?keep={options.keep}"))
    print(*answer["problems"], sep="\n", end="\n" if answer["problems"] else "", file=sys.stderr)
    print(f"all nodes go on with revision {answer['revision']}")
    return FAILED if answer["problems"] else FINE


COMMAND = Command(add_options, run)
