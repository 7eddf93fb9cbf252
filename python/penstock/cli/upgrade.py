"""`penstock upgrade`: lets a running gateway give way to this version."""

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from penstock.cli.command import Command
from penstock.cli.door import ask_door, told_of_door
from penstock.cli.gateway_client import add_gateway
from penstock.cli.output import add_output
from penstock.cli.progress import progress


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and the form of the output."""
    add_gateway(parser)
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Take over; fails if this version does not come to serve, and then the gateway goes on as it was."""
    with progress("this version starts and takes over"):
        answer = ask_door(options, {"python": sys.executable})
    return told_of_door(options, answer, _done)


def _done(answer: Mapping[str, Any]) -> str:
    return (
        f"version {answer['version']} serves as process {answer['pid']}; "
        f"the workers of process {answer['before']} finish what they have begun"
    )


COMMAND = Command(add_options, run)
