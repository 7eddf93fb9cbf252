"""`penstock upstreams`: where requests are forwarded, and how it goes."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from penstock.base.names import did_you_mean
from penstock.cli.answers import granted
from penstock.cli.colours import complain
from penstock.cli.command import FAILED, FINE, Command
from penstock.cli.gateway_client import add_gateway, ask
from penstock.cli.output import add_output, is_wide, show
from penstock.cli.table import table
from penstock.cli.words import listed

_WIDE = ("addresses", "tags")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, which upstreams, and the form of the output."""
    add_gateway(parser)
    parser.add_argument("name", nargs="*", metavar="NAME", help="upstreams that are told; default: all")
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Print upstreams with their endpoints and what was counted of each."""
    answer = granted(ask(options, "GET", "/api/v1/upstreams"))
    known = {one["name"]: one for one in answer["items"]}
    for name in options.name:
        if name not in known:
            hint = did_you_mean(name, known)
            complain(f"no upstream is called {name}{f'; {hint}' if hint else ''}")
            return FAILED
    items = [one for name, one in known.items() if not options.name or name in options.name]
    show(options, items, lambda: _lines(items, _WIDE if is_wide(options) else ()))
    return FINE


def _lines(items: list[dict[str, Any]], more: Sequence[str]) -> Iterator[str]:
    rows = [row for one in items for row in _rows(one, more)]
    header = ("UPSTREAM", "ENDPOINT", "WEIGHT", "IN FLIGHT", "IDLE", "ATTEMPTS", "RETRIES", "FAILURES")
    yield from table((*header, *(name.upper() for name in more)), rows)


def _rows(upstream: Mapping[str, Any], more: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """A row of the whole, and one for each endpoint."""
    counted = (_number(upstream, name) for name in ("attempts_total", "retries_total", "failures_total"))
    how = f"{upstream['balance']}, {upstream['protocol']}"
    yield (upstream["name"], how, "-", "-", "-", *counted, *["-"] * len(more))
    for one in upstream["endpoints"]:
        numbers = (_number(one, "requests_in_flight"), _number(one, "idle_upstream_connections"))
        told = (listed(*one[name]) or "-" for name in more)
        yield ("", one["address"], str(one["weight"]), *numbers, "-", "-", "-", *told)


def _number(of: Mapping[str, Any], name: str) -> str:
    return f"{of[name]:,}" if name in of else "-"


COMMAND = Command(add_options, run)
