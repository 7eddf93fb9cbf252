"""`penstock undrain`: lets a drained node serve again."""

import argparse

from penstock.cli import drain
from penstock.cli.command import Command


def run(options: argparse.Namespace) -> int:
    """Let it serve; fails if no node is called so."""
    return drain.tell(options, "undrain", "serves again")


COMMAND = Command(drain.add_options, run)
