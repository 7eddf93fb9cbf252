"""`penstock apply`: makes resources of files those of a running gateway, in one revision."""

import argparse
import json
import sys
from pathlib import Path
from urllib.parse import quote

from penstock.base.problem import errors
from penstock.cli.answers import is_refused, print_changes, print_refusal
from penstock.cli.command import DIFFERENT, FAILED, FINE, Command
from penstock.cli.configuration import print_problems, texts_of
from penstock.cli.gateway_client import NoGateway, add_gateway, ask
from penstock.model.loading import load_texts, locate
from penstock.store.files import environment


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and which files."""
    add_gateway(parser)
    parser.add_argument(
        "-f", "--file", type=Path, required=True, metavar="FILE|DIR", help="resources; - for standard input"
    )
    parser.add_argument("-m", "--message", default="", metavar="TEXT", help="why, for the history")
    parser.add_argument("--dry-run", action="store_true", help="print what would change, and change nothing")


def run(options: argparse.Namespace) -> int:
    """Create or replace all of them, or nothing; a dry run exits with 2 where something would change."""
    texts, unread = texts_of(options.file)
    loaded = load_texts(texts, environment()).beside(unread)
    problems = locate(loaded.problems, texts)
    if errors(problems):
        print_problems(problems)
        return FAILED
    data = [json.loads(one.resource.model_dump_json(exclude_unset=True, by_alias=True)) for one in loaded.resources]
    query = f"?dry_run={'true' if options.dry_run else 'false'}&message={quote(options.message, safe='')}"
    try:
        answer = ask(options, "POST", f"/api/v1/apply{query}", data)
    except NoGateway as problem:
        print(f"penstock: {problem}", file=sys.stderr)
        return FAILED
    if is_refused(answer):
        return print_refusal(answer)
    print_changes(answer, is_trial=options.dry_run)
    return DIFFERENT if options.dry_run and answer["changes"] else FINE


COMMAND = Command(add_options, run)
