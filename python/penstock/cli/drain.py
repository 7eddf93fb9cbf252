"""`penstock drain`: lets a node serve nobody for a while, and stay a member."""

import argparse

from penstock.cli.answers import granted
from penstock.cli.command import FAILED, FINE, Command
from penstock.cli.gateway_client import add_gateway, ask


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway is asked, and which node is meant."""
    add_gateway(parser)
    parser.add_argument("node", nargs="?", metavar="NODE", help="its name in `penstock members`; default: itself")


def run(options: argparse.Namespace) -> int:
    """Drain it; fails if no node is called so."""
    return tell(options, "drain", "takes no connections any more; what it is asked already, it finishes")


def tell(options: argparse.Namespace, word: str, said: str) -> int:
    """Tell a node what to do, through the gateway that is asked."""
    name = options.node
    if name is None:
        known = granted(ask(options, "GET", "/api/v1/members"))
        name = next(one["name"] for one in known["items"] if one["is_self"])
    answer = granted(ask(options, "POST", f"/api/v1/members/{name}/{word}"))
    if not answer["is_heard"]:
        print(f"{name} has not answered yet; it will as soon as it hears of revision {answer['revision']}")
        return FAILED
    print(f"{name} {said}")
    return FINE


COMMAND = Command(add_options, run)
