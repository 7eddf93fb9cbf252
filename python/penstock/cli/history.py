"""`penstock history`: who changed what, when and why, and what became of it."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from penstock.cli.command import FAILED, FINE, Command, add_output
from penstock.cli.gateway_client import NoGateway, add_gateway, add_store_key
from penstock.cli.stored import became, read_store, touched, when
from penstock.cli.table import table
from penstock.store import Change, Result, Store

_SHOWN = 20
_NAMED = 3


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, which changes, and the form of the output."""
    add_gateway(parser)
    add_store_key(parser)
    parser.add_argument("resource", nargs="?", metavar="KIND/NAME", help="changes of one resource, as route/api")
    parser.add_argument("-n", type=_count, default=_SHOWN, metavar="N", help=f"changes at most; default: {_SHOWN}")
    add_output(parser, "table", "json")


def run(options: argparse.Namespace) -> int:
    """Print the latest changes, newest first."""

    async def read(store: Store) -> tuple[list[Change], Mapping[int, Sequence[Result]]]:
        key = options.resource
        found = await (store.changes_of(key.lower(), options.n) if key else store.history(options.n))
        return found, await store.results(found[-1].revision, found[0].revision) if found else {}

    try:
        changes, results = read_store(options, read)
    except NoGateway as problem:
        print(f"penstock: {problem}", file=sys.stderr)
        return FAILED
    if options.output == "json":
        print(json.dumps([_data(change, results.get(change.revision, ())) for change in changes], indent=2))
    elif changes:
        print("\n".join(_lines(changes, results)))
    else:
        print("no change is kept" + (f" of {options.resource}" if options.resource else ""), file=sys.stderr)
    return FINE


def _lines(changes: Sequence[Change], results: Mapping[int, Sequence[Result]]) -> Iterator[str]:
    rows = [
        (
            f"r{change.revision}",
            when(change),
            change.author.source,
            became(results, change),
            _what(change),
            change.message,
        )
        for change in changes
    ]
    yield from table(("REVISION", "CHANGED", "BY", "RESULT", "WHAT", "WHY"), rows)


def _what(change: Change) -> str:
    all_of_them = [f"{mark}{key}" for mark, key in touched(change)]
    more = len(all_of_them) - _NAMED
    return " ".join(all_of_them[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _data(change: Change, results: Sequence[Result]) -> dict[str, Any]:
    return {
        "revision": change.revision,
        "time": when(change),
        "author": change.author.name,
        "source": change.author.source,
        "message": change.message,
        "digest": change.digest,
        "resources": [{"key": key, "change": _WORDS[mark]} for mark, key in touched(change)],
        "results": [
            {
                "node": one.node,
                "result": "refused" if one.problems else "applied",
                "problems": list(one.problems),
                "revision": one.plan_revision,
            }
            for one in results
        ],
    }


_WORDS = {"+": "created", "~": "changed", "-": "deleted"}


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: write a number from 1")
    return int(text)


COMMAND = Command(add_options, run)
