"""`penstock show`: one revision: who made it, and what it changed."""

import argparse

from penstock.cli.colours import print_difference
from penstock.cli.command import FINE, Command
from penstock.cli.etcd_options import add_etcd
from penstock.cli.gateway_client import add_gateway, add_store_key
from penstock.cli.output import add_output, is_for_programs, print_data
from penstock.cli.revisions import revision_shown
from penstock.cli.stored import revision


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and which revision."""
    add_gateway(parser)
    add_store_key(parser)
    add_etcd(parser)
    parser.add_argument("revision", type=revision, metavar="REVISION", help="its number, as 41 or r41")
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Print a revision; what is secret stays so."""
    found = revision_shown(options, options.revision)
    if is_for_programs(options):
        print_data(found, options.output)
        return FINE
    print(f"revision {found['revision']}, {found['time']}, by {found['author']} ({found['source']})")
    if found["message"]:
        print(*(f"  {line}" for line in found["message"].splitlines()), sep="\n")
    for result in found["results"]:
        print(f"{result['result']} at {result['node']}")
        print(*(f"  {problem}" for problem in result["problems"]), sep="\n", end="\n" if result["problems"] else "")
    print_difference(line for one in found["changes"] for line in one["diff"].splitlines())
    return FINE


COMMAND = Command(add_options, run)
