"""What the commands share that change resources of a running gateway."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from penstock.cli.answers import add_rolling, granted, print_changes
from penstock.cli.command import DIFFERENT, FINE, Stopped
from penstock.cli.gateway_client import add_gateway, ask
from penstock.cli.output import add_output, is_for_programs, print_data
from penstock.cli.progress import progress

_FLAGS = ("dry_run", "rolling", "test", "take_over", "cascade", "prune")
_TEXTS = ("message", "owner", "labels", "watch", "max_errors", "max_latency")


def add_change(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of every such command: which gateway, why, as whom, and whether it is only tried."""
    add_gateway(parser)
    parser.add_argument("-m", "--message", default="", metavar="TEXT", help="why, for the history")
    parser.add_argument("--dry-run", action="store_true", help="print what would change, and change nothing")
    parser.add_argument("--no-wait", action="store_true", help="end as soon as it is kept, before workers run it")
    add_owner(parser)
    add_rolling(parser)
    add_output(parser)


def add_owner(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say as whom it is changed."""
    parser.add_argument(
        "--owner", default="", metavar="NAME", help="change it as this owner, whose alone it is then; default: nobody's"
    )
    parser.add_argument("--take-over", action="store_true", help="change also what another owner has")


def add_sent(parser: argparse.ArgumentParser) -> None:
    """Adds the flag that names the files whose resources are sent, and the one that has them tested first."""
    parser.add_argument(
        "-f", "--file", type=Path, required=True, metavar="FILE|DIR", help="resources; - for standard input"
    )
    parser.add_argument("--test", action="store_true", help="run the tests first, and change nothing where one fails")


def sent_of(path: Path) -> list[Any]:
    """The resources of files, as they are sent.

    Raises: Stopped, when the problems are printed.
    """
    from penstock.base.problem import errors
    from penstock.cli.configuration import print_problems, texts_of
    from penstock.model.loading import load_texts, locate
    from penstock.store.files import environment

    texts, unread = texts_of(path)
    loaded = load_texts(texts, environment()).beside(unread)
    problems = locate(loaded.problems, texts)
    if errors(problems):
        print_problems(problems)
        raise Stopped(f"{'standard input' if str(path) == '-' else path} has problems; nothing was changed")
    return [json.loads(one.resource.model_dump_json(exclude_unset=True, by_alias=True)) for one in loaded.resources]


def query_of(options: argparse.Namespace, **more: bool) -> str:
    """The query that says what the flags of a command say."""
    said: dict[str, Any] = {**vars(options), **more}
    flags = {name: "true" for name in _FLAGS if said.get(name)}
    texts = {name: said[name] for name in _TEXTS if said.get(name)}
    wait = {"wait": "none"} if said.get("no_wait") else {}
    found = urlencode({**flags, **texts, **wait})
    return f"?{found}" if found else ""


def change(
    options: argparse.Namespace,
    method: str,
    path: str,
    data: Any = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Any:
    """What has become of a change, or would.

    Raises: Refused, NoGateway.
    """
    with progress("the gateway applies it"):
        return granted(ask(options, method, f"{path}{query_of(options)}", data, headers))


def told_of_change(options: argparse.Namespace, answer: Mapping[str, Any]) -> int:
    """Print what has become of it; a trial gives 2 where something would change."""
    if is_for_programs(options):
        print_data(answer, options.output)
    else:
        print_changes(answer, is_trial=options.dry_run, is_waited=not options.no_wait)
    return DIFFERENT if options.dry_run and (answer["changes"] or answer["owned"]) else FINE


def agreed(question: str) -> bool:
    """Whether somebody at the terminal says yes."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def is_asked(options: argparse.Namespace) -> bool:
    """Whether there is somebody to ask who has not said yes already."""
    return sys.stdin.isatty() and not options.yes
