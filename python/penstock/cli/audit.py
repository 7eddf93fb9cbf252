"""`penstock audit`: who did what over the admin API, and what was refused."""

import argparse
import time
from typing import Any

from penstock.cli.answers import granted
from penstock.cli.command import FINE, Command
from penstock.cli.gateway_client import add_gateway, ask
from penstock.cli.output import add_output, show
from penstock.cli.table import table

_MOST = 10_000


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, how much, and the form of the output."""
    add_gateway(parser)
    parser.add_argument("-n", "--limit", type=_count, default=100, metavar="N", help="most entries; default: 100")
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Print the latest entries, newest first."""
    answer = granted(ask(options, "GET", f"/api/v1/audit?limit={options.limit}"))
    header = ("TIME", "ACTOR", "FROM", "RESULT", "REVISION", "REQUEST")
    show(options, answer["items"], lambda: table(header, [_row(entry) for entry in answer["items"]]))
    return FINE


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry["time"]))
    asked = f"{entry['method']} {entry['path']}"
    revision = f"r{entry['revision']}" if entry.get("revision") else "-"
    cells = when, entry["actor"], entry["peer"], f"{entry['result']} {entry['status']}", revision, asked
    return tuple(plain(str(cell)) for cell in cells)


def plain(text: str) -> str:
    """A text in which nothing moves a terminal or begins a line."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _MOST:
        raise argparse.ArgumentTypeError(f"{text!r}: write a number from 1 to {_MOST}")
    return int(text)


COMMAND = Command(add_options, run)
