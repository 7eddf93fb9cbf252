"""`penstock reload`: lets a running gateway read its configuration again."""

import argparse
import json
import sys

from penstock.cli.command import FAILED, FINE, Command, add_output
from penstock.cli.gateway_client import NoGateway, add_gateway, ask


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and the form of the output."""
    add_gateway(parser)
    add_output(parser, "text", "json")


def run(options: argparse.Namespace) -> int:
    """Reload; fails with every problem if the configuration is refused, and then nothing has changed."""
    try:
        answer = ask(options, "POST", "/-/reload")
    except NoGateway as problem:
        print(f"penstock: {problem}", file=sys.stderr)
        return FAILED
    if options.output == "json":
        print(json.dumps({"problems": answer["problems"]}, indent=2))
    else:
        for found in answer["problems"]:
            print(found, file=sys.stderr)
    return FAILED if answer["problems"] else FINE


COMMAND = Command(add_options, run)
