"""`penstock delete`: takes a resource away from a running gateway."""

import argparse
import sys
from urllib.parse import quote

from penstock.cli.answers import is_refused, path_of, print_changes, print_refusal
from penstock.cli.command import DIFFERENT, FAILED, FINE, Command
from penstock.cli.gateway_client import NoGateway, add_gateway, ask


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and which resource."""
    add_gateway(parser)
    parser.add_argument("what", metavar="KIND/NAME", help="as route/api")
    parser.add_argument("--cascade", action="store_true", help="delete what refers to it too")
    parser.add_argument("-m", "--message", default="", metavar="TEXT", help="why, for the history")
    parser.add_argument("--dry-run", action="store_true", help="print what would go, and change nothing")


def run(options: argparse.Namespace) -> int:
    """Delete it, unless something refers to it."""
    flags = {"cascade": options.cascade, "dry_run": options.dry_run}
    query = "&".join(f"{name}={'true' if value else 'false'}" for name, value in flags.items())
    try:
        answer = ask(options, "DELETE", f"{path_of(options.what)}?{query}&message={quote(options.message, safe='')}")
    except ValueError as problem:
        print(f"penstock: {problem}", file=sys.stderr)
        return DIFFERENT
    except NoGateway as problem:
        print(f"penstock: {problem}", file=sys.stderr)
        return FAILED
    if is_refused(answer):
        return print_refusal(answer)
    print_changes(answer, is_trial=options.dry_run)
    return FINE


COMMAND = Command(add_options, run)
