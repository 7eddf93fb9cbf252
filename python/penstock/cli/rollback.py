"""`penstock rollback`: lets a running gateway go back to what an earlier revision held."""

import argparse
import sys

from penstock.cli.command import FAILED, FINE, Command
from penstock.cli.gateway_client import NoGateway, add_gateway, ask
from penstock.cli.stored import revision


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and which revision."""
    add_gateway(parser)
    parser.add_argument("revision", type=revision, metavar="REVISION", help="its number, as 41 or r41")


def run(options: argparse.Namespace) -> int:
    """Go back; fails with every problem if what was can not be applied any more, and then nothing has changed."""
    try:
        answer = ask(options, "POST", f"/-/rollback/{options.revision}")
    except NoGateway as problem:
        print(f"penstock: {problem}", file=sys.stderr)
        return FAILED
    if answer["problems"]:
        print(*answer["problems"], "nothing has changed", sep="\n", file=sys.stderr)
        return FAILED
    print(f"revision {answer['store_revision']} holds what revision {options.revision} held, and is applied")
    if answer["configuration"]:
        told = "still says what it said, and holds again when it changes, is reloaded or the gateway starts"
        print(f"{answer['configuration']} {told}", file=sys.stderr)
    return FINE


COMMAND = Command(add_options, run)
