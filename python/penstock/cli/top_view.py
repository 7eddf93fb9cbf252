"""How `penstock top` looks: figures in, lines out."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.cli.words import listed, span

Row = Mapping[str, Any]
Told = Mapping[str, Any]
"""What was asked of the gateway: its `statistics`, its `status`, its `workers` with what they have done since."""
_REVERSE, _PLAIN = "\x1b[7m", "\x1b[0m"
_THOUSAND = 1000
_KIB = 1024
_ROUND_FROM = 100


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its header, and what it shows of a row. Names stand to the left, figures to the right."""

    header: str
    show: Callable[[Row], str]
    is_name: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A table: where its rows come from, and its columns."""

    rows: Callable[[Told], Sequence[Row]]
    columns: Sequence[Column]
    count: str = "requests_per_second"


def _rows(name: str) -> Callable[[Told], Sequence[Row]]:
    return lambda told: told["statistics"].get(name, [])


def _name(header: str, name: str) -> Column:
    return Column(header, lambda row: str(row[name]), is_name=True)


def _number(header: str, name: str) -> Column:
    return Column(header, lambda row: f"{row[name]:,}")


def _latency(quantile: str) -> Column:
    return Column(quantile.upper(), lambda row: duration((row.get("latency_ms") or {}).get(quantile)))


_RATE = Column("REQ/S", lambda row: rate(row["requests_per_second"]))
_ERRORS = Column("ERRORS", lambda row: share(row["error_ratio"]))
_ACTIVE = _number("ACTIVE", "active")
_RECEIVED = Column("IN", lambda row: size(row["received_bytes"]))
_SENT = Column("OUT", lambda row: size(row["sent_bytes"]))
_SHOWN_QUANTILES = [_latency(name) for name in ("p50", "p90", "p99", "p99.9")]

VIEWS: Mapping[str, View] = {
    "routes": View(
        _rows("routes"), [_name("ROUTE", "route"), _RATE, _ERRORS, *_SHOWN_QUANTILES, _ACTIVE, _RECEIVED, _SENT]
    ),
    "endpoints": View(
        _rows("endpoints"),
        [
            _name("UPSTREAM", "upstream"),
            _name("ENDPOINT", "endpoint"),
            _RATE,
            _ERRORS,
            *_SHOWN_QUANTILES,
            _ACTIVE,
            _number("IDLE", "idle_connections"),
            _number("NEW", "connections"),
        ],
    ),
    "upstreams": View(
        _rows("upstreams"),
        [_name("UPSTREAM", "upstream"), _RATE, _ERRORS, *_SHOWN_QUANTILES, _number("RETRIES", "retries")],
    ),
    "listeners": View(
        _rows("listeners"),
        [
            _name("LISTENER", "listener"),
            Column("CONN/S", lambda row: rate(row["connections_per_second"])),
            _number("OPEN", "active"),
            _number("TUNNELS", "tunnels"),
            _number("REFUSED", "errors"),
            _number("HANDSHAKES", "handshakes"),
            _RECEIVED,
            _SENT,
        ],
        "connections_per_second",
    ),
    "workers": View(
        lambda told: told["workers"],
        [
            _name("WORKER", "index"),
            Column("PROCESS", lambda row: str(row["pid"])),
            _RATE,
            _number("CONNECTIONS", "connections"),
            Column(
                "CPU", lambda row: "-" if row["processor_ratio"] is None else f"{row['processor_ratio'] * 100:.0f} %"
            ),
            Column("MEMORY", lambda row: size(row["resident_bytes"])),
            Column("STALL", lambda row: duration(row["longest_stall_seconds"] * _THOUSAND)),
            Column("STATE", lambda row: "serving" if row["revision"] else "away"),
        ],
    ),
}
SORTS: Mapping[str, Callable[[View, Row], Any]] = {
    "requests": lambda view, row: -(row.get(view.count) or 0),
    "latency": lambda _view, row: -((row.get("latency_ms") or {}).get("p99") or 0),
    "errors": lambda _view, row: -row.get("errors", 0),
    "name": lambda view, row: [str(column.show(row)) for column in view.columns if column.is_name],
}


@dataclass(slots=True)
class Choice:
    """What is looked at: which table, in which order, over which window."""

    view: str = "routes"
    sort: str = "requests"
    window: str = "1m"
    problem: str = ""
    """What went wrong with the last question, if it did."""
    keys: str = field(default="")
    """What can be pressed; nothing where nobody can."""


def frame(told: Told, choice: Choice, columns: int, lines: int, *, is_marked: bool) -> list[str]:
    """What fits into so many columns and lines; the header is marked where a terminal understands that."""
    view = VIEWS[choice.view]
    rows = sorted(view.rows(told), key=lambda row: SORTS[choice.sort](view, row))
    above = [line[:columns] for line in _above(told, choice)]
    room = max(0, lines - len(above) - 1)
    header, *body = aligned(view.columns, rows[:room])
    header = header[:columns].ljust(columns) if is_marked else header[:columns]
    shown = [f"{_REVERSE}{header}{_PLAIN}" if is_marked else header, *(line[:columns] for line in body)]
    if not rows:
        shown.append(f"no {choice.view} did anything in this time"[:columns])
    return [*above, *shown][:lines]


def _above(told: Told, choice: Choice) -> Iterator[str]:
    status, statistics = told["status"], told["statistics"]
    routes = statistics.get("routes", ())
    requests, errors = (sum(row[name] for row in routes) for name in ("requests", "errors"))
    seconds = statistics["window_seconds"]
    yield listed(
        f"{status['phase']} for {span(status['uptime_seconds'])}",
        f"revision {status['revision']}",
        f"{rate(requests / seconds if seconds else 0)} requests/s",
        f"{share(errors / requests if requests else 0)} errors",
        f"{status['connections']:,} connections",
        f"{sum(1 for one in status['workers'] if one['revision'])} workers",
    )
    yield f"{choice.view} by {choice.sort}, the last {seconds:.0f} s of {choice.window}" + (
        f"   {choice.problem}" if choice.problem else ""
    )
    if choice.keys:
        yield choice.keys
    yield ""


def aligned(columns: Sequence[Column], rows: Iterable[Row]) -> list[str]:
    """The lines of a table, its header first."""
    cells = [[column.header for column in columns], *([column.show(row) for column in columns] for row in rows)]
    widths = [max(len(line[position]) for line in cells) for position in range(len(columns))]
    return [
        "  ".join(
            cell.ljust(width) if column.is_name else cell.rjust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        )
        for line in cells
    ]


def rate(per_second: float | None) -> str:
    """A rate, with decimals where it is small; a dash for none."""
    if per_second is None:
        return "-"
    return f"{per_second:,.0f}" if per_second >= _ROUND_FROM else f"{per_second:.1f}"


def share(ratio: float) -> str:
    """A share in per cent; what is not nothing never looks like it."""
    return f"{ratio * 100:.1f} %" if ratio >= 0.001 or not ratio else "<0.1 %"  # noqa: PLR2004 - as it is rounded


def duration(milliseconds: float | None) -> str:
    """A time in the unit that suits it; a dash for none."""
    if milliseconds is None:
        return "-"
    if milliseconds >= 10 * _THOUSAND:
        return f"{milliseconds / _THOUSAND:.0f} s"
    if milliseconds >= _THOUSAND:
        return f"{milliseconds / _THOUSAND:.1f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= _ROUND_FROM else f"{milliseconds:.1f} ms"


def size(count: int) -> str:
    """Bytes in the unit that suits them."""
    amount, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= _KIB and len(units) > 1:
        amount /= _KIB
        units.pop(0)
    return f"{amount:.0f} {units[0]}" if units[0] == "B" or amount >= _ROUND_FROM else f"{amount:.1f} {units[0]}"
