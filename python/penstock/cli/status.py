"""`penstock status`: how a running gateway is."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from penstock.cli.command import FAILED, FINE, Command, add_output
from penstock.cli.gateway_client import NoGateway, add_gateway, ask

_SHOWN_CHANGES = 5
_NAMED = 3


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and the form of the output."""
    add_gateway(parser)
    add_output(parser, "text", "json")


def run(options: argparse.Namespace) -> int:
    """Print the status; fails if no gateway answers."""
    try:
        status = ask(options, "GET", "/-/status")
    except NoGateway as problem:
        print(f"penstock: {problem}", file=sys.stderr)
        return FAILED
    print(json.dumps(status, indent=2) if options.output == "json" else "\n".join(lines(status)))
    return FINE


def lines(status: Mapping[str, Any]) -> Iterator[str]:
    """The status as people read it."""
    yield f"{status['phase']} as process {status['pid']} for {status['uptime_seconds']:.0f} s"
    yield f"revision {status['revision']}, {status['restarts']} workers restarted"
    yield f"{status['connections']} connections, {status['requests']} requests so far"
    for listener in status["listeners"]:
        yield f"listener {listener['name']}: {listener['bound']}"
    for worker in status["workers"]:
        dropped = worker["log_lines_dropped"]
        lost = f", {dropped} log lines dropped" if dropped else ""
        life = "" if worker["is_alive"] else ", dead"
        yield (
            f"worker {worker['index']}: process {worker['pid']}, revision {worker['revision']}, "
            f"{worker['connections']} connections, {worker['requests']} requests{lost}{life}"
        )
    for change in status["changes"][:_SHOWN_CHANGES]:
        yield f"change {change['time']} by {change['author']} ({change['source']}): {_result(change)}"
    for problem in status["left_out"]:
        yield f"left out: {problem}"
    for problem in status["problems"]:
        yield f"problem: {problem}"


def _result(change: Mapping[str, Any]) -> str:
    if change["store_revision"] is None:
        return f"refused, {len(change['problems'])} problems"
    counts = [f"{change[f'{what}_count']} {what}" for what in ("put", "deleted") if change[f"{what}_count"]]
    named = ", ".join((*change["put"], *change["deleted"])[:_NAMED])
    more = ", ..." if change["put_count"] + change["deleted_count"] > _NAMED else ""
    result = f"refused, {len(change['problems'])} problems" if change["problems"] else f"revision {change['revision']}"
    return f"{result}, {' and '.join(counts)}: {named}{more}"


COMMAND = Command(add_options, run)
