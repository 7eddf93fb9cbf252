"""What commands ask of a change that is to be watched, and what they tell of it."""

import argparse
import time
from collections.abc import Mapping
from typing import Any

from penstock.cli.answers import granted
from penstock.cli.colours import complain
from penstock.cli.command import FAILED, FINE
from penstock.cli.gateway_client import ask

_LOOK_SECONDS = 0.5


def add_watch(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that have a change taken back where it does harm."""
    parser.add_argument(
        "--watch", metavar="TIME", help="take it back where errors or latency jump within this time, such as 2m"
    )
    parser.add_argument("--max-errors", metavar="SHARE", help="requests that may fail meanwhile; default: 5%%")
    parser.add_argument("--max-latency", metavar="TIMES", help="how many times the mean from before, such as 2x")
    parser.add_argument("--wait", action="store_true", help="wait for what becomes of a change that is watched")


def told_of_watch(options: argparse.Namespace, watch: Mapping[str, Any]) -> int:
    """Say that a change is watched or, where that is waited for, what has become of it; fails where it did harm."""
    if not options.wait:
        routes = watch["routes"]
        of = "all routes" if routes is None else ", ".join(routes) or "no route"
        print(f"it is watched for {options.watch}, by what becomes of {of}")
        return FINE
    while watch["state"] == "watching":
        time.sleep(_LOOK_SECONDS)
        answer = granted(ask(options, "GET", "/api/v1/watches"))
        found = [one for one in answer["items"] if one["revision"] == watch["revision"]]
        if not found:
            complain("the gateway was started anew and no longer knows of the watch")
            return FAILED
        watch = found[0]
    if watch["state"] == "kept":
        print(f"it is kept: nothing jumped within {options.watch}")
        return FINE
    complain(f"revision {watch['revision']} is {watch['state']}: {watch['reason']}")
    return FAILED
