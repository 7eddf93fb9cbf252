"""`penstock run`: the gateway, in the foreground."""

import argparse
from typing import TYPE_CHECKING

from penstock.cli.command import Command, add_configuration
from penstock.cli.gateway_client import add_store_key
from penstock.cli.serving import add_process_options, serve

if TYPE_CHECKING:
    from penstock.runtime.launch import Launch
    from penstock.runtime.supervisor import Supervisor


_MOST_CHANGES = 100_000


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which configuration, and how the process runs."""
    add_configuration(parser)
    add_process_options(parser)
    parser.add_argument(
        "--history", type=_changes, default=1_000, metavar="N", help="changes that are kept; default: 1000"
    )
    add_store_key(parser)
    parser.add_argument(
        "--watch", action=argparse.BooleanOptionalAction, default=True, help="reload when a file changes"
    )


def run(options: argparse.Namespace) -> int:
    """Serve until told to end."""

    def make(launched: "Launch") -> "Supervisor":
        from penstock.runtime.assemble import serving_files

        return serving_files(launched, options.configuration, is_watching=options.watch)

    return serve(options, ["run", str(options.configuration.absolute())], make)


def _changes(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _MOST_CHANGES:
        raise argparse.ArgumentTypeError(f"{text!r}: write a number from 1 to {_MOST_CHANGES}")
    return int(text)


COMMAND = Command(add_options, run)
