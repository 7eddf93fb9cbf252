"""`penstock run`: the gateway, in the foreground."""

import argparse
from typing import TYPE_CHECKING

from penstock.cli.command import Command, add_configuration
from penstock.cli.serving import add_process_options, serve

if TYPE_CHECKING:
    from penstock.runtime.launch import Launch
    from penstock.runtime.supervisor import Supervisor


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which configuration, and how the process runs."""
    add_configuration(parser)
    add_process_options(parser)
    parser.add_argument(
        "--watch", action=argparse.BooleanOptionalAction, default=True, help="reload when a file changes"
    )


def run(options: argparse.Namespace) -> int:
    """Serve until told to end."""

    def make(launched: "Launch") -> "Supervisor":
        from penstock.runtime.assemble import serving_files

        return serving_files(launched, options.configuration, is_watching=options.watch)

    return serve(options, ["run", str(options.configuration.absolute())], make)


COMMAND = Command(add_options, run)
