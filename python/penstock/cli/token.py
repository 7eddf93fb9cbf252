"""`penstock token`: makes, lists and revokes the tokens of programs."""

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from penstock.cli.access_words import add_rights, listing_word, naming_word, rights, when
from penstock.cli.asking import asking
from penstock.cli.command import Command
from penstock.cli.output import add_output
from penstock.cli.table import table

_PATH = "/api/v1/tokens"


def add_options(parser: argparse.ArgumentParser) -> None:
    """What to do with tokens."""
    words = parser.add_subparsers(dest="word", required=True, metavar="create|list|revoke")
    making = naming_word(words, "create", "make a token, which is printed this once")
    add_rights(making)
    making.add_argument("--expires", metavar="TIME", help="time for which it is good, as 720h; default: until revoked")
    add_output(making)
    listing_word(words, "tokens, and when each was used last")
    naming_word(words, "revoke", "make a token good for nothing, at once")


def run(options: argparse.Namespace) -> int:
    """Do it."""
    if options.word == "create":
        wanted = {"name": options.name, **rights(options)} | (
            {"expires_in": options.expires} if options.expires else {}
        )
        return asking(options, "POST", _PATH, _made, wanted)
    if options.word == "revoke":
        return asking(options, "DELETE", f"{_PATH}/{options.name}", lambda _: [f"token {options.name} is revoked"])
    return asking(options, "GET", _PATH, _lines)


def _made(answer: Any) -> Iterator[str]:
    # The token alone goes where a file or another program may take it.
    print(f"token {answer['name']}, shown only this time:", file=sys.stderr)
    yield str(answer["token"])


def _lines(answer: Any) -> Iterator[str]:
    header = ("TOKEN", "ROLE", "NAMESPACE", "EXPIRES", "LAST USED")
    rows = [
        (
            one["name"],
            one["role"],
            one["namespace"] or "-",
            when(one["expires"]) + (" (ended)" if one["has_expired"] else ""),
            when(one["last_used"]),
        )
        for one in answer["items"]
    ]
    return table(header, rows)


COMMAND = Command(add_options, run)
