"""`penstock whatif`: which requests of an access log another configuration would serve differently."""

import argparse
import gzip
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from penstock.cli.colours import complain
from penstock.cli.command import DIFFERENT, FAILED, FINE, Command
from penstock.cli.configuration import print_problems, read_rehearsal
from penstock.cli.output import add_output, show
from penstock.cli.table import table
from penstock.cli.words import counted

if TYPE_CHECKING:
    from penstock.runtime.whatif.comparison import Comparison, Difference, Judge, Verdict

_STDIN = Path("-")
_GZIP = b"\x1f\x8b"
_SHOWN = 50
_NAMED = 5


def add_options(parser: argparse.ArgumentParser) -> None:
    """The log, and the configurations."""
    parser.add_argument(
        "-c",
        "--configuration",
        type=Path,
        action="append",
        required=True,
        metavar="FILE|DIR",
        help="the new configuration; given again, the one it is compared with; default: what the log says",
    )
    parser.add_argument(
        "--log",
        type=Path,
        action="append",
        required=True,
        metavar="FILE",
        help="access log in JSON, also compressed by gzip; - for standard input; may repeat",
    )
    parser.add_argument("-n", type=int, default=_SHOWN, metavar="N", help=f"requests shown at most; default: {_SHOWN}")
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Print what would change; exit code 2 if anything does."""
    from penstock.runtime.whatif.comparison import Comparison
    from penstock.runtime.whatif.logged import read_lines

    if len(options.configuration) > 2:  # noqa: PLR2004 - the new one and the old one
        complain("give -c once or twice: the new configuration, and the one to compare it with")
        return DIFFERENT
    judges = [_judge(path) for path in options.configuration]
    if None in judges:
        return FAILED
    after, before = (*cast("list[Judge]", judges), None)[:2]
    comparison = Comparison(cast("Judge", after), before)
    for path in options.log:
        try:
            with _opened(path) as stream:
                comparison.take(read_lines(stream))
        except (OSError, EOFError) as problem:
            complain(f"{path}: {getattr(problem, 'strerror', None) or problem}")
            return FAILED
    if not comparison.requests:
        complain("no line tells of a request; write the log with `format: json`")
        return FAILED
    show(options, _data(comparison), lambda: _lines(comparison, options.n))
    return DIFFERENT if comparison.different else FINE


def _judge(path: Path) -> "Judge | None":
    from penstock.runtime.whatif.comparison import Judge

    configuration = read_rehearsal(path)
    if not configuration.is_usable:
        print_problems(configuration.problems)
        return None
    try:
        return Judge(configuration.compiled.plan)
    except ValueError as problem:
        complain(f"{path}: {problem}")
        return None


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """A log, out of its compression."""
    with nullcontext(sys.stdin.buffer) if path == _STDIN else path.open("rb") as stream:
        readable = cast("io.BufferedReader", stream)
        if readable.peek(len(_GZIP)).startswith(_GZIP):
            with gzip.GzipFile(fileobj=readable) as inside:
                yield cast("BinaryIO", inside)
        else:
            yield readable


def _lines(comparison: "Comparison", most: int) -> Iterator[str]:
    found = _sorted(comparison)
    rows = [
        (
            str(one.count),
            _request(one),
            _verdict(one.before),
            _verdict(one.after),
            "perhaps" if one.is_uncertain else "",
        )
        for one in found[:most]
    ]
    yield from table(("REQUESTS", "REQUEST", "BEFORE", "AFTER", ""), rows)
    shown = sum(one.count for one in found[:most])
    if shown < comparison.different:
        yield f"and {counted(comparison.different - shown, 'request')} more; `-o json` lists up to {comparison.most:,}"
    if rows:
        yield ""
    yield f"{comparison.different:,} of {counted(comparison.requests, 'request')} would be served differently"
    if comparison.unjudged:
        yield f"{counted(comparison.unjudged, 'request')} cannot be judged: refused as they came, or not of HTTP"
    if comparison.unreadable:
        yield f"{counted(comparison.unreadable, 'line')} left out: no request of a JSON access log"
    if comparison.uncertain:
        routes = sorted(comparison.uncertain_routes)
        named = ", ".join(routes[:_NAMED]) + (f" and {len(routes) - _NAMED:,} more" if len(routes) > _NAMED else "")
        yield (
            f"{counted(comparison.uncertain, 'request')} met a condition on headers, cookies or the query at {named}; "
            "the log does not hold these, and they are judged as if nothing had been sent"
        )


def _sorted(comparison: "Comparison") -> "list[Difference]":
    return sorted(comparison.differences.values(), key=lambda one: (-one.count, one.request.host, one.request.path))


def _request(one: "Difference") -> str:
    return f"{one.request.method} {one.request.host}{one.request.path}"


def _verdict(verdict: "Verdict") -> str:
    if verdict.route is None:
        return f"{verdict.status} of the gateway" if verdict.status else "closed"
    steps = f" ({', '.join(verdict.steps)})" if verdict.steps else ""
    return f"{verdict.route}{steps}"


def _data(comparison: "Comparison") -> dict[str, Any]:
    differences = [
        {
            "count": one.count,
            "listener": one.request.listener,
            "method": one.request.method,
            "host": one.request.host,
            "path": one.request.path,
            "client": one.request.client,
            "before": one.before.to_json(),
            "after": one.after.to_json(),
            "is_uncertain": one.is_uncertain,
        }
        for one in _sorted(comparison)
    ]
    return {
        "requests": comparison.requests,
        "different": comparison.different,
        "unjudged": comparison.unjudged,
        "unreadable_lines": comparison.unreadable,
        "uncertain": {"requests": comparison.uncertain, "routes": sorted(comparison.uncertain_routes)},
        "differences": differences,
    }


COMMAND = Command(add_options, run)
