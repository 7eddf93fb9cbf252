"""`penstock diff`: what tells two revisions apart."""

import argparse
import sys

from penstock.cli.command import DIFFERENT, FAILED, FINE, Command
from penstock.cli.gateway_client import NoGateway, add_gateway, add_store_key
from penstock.cli.stored import difference, read_store, revision
from penstock.store import Snapshot, Store


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and which revisions."""
    add_gateway(parser)
    add_store_key(parser)
    parser.add_argument("before", type=revision, metavar="REVISION", help="the earlier one, as 41 or r41")
    parser.add_argument(
        "after", type=revision, nargs="?", metavar="REVISION", help="the later one; default: the latest"
    )


def run(options: argparse.Namespace) -> int:
    """Print what differs, without secrets; exit code 2 if anything does."""

    async def read(store: Store) -> tuple[Snapshot, Snapshot]:
        after = await (store.range() if options.after is None else store.at(options.after))
        return await store.at(options.before), after

    try:
        before, after = read_store(options, read)
    except NoGateway as problem:
        print(f"penstock: {problem}", file=sys.stderr)
        return FAILED
    found = list(difference(before.entries, after.entries))
    if found:
        print("\n".join(found))
    return DIFFERENT if found else FINE


COMMAND = Command(add_options, run)
