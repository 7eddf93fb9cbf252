"""`penstock rollback`: lets a running gateway go back to what an earlier revision held."""

import argparse
import sys

from penstock.cli.answers import is_refused, print_refusal
from penstock.cli.command import FAILED, FINE, Command
from penstock.cli.gateway_client import NoGateway, add_gateway, ask
from penstock.cli.stored import revision


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and which revision."""
    add_gateway(parser)
    parser.add_argument("revision", type=revision, metavar="REVISION", help="its number, as 41 or r41")
    parser.add_argument("--dry-run", action="store_true", help="print what would change, and change nothing")


def run(options: argparse.Namespace) -> int:
    """Go back; fails with every problem if what was can not be applied any more, and then nothing has changed."""
    dry = "?dry_run=true" if options.dry_run else ""
    try:
        answer = ask(options, "POST", f"/api/v1/history/{options.revision}/rollback{dry}")
        if is_refused(answer):
            return print_refusal(answer)
        place = ask(options, "GET", "/-/status")["configuration"]
    except NoGateway as problem:
        print(f"penstock: {problem}", file=sys.stderr)
        return FAILED
    if options.dry_run:
        print("".join(one["diff"] for one in answer["changes"]), end="")
        return FINE
    print(f"revision {answer['revision']} holds what revision {options.revision} held, and is applied")
    if place:
        told = "still says what it said, and holds again when it changes, is reloaded or the gateway starts"
        print(f"{place} {told}", file=sys.stderr)
    return FINE


COMMAND = Command(add_options, run)
