"""`penstock logs`: requests as they come to a running gateway, or those of access logs in files."""

import argparse
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

from penstock.cli.colours import complain, has_colours
from penstock.cli.command import DIFFERENT, FAILED, FINE, Command
from penstock.cli.gateway_client import add_gateway
from penstock.cli.inventory import list_items
from penstock.cli.log_choice import Choice, add_choice
from penstock.cli.log_files import LogFile
from penstock.cli.log_lines import own_line, request_line
from penstock.cli.output import add_output

_LOOK_SECONDS = 0.25


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway or files, which requests, and the form of the output."""
    add_gateway(parser)
    add_choice(parser)
    parser.add_argument(
        "--where", metavar="CONDITION", help='with -f: a condition, such as \'request.headers["x-a"] == "1"\''
    )
    parser.add_argument("-f", "--follow", action="store_true", help="print requests as they come to the gateway")
    parser.add_argument("--own", action="store_true", help="with -f: what the gateway says of itself instead")
    parser.add_argument(
        "--file",
        action="append",
        type=Path,
        dest="logs",
        metavar="FILE",
        help="an access log in JSON to read, or with -f to follow; default without -f: those that the gateway writes",
    )
    add_output(parser)
    parser.set_defaults(file=None)


def run(options: argparse.Namespace) -> int:
    """Print them until there are no more, or nobody wants to know."""
    if options.follow and not options.logs:
        return _follow(options)
    for name in ("where", "own"):
        if getattr(options, name):
            complain(f"--{name} is told by the gateway: write -f, and no --file")
            return DIFFERENT
    paths = options.logs or _written_here(options)
    if not paths:
        complain("the gateway writes no access log into a file; -f shows what comes")
        return FAILED
    with ExitStack() as opened:
        try:
            logs = [opened.enter_context(closing(LogFile(path, at_end=options.follow))) for path in paths]
        except OSError as problem:
            complain(f"{problem.filename}: {(problem.strerror or str(problem)).lower()}")
            return FAILED
        _print(options, logs)
    return FINE


def _follow(options: argparse.Namespace) -> int:
    from penstock.cli.log_events import events

    query = Choice.of(options).query(where=options.where, source="own" if options.own else None)
    is_coloured, node = has_colours(sys.stdout), ""
    for name, told in events(options, query):
        if name == "request":
            print(request_line(told, options.output, is_coloured=is_coloured), flush=True)
        elif name == "line":
            print(own_line(told, options.output, is_coloured=is_coloured), flush=True)
        elif name == "dropped":
            print(f"penstock: {told.get('requests', told.get('lines'))} more came than can be shown", file=sys.stderr)
        elif name == "node" and told["node"] != node:
            node = told["node"]
            print(f"penstock: this is node {node}", file=sys.stderr)
    return FINE


def _print(options: argparse.Namespace, logs: list[LogFile]) -> None:
    choice, is_coloured = Choice.of(options), has_colours(sys.stdout)
    while True:
        for log in logs:
            for told in filter(choice.holds, log.requests()):
                print(request_line(told, options.output, is_coloured=is_coloured), flush=options.follow)
        if not options.follow:
            return
        time.sleep(_LOOK_SECONDS)


def _written_here(options: argparse.Namespace) -> list[Path]:
    """The files of access logs that the gateway writes."""
    found = [telemetry.get("access_log") or [] for telemetry in list_items(options, "telemetry")]
    logs = [one for some in found for one in (some if isinstance(some, list) else [some])]
    files = [Path(one["path"]) for one in logs if str(one.get("path", "")).startswith("/")]
    return list(dict.fromkeys(files))


COMMAND = Command(add_options, run)
