"""`penstock history`: who changed what, when and why, and what became of it."""

import argparse
from collections.abc import Mapping
from typing import Any

from penstock.cli.colours import complain
from penstock.cli.command import DIFFERENT, FINE, Command
from penstock.cli.etcd_options import add_etcd
from penstock.cli.gateway_client import add_gateway, add_store_key
from penstock.cli.output import add_output, is_wide, show
from penstock.cli.revisions import history
from penstock.cli.table import table

_SHOWN = 20
_NAMED = 3


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, which changes, and the form of the output."""
    add_gateway(parser)
    add_store_key(parser)
    add_etcd(parser)
    parser.add_argument("resource", nargs="?", metavar="KIND/NAME", help="changes of one resource, as route/api")
    parser.add_argument("-n", type=_count, default=_SHOWN, metavar="N", help=f"changes at most; default: {_SHOWN}")
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Print the latest changes, newest first."""
    try:
        found = history(options, options.resource or "", options.n)
    except ValueError as problem:
        complain(problem)
        return DIFFERENT
    nothing = "no change is kept" + (f" of {options.resource}" if options.resource else "")
    show(options, found, lambda: table(_HEADER, [_row(one, is_wide=is_wide(options)) for one in found]), nothing)
    return FINE


_HEADER = ("REVISION", "CHANGED", "BY", "RESULT", "WHAT", "WHY")
_MARKS = {"created": "+", "changed": "~", "deleted": "-"}


def _row(change: Mapping[str, Any], *, is_wide: bool) -> tuple[str, ...]:
    by = f"{change['author']}, {change['source']}" if is_wide else change["source"]
    most = len(change["resources"]) if is_wide else _NAMED
    return (f"r{change['revision']}", change["time"], by, _became(change), _what(change, most), change["message"])


def _became(change: Mapping[str, Any]) -> str:
    results = {one["result"] for one in change["results"]}
    return "refused" if "refused" in results else "applied" if results else "-"


def _what(change: Mapping[str, Any], most: int) -> str:
    all_of_them = [f"{_MARKS[one['change']]}{one['key']}" for one in change["resources"]]
    more = len(all_of_them) - most
    return " ".join(all_of_them[:most]) + (f" and {more:,} more" if more > 0 else "")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: write a number from 1")
    return int(text)


COMMAND = Command(add_options, run)
