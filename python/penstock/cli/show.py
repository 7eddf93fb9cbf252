"""`penstock show`: one revision: who made it, and what it changed."""

import argparse
import sys

from penstock.cli.command import FAILED, FINE, Command
from penstock.cli.gateway_client import NoGateway, add_gateway, add_store_key
from penstock.cli.stored import difference, read_store, revision, when
from penstock.store import Change, Result, Store


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and which revision."""
    add_gateway(parser)
    add_store_key(parser)
    parser.add_argument("revision", type=revision, metavar="REVISION", help="its number, as 41 or r41")


def run(options: argparse.Namespace) -> int:
    """Print a revision; what is secret stays so."""

    async def read(store: Store) -> tuple[Change, list[Result]]:
        number = options.revision
        return await store.change(number), list((await store.results(number, number)).get(number, ()))

    try:
        change, results = read_store(options, read)
    except NoGateway as problem:
        print(f"penstock: {problem}", file=sys.stderr)
        return FAILED
    print(f"revision {change.revision}, {when(change)}, by {change.author.name} ({change.author.source})")
    if change.message:
        print(*(f"  {line}" for line in change.message.splitlines()), sep="\n")
    for result in results:
        print(f"{'refused' if result.problems else 'applied'} at {result.node}")
        print(*(f"  {problem}" for problem in result.problems), sep="\n", end="\n" if result.problems else "")
    print(*difference(change.before, change.put), sep="\n")
    return FINE


COMMAND = Command(add_options, run)
