"""`penstock create`: gives a running gateway new resources, and refuses where one of them is there already."""

import argparse

from penstock.cli.changing import add_change, add_sent, change, sent_of, told_of_change
from penstock.cli.command import Command


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and which files."""
    add_sent(parser)
    add_change(parser)


def run(options: argparse.Namespace) -> int:
    """Create all of them, or nothing; a dry run exits with 2 where something would be there."""
    data = sent_of(options.file)
    return told_of_change(options, change(options, "POST", "/api/v1/apply", data, {"if-none-match": "*"}))


COMMAND = Command(add_options, run)
