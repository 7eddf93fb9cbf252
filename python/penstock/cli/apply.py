"""`penstock apply`: makes resources of files those of a running gateway, in one revision."""

import argparse
from copy import copy
from typing import Any

from penstock.cli.changing import add_change, add_sent, agreed, change, is_asked, sent_of, told_of_change
from penstock.cli.colours import complain
from penstock.cli.command import DIFFERENT, FAILED, Command
from penstock.cli.output import is_for_programs
from penstock.cli.watched import add_watch, told_of_watch
from penstock.cli.words import counted

_PATH = "/api/v1/apply"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, which files, and what becomes of what they do not hold."""
    add_sent(parser)
    add_change(parser)
    parser.add_argument(
        "--prune", action="store_true", help="delete what --owner has, or --labels without an owner, and files do not"
    )
    parser.add_argument("-l", "--labels", default="", metavar="LABELS", help="as team=shop: prune among these alone")
    parser.add_argument("-y", "--yes", action="store_true", help="prune without asking")
    add_watch(parser)


def run(options: argparse.Namespace) -> int:
    """Create or replace all of them, or nothing; a dry run exits with 2 where something would change."""
    if wrong := _wrong_usage(options):
        complain(wrong)
        return DIFFERENT
    data = sent_of(options.file)
    if options.prune and not options.dry_run and is_asked(options) and not _may_go(options, data):
        complain("nothing is changed")
        return FAILED
    answer = change(options, "POST", _PATH, data)
    code = told_of_change(options, answer)
    if answer.get("watch") and not is_for_programs(options):
        return told_of_watch(options, answer["watch"])
    return code


def _wrong_usage(options: argparse.Namespace) -> str:
    if options.prune and not (options.owner or options.labels):
        return "--prune needs --owner NAME or --labels LABELS: whose resources go that the files do not hold"
    if options.labels and not options.prune:
        return "--labels is for --prune: without it all resources of the files are applied"
    return ""


def _may_go(options: argparse.Namespace, data: Any) -> bool:
    """Whether what would be deleted may go, as somebody says who has seen what it is."""
    trial = copy(options)
    trial.dry_run = True
    going = [one["key"] for one in change(trial, "POST", _PATH, data)["changes"] if one["action"] == "delete"]
    for key in going:
        print(f"{key} would be deleted")
    return not going or agreed(f"delete {counted(len(going), 'resource')}?")


COMMAND = Command(add_options, run)
