"""`penstock test`: runs the tests of a configuration, and tells which routes have none."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from penstock.base.problem import errors
from penstock.cli.colours import complain
from penstock.cli.command import FAILED, FINE, Command
from penstock.cli.configuration import Configuration, add_configuration, print_problems, read_rehearsal
from penstock.cli.explain import lines
from penstock.cli.output import add_output, is_for_programs, show
from penstock.cli.words import counted
from penstock.model.loading import locate

if TYPE_CHECKING:
    from penstock.runtime.trial.report import Outcome, Report

_ALL = 100
_MOST_SHOWN = 30
"""Routes without a test that are named: `-o json` names all."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The configuration, and what is asked of its tests."""
    add_configuration(parser)
    parser.add_argument("name", nargs="*", metavar="NAME", help="tests that are run; default: all")
    parser.add_argument(
        "--coverage-below",
        type=_percent,
        default=0.0,
        metavar="N",
        help="fail where fewer than N per cent of the routes have a test",
    )
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Run them; fails where something is not as expected, or too few routes have a test."""
    from penstock.runtime.trial.trying import tests_of, try_all

    with TemporaryDirectory(prefix="penstock-") as folder:
        configuration = read_rehearsal(options.configuration, Path(folder))
        if not configuration.is_usable:
            print_problems(errors(configuration.problems), options.output)
            return FAILED
        tests = tests_of(configuration.resources)
        unknown = [name for name in options.name if name not in {test.name for test in tests}]
        if unknown:
            complain(f"no test is called {', '.join(unknown)}")
            return FAILED
        wanted = [test for test in tests if not options.name or test.name in options.name]
        report = try_all(configuration.compiled, wanted, Path(folder))
    too_low = report.coverage < options.coverage_below
    show(options, report.to_json(), lambda: _lines(report, configuration))
    if too_low and not is_for_programs(options):
        complain(f"{_percents(options.coverage_below)} of the routes should have a test")
    return FAILED if report.failed or too_low else FINE


def _lines(report: "Report", configuration: Configuration) -> Iterator[str]:
    """The report as people read it: what failed and why, then how many passed, then which routes have no test."""
    for outcome in report.failed:
        yield from _failure(outcome, configuration)
    passed, ran = len(report.outcomes) - len(report.failed), sum(one.was_run for one in report.outcomes)
    told = f"{counted(passed, 'test')} passed, {len(report.failed):,} failed"
    yield f"{told}; {ran:,} sent through a gateway" if ran else told
    tested = len(report.routes) - len(report.untested)
    yield f"{tested:,} of {counted(len(report.routes), 'route')} tested, {_percents(report.coverage)}"
    if report.untested:
        more = len(report.untested) - _MOST_SHOWN
        rest = f" and {more:,} more" if more > 0 else ""
        yield f"without a test: {', '.join(report.untested[:_MOST_SHOWN])}{rest}"


def _failure(outcome: "Outcome", configuration: Configuration) -> Iterator[str]:
    """What is not as expected, and what the gateway makes of the request."""
    key = f"test/{outcome.name}"
    placed = next(one for one in configuration.resources if one.key == key)
    found = locate([placed.located(one.problem(key)) for one in outcome.mismatches], configuration.texts)
    yield f"{key} failed"
    yield from (f"  {line}" for problem in found for line in str(problem).splitlines())
    if outcome.explained:
        yield ""
        yield from (f"  | {line}".rstrip() for line in lines(outcome.explained))
    yield ""


def _percents(number: float) -> str:
    return f"{number:.10g} %"


def _percent(text: str) -> float:
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = -1.0
    if not 0 <= number <= _ALL:
        raise argparse.ArgumentTypeError(f"{text!r}: write a number from 0 to {_ALL}")
    return number


COMMAND = Command(add_options, run)
