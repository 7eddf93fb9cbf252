"""`penstock reload`: lets a running gateway read its configuration again."""

import argparse
import sys

from penstock.cli.command import FAILED, FINE, Command
from penstock.cli.gateway_client import NoGateway, add_gateway, ask


def run(options: argparse.Namespace) -> int:
    """Reload; fails with every problem if the configuration is refused, and then nothing has changed."""
    try:
        answer = ask(options, "POST", "/-/reload")
    except NoGateway as problem:
        print(f"penstock: {problem}", file=sys.stderr)
        return FAILED
    for found in answer["problems"]:
        print(found, file=sys.stderr)
    return FAILED if answer["problems"] else FINE


COMMAND = Command(add_gateway, run)
