"""`penstock members`: the nodes that share a store, and what each of them runs; takes out one that is gone for ever."""

import argparse
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from penstock.cli.answers import granted
from penstock.cli.command import FINE, Command, Stopped
from penstock.cli.gateway_client import add_gateway, ask
from penstock.cli.output import add_output, is_for_programs, show
from penstock.cli.table import table
from penstock.cli.words import listed

_HEADER = ("NODE", "REVISION", "BEHIND", "LAST GOOD", "WORKERS", "STATE", "VERSION", "ADDRESSES")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway is asked, the form of the output, and which node is taken out."""
    add_gateway(parser)
    add_output(parser)
    told = "with `remove`: take a dead node out of a cluster that `run --cluster` made"
    parser.add_argument("word", nargs="?", choices=("remove",), metavar="remove", help=told)
    parser.add_argument("node", nargs="?", metavar="NODE", help="its name, or HOST:PORT if it has never come")


def run(options: argparse.Namespace) -> int:
    """Print them; the one that was asked has a star. Or take one out."""
    if options.word is not None:
        return _remove(options)
    answer = granted(ask(options, "GET", "/api/v1/members"))
    show(options, answer, lambda: table(_HEADER, [_row(one) for one in answer["items"]]))
    if is_for_programs(options):
        return FINE
    for one in answer["items"]:
        for why in one["problems"]:
            print(f"{one['name']} does not run revision {one['refused']}: {why}", file=sys.stderr)
    if not answer["is_current"]:
        print("the store is away: these are the nodes that it told of last", file=sys.stderr)
    return FINE


def _remove(options: argparse.Namespace) -> int:
    if options.node is None:
        raise Stopped("penstock members remove NODE: say which; `penstock members` lists those that live")
    answer = granted(ask(options, "DELETE", f"/api/v1/cluster/members/{quote(options.node, safe='')}"))
    print(f"{answer['name']} counts no more; `penstock invite` lets another one join, also under its name")
    return FINE


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        f"{one['name']}{'*' if one['is_self'] else ''}",
        str(one["applied"] or "-"),
        str(one["lag"]),
        str(one["last_good"] or "-"),
        str(one["workers"]),
        listed("drained" if one["is_drained"] else one["phase"], *(f"leads {duty}" for duty in one["duties"])),
        one["version"],
        " ".join(one["addresses"]) or "-",
    )


COMMAND = Command(add_options, run)
