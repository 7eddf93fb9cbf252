"""`penstock whoami`: who the gateway takes the command for."""

import argparse
from collections.abc import Iterator
from typing import Any

from penstock.cli.asking import asking
from penstock.cli.command import Command
from penstock.cli.gateway_client import add_gateway
from penstock.cli.output import add_output


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and the form of the output."""
    add_gateway(parser)
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Print name, role and namespace."""
    return asking(options, "GET", "/api/v1/whoami", _lines)


def _lines(answer: Any) -> Iterator[str]:
    within = f", within namespace {answer['namespace']}" if answer["namespace"] else ""
    yield f"{answer['name']}, by {answer['way']}: {answer['role']}{within}"


COMMAND = Command(add_options, run)
