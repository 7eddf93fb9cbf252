"""`penstock describe`: one resource with all that is known of it."""

import argparse
from collections.abc import Iterator
from typing import Any

import yaml

from penstock.cli.answers import is_refused
from penstock.cli.colours import complain
from penstock.cli.command import DIFFERENT, FINE, Command
from penstock.cli.gateway_client import add_gateway, ask
from penstock.cli.inventory import (
    Item,
    add_files,
    get_item,
    key_of,
    list_items,
    references,
)
from penstock.cli.output import add_output, show
from penstock.cli.table import table

_LOOKED_THROUGH = 1_000
_SHOWN = 5


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, which resource, and the form of the output."""
    add_gateway(parser)
    add_files(parser)
    parser.add_argument("what", metavar="KIND/NAME", help="as route/api")
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Print it with its owner, what it refers to, what refers to it, and its latest changes."""
    try:
        item = get_item(options, options.what)
        found = references(list_items(options))
        changes = [] if options.file is not None else _changes(options, key_of(item))
    except ValueError as problem:
        complain(problem)
        return DIFFERENT
    key = key_of(item)
    told = {
        "resource": item,
        "refers_to": found.get(key, []),
        "referred_to_by": sorted(one for one, named in found.items() if key in named),
        "changes": changes,
    }
    show(options, told, lambda: _lines(told))
    return FINE


def _changes(options: argparse.Namespace, key: str) -> list[Item]:
    """Its latest changes, as far as they are told."""
    answer = ask(options, "GET", f"/api/v1/history?limit={_LOOKED_THROUGH}")
    if is_refused(answer):
        # Who may read this resource alone is not told what became of others.
        return []
    return [one for one in answer["items"] if key in {*one["put"], *one["deleted"]}][:_SHOWN]


def _lines(told: dict[str, Any]) -> Iterator[str]:
    item = dict(told["resource"])
    status = item.pop("status", None)
    yield key_of(item)
    if status is not None:
        yield f"owner           {status['owner']}"
        yield f"created         r{status['created']}"
        yield f"changed         r{status['revision']}"
    yield f"refers to       {', '.join(told['refers_to']) or '-'}"
    yield f"referred to by  {', '.join(told['referred_to_by']) or '-'}"
    yield ""
    yield yaml.safe_dump(item, sort_keys=False, allow_unicode=True).rstrip("\n")
    if told["changes"]:
        yield ""
        rows = [
            (f"r{one['revision']}", one["author"], one["source"], _became(one), one["message"])
            for one in told["changes"]
        ]
        yield from table(("CHANGED", "BY", "FROM", "RESULT", "WHY"), rows)


def _became(change: Item) -> str:
    results = change.get("results") or ()
    return "refused" if any(one["problems"] for one in results) else "applied" if results else "-"


COMMAND = Command(add_options, run)
