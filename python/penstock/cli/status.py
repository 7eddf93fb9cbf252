"""`penstock status`: how a running gateway is."""

import argparse
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from penstock.cli.answers import granted
from penstock.cli.command import FINE, Command
from penstock.cli.gateway_client import add_gateway, ask
from penstock.cli.output import add_output, show
from penstock.cli.table import table
from penstock.cli.words import counted, listed, span

_SHOWN_CHANGES = 5
_NAMED = 3
_MEBIBYTE = 1 << 20


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and the form of the output."""
    add_gateway(parser)
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Print the status; fails if no gateway answers."""
    status = granted(ask(options, "GET", "/-/status"))
    show(options, status, lambda: lines(status))
    return FINE


def lines(status: Mapping[str, Any]) -> Iterator[str]:
    """The status as people read it: the whole in two lines, then its parts as tables, then what is wrong."""
    source = status["configuration"] or "what its command says"
    phase = "drained" if status.get("is_drained") else status["phase"]
    yield f"{phase} {source} for {span(status['uptime_seconds'])}, process {status['pid']}"
    restarts, dropped = status["restarts"], status["log_lines_dropped"]
    yield listed(
        f"revision {status['revision']}",
        counted(status["requests"], "request"),
        counted(status["connections"], "open connection"),
        f"{counted(restarts, 'worker')} replaced" if restarts else "",
        _memory(status.get("memory", {})),
        f"{counted(dropped, 'log line')} dropped" if dropped else "",
    )
    for header, rows in (
        (("LISTENER", "ADDRESS"), [(one["name"], one["bound"]) for one in status["listeners"]]),
        (_WORKER, [_worker(one, status["phase"]) for one in status["workers"]]),
        (_FILTER, [_filter(one) for one in status["filters"]]),
        (_CERTIFICATE, [_certificate(one) for one in status.get("certificates", ())]),
        (_CHANGE, [_change(one) for one in status["changes"][:_SHOWN_CHANGES]]),
    ):
        if rows:
            yield ""
            yield from table(header, rows)
    store = status.get("store", {})
    yield from _wrong("the store:", [one for one in (store.get("older"), store.get("absence")) if one])
    yield from _wrong("left out, everything else is served:", status["left_out"])
    yield from _wrong(
        "the configuration as it is now is not applied:" if status["is_refused"] else "warnings:", status["problems"]
    )


def _memory(memory: Mapping[str, Any]) -> str:
    if not memory.get("limit_bytes"):
        return ""
    used, limit = (f"{memory[name] / _MEBIBYTE:,.0f}" for name in ("used_bytes", "limit_bytes"))
    does = {"shedding": ": new requests are refused", "closed": ": no connection is accepted"}.get(memory["level"], "")
    return f"{used} of {limit} MiB of memory used{does}"


_WORKER = ("WORKER", "PROCESS", "REVISION", "REQUESTS", "CONNECTIONS", "STATE")
_FILTER = ("FILTER", "PIPELINE", "OVERRUNS", "STATE")
_CERTIFICATE = ("ORDERED", "STATE", "GOOD UNTIL", "NEXT ORDER", "PROBLEM")
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


def _certificate(one: Mapping[str, Any]) -> tuple[str, ...]:
    return one["name"], one["state"], _moment(one["not_after"]), _moment(one["next_order"]), one["problem"] or "-"


def _moment(seconds: float | None) -> str:
    return "-" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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
