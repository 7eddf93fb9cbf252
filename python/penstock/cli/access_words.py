"""What the commands share that manage who may do what."""

import argparse
import time
from typing import TypeAlias

from penstock.base.names import check_name
from penstock.cli.command import add_word
from penstock.cli.gateway_client import add_gateway
from penstock.cli.output import add_output

Words: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no other name


def listing_word(words: Words, what: str) -> None:
    """Adds `list`."""
    parser = add_word(words, "list", f"list {what}")
    add_gateway(parser)
    add_output(parser)


def naming_word(words: Words, word: str, told: str) -> argparse.ArgumentParser:
    """Adds a word that is followed by a name."""
    parser = add_word(words, word, told)
    parser.add_argument("name", type=name, metavar="NAME", help="its name")
    add_gateway(parser)
    return parser


def add_rights(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say what somebody may do."""
    parser.add_argument("--role", type=name, required=True, metavar="ROLE", help="viewer, operator, admin or your own")
    parser.add_argument("--namespace", type=name, metavar="NAME", help="namespace to be kept within; default: none")
    parser.add_argument("--description", default="", metavar="TEXT", help="whose it is, and what for")


def rights(options: argparse.Namespace) -> dict[str, object]:
    """What these flags say."""
    return {"role": options.role, "namespace": options.namespace, "description": options.description}


def name(text: str) -> str:
    """A name.

    Raises: argparse.ArgumentTypeError.
    """
    try:
        return check_name(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def when(seconds: float | None) -> str:
    """A moment, in UTC; `-` for none."""
    return "-" if seconds is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
