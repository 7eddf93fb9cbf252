"""`penstock blame`: who gave each field of a resource its value, when and why."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from penstock.cli.colours import complain
from penstock.cli.command import DIFFERENT, FINE, Command
from penstock.cli.etcd_options import add_etcd
from penstock.cli.gateway_client import add_gateway, add_store_key
from penstock.cli.output import add_output, is_wide, show
from penstock.cli.revisions import blamed
from penstock.cli.table import table

_HEADER = ("REVISION", "CHANGED", "BY", "FIELD", "VALUE", "WHY")
_LONGEST = 60


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, which resource, and the form of the output."""
    add_gateway(parser)
    add_store_key(parser)
    add_etcd(parser)
    parser.add_argument("what", metavar="KIND/NAME", help="as route/api")
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Print each field with the revision that gave it its value."""
    try:
        found = blamed(options, options.what)
    except ValueError as problem:
        complain(problem)
        return DIFFERENT
    show(options, found, lambda: table(_HEADER, [_row(one, is_wide=is_wide(options)) for one in found]))
    return FINE


def _row(one: Mapping[str, Any], *, is_wide: bool) -> tuple[str, ...]:
    text = one["value"] if isinstance(one["value"], str) else json.dumps(one["value"], ensure_ascii=False)
    value = text if is_wide or len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    if one["revision"] is None:
        return "-", "earlier than is kept", "-", one["field"], value, ""
    return f"r{one['revision']}", one["time"], one["author"], one["field"], value, one["message"]


COMMAND = Command(add_options, run)
