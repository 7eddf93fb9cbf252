"""Asks a running gateway to give way, over the socket that is there for it."""

import argparse
import json
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any

from penstock.cli.colours import tell_problem
from penstock.cli.command import FAILED, FINE
from penstock.cli.gateway_client import NoGateway, place_of
from penstock.cli.output import is_for_programs, print_data

_SECONDS = 200.0
"""Longer than a gateway waits for its successor."""
_LENGTH = struct.Struct("!I")


def ask_door(options: argparse.Namespace, wish: Mapping[str, Any]) -> dict[str, Any]:
    """What came of a wish that the gateway gives way: `problems`, or who serves now.

    Raises: NoGateway.
    """
    from penstock.runtime.state_folder import StateFolder
    from penstock.runtime.upgrade.message import UPGRADE

    place = StateFolder(place_of(options)).upgrade_socket
    question = json.dumps({"type": UPGRADE, **wish}).encode()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
            stream.settimeout(_SECONDS)
            stream.connect(str(place))
            stream.sendall(_LENGTH.pack(len(question)) + question)
            with stream.makefile("rb") as answered:
                found: dict[str, Any] = json.loads(answered.read()[_LENGTH.size :])
                return found
    except OSError as problem:
        raise NoGateway(f"no gateway answers at {place}: {(problem.strerror or str(problem)).lower()}") from None
    except ValueError:
        raise NoGateway(f"{place}: the gateway has ended without an answer; its log says more") from None


def told_of_door(
    options: argparse.Namespace, answer: Mapping[str, Any], done: Callable[[Mapping[str, Any]], str]
) -> int:
    """Print what came of a wish; gives the exit code."""
    problems = answer["problems"]
    if is_for_programs(options):
        print_data(answer, options.output)
    elif problems:
        for problem in problems:
            tell_problem(problem)
        print("nothing has changed: the gateway goes on as it was", file=sys.stderr)
    else:
        print(done(answer))
    return FAILED if problems else FINE
