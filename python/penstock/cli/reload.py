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
        print(json.dumps(answer, indent=2))
    elif answer["problems"]:
        print(*answer["problems"], "nothing has changed", sep="\n", file=sys.stderr)
    else:
        # Files are watched: what was changed just now is often there before anybody asks.
        print(f"revision {answer['revision']} is applied{'' if answer['changed'] else ' already'}")
    return FAILED if answer["problems"] else FINE


COMMAND = Command(add_options, run)
