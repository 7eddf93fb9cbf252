"""`penstock status`: how a running gateway is."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from penstock.cli.command import FAILED, FINE, Command, add_output
from penstock.cli.gateway_client import NoGateway, add_gateway, ask
from penstock.cli.table import table
from penstock.cli.words import counted, listed, span

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
    """The status as people read it: the whole in two lines, then its parts as tables, then what is wrong."""
    source = status["configuration"] or "what its command says"
    yield f"{status['phase']} {source} for {span(status['uptime_seconds'])}, process {status['pid']}"
    restarts, dropped = status["restarts"], status["log_lines_dropped"]
    yield listed(
        f"revision {status['revision']}",
        counted(status["requests"], "request"),
        counted(status["connections"], "open connection"),
        f"{counted(restarts, 'worker')} replaced" if restarts else "",
        f"{counted(dropped, 'log line')} dropped" if dropped else "",
    )
    for header, rows in (
        (("LISTENER", "ADDRESS"), [(one["name"], one["bound"]) for one in status["listeners"]]),
        (_WORKER, [_worker(one, status["phase"]) for one in status["workers"]]),
        (_FILTER, [_filter(one) for one in status["filters"]]),
        (_CHANGE, [_change(one) for one in status["changes"][:_SHOWN_CHANGES]]),
    ):
        if rows:
            yield ""
            yield from table(header, rows)
    yield from _wrong("left out, everything else is served:", status["left_out"])
    yield from _wrong(
        "the configuration as it is now is not applied:" if status["is_refused"] else "warnings:", status["problems"]
    )


_WORKER = ("WORKER", "PROCESS", "REVISION", "REQUESTS", "CONNECTIONS", "STATE")
_FILTER = ("FILTER", "PIPELINE", "OVERRUNS", "STATE")
_CHANGE = ("CHANGED", "BY", "RESULT", "WHAT")


def _worker(worker: Mapping[str, Any], phase: str) -> tuple[str, ...]:
    return (
        str(worker["index"]),
        str(worker["pid"]),
        str(worker["revision"] or "-"),
        f"{worker['requests']:,}",
        f"{worker['connections']:,}",
        _state(worker, phase),
    )


def _state(worker: Mapping[str, Any], phase: str) -> str:
    if not worker["is_alive"]:
        return "ended" if phase == "draining" else "dead"
    return phase if worker["revision"] else "starting"


def _filter(one: Mapping[str, Any]) -> tuple[str, ...]:
    return one["step"], one["pipeline"], f"{one['overruns']:,}", "suspended" if one["is_suspended"] else "called"


def _change(change: Mapping[str, Any]) -> tuple[str, ...]:
    problems = change["problems"]
    result = f"refused: {counted(len(problems), 'problem')}" if problems else f"revision {change['revision']}"
    return change["time"], change["source"], result, _what(change)


def _what(change: Mapping[str, Any]) -> str:
    named = [*change["put"], *(f"{key} (gone)" for key in change["deleted"])][:_NAMED]
    more = change["put_count"] + change["deleted_count"] - len(named)
    return ", ".join(named) + (f" and {more:,} more" if more else "")


def _wrong(title: str, problems: list[str]) -> Iterator[str]:
    if problems:
        yield ""
        yield title
        yield from (f"  {line}" for problem in problems for line in problem.splitlines())


COMMAND = Command(add_options, run)
