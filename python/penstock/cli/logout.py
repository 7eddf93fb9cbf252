"""`penstock logout`: ends the session that `penstock login` began."""

import argparse
from pathlib import Path

from penstock.cli.colours import complain
from penstock.cli.command import FAILED, FINE, Command
from penstock.cli.contexts import contexts_file, read_contexts
from penstock.cli.gateway_address import NoGateway
from penstock.cli.login import end_session


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where."""
    parser.add_argument("--context", metavar="NAME", help="the context to leave; default: the one in use")


def run(options: argparse.Namespace) -> int:
    """Let the gateway forget the session, and forget its token."""
    try:
        contexts = read_contexts()
        chosen = options.context or contexts.current
        ended = end_session(contexts.named(chosen).address())
        own = contexts_file().parent / f"{chosen}.session"
        if Path(contexts.named(chosen).token_file).expanduser() == own:
            own.unlink(missing_ok=True)
    except (NoGateway, OSError) as problem:
        complain(problem)
        return FAILED
    print(f"the session at {chosen} has ended" if ended else f"there was no session at {chosen}")
    return FINE


COMMAND = Command(add_options, run)
