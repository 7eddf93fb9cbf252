"""`penstock reload`: lets a running gateway read its configuration again."""

import argparse
import sys

from penstock.cli.answers import Refused, is_refused
from penstock.cli.command import FAILED, FINE, Command
from penstock.cli.gateway_client import add_gateway, ask
from penstock.cli.output import add_output, is_for_programs, print_data


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and the form of the output."""
    add_gateway(parser)
    parser.add_argument("--logs", action="store_true", help="open log files again instead, after they were moved")
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Reload, or have log files opened again.

    Reloading fails with every problem if the configuration is refused, and then nothing has changed.
    """
    answer = ask(options, "POST", "/-/logs/reopen" if options.logs else "/-/reload")
    if is_refused(answer) and "problems" not in answer:
        raise Refused(answer)
    if is_for_programs(options):
        print_data(answer, options.output)
    elif options.logs:
        print(*answer["problems"] or ["log files are opened again"], sep="\n")
    elif answer["problems"]:
        print(*answer["problems"], "nothing has changed", sep="\n", file=sys.stderr)
    else:
        # Files are watched: what was changed just now is often there before anybody asks.
        print(f"revision {answer['revision']} is applied{'' if answer['changed'] else ' already'}")
    return FAILED if answer["problems"] else FINE


COMMAND = Command(add_options, run)
