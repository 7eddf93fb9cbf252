"""`penstock rollback`: lets a running gateway go back to what an earlier revision held."""

import argparse
import sys

from penstock.cli.answers import add_rolling, granted, print_changes, print_spread
from penstock.cli.command import DIFFERENT, FINE, Command
from penstock.cli.gateway_client import add_gateway, ask
from penstock.cli.stored import revision


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and which revision."""
    add_gateway(parser)
    parser.add_argument("revision", type=revision, metavar="REVISION", help="its number, as 41 or r41")
    parser.add_argument("--dry-run", action="store_true", help="print what would change, and change nothing")
    add_rolling(parser)


def run(options: argparse.Namespace) -> int:
    """Go back; fails with every problem if what was can not be applied any more, and then nothing has changed."""
    flags = [name for name, is_set in (("dry_run", options.dry_run), ("rolling", options.rolling)) if is_set]
    query = f"?{'&'.join(f'{name}=true' for name in flags)}" if flags else ""
    answer = granted(ask(options, "POST", f"/api/v1/history/{options.revision}/rollback{query}"))
    place = ask(options, "GET", "/-/status")["configuration"]
    if options.dry_run:
        print_changes(answer, is_trial=True)
        return DIFFERENT if answer["changes"] else FINE
    if not answer["changes"]:
        print(f"nothing differs from revision {options.revision}")
        return FINE
    print(f"revision {answer['revision']} holds what revision {options.revision} held, and is applied")
    print_spread(answer)
    if place:
        told = "still says what it said, and holds again when it changes, is reloaded or the gateway starts"
        print(f"{place} {told}", file=sys.stderr)
    return FINE


COMMAND = Command(add_options, run)
