"""`penstock user`: makes, lists and deletes the people who may come in with a password."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penstock.cli.access_words import add_rights, listing_word, naming_word, rights
from penstock.cli.asking import asking
from penstock.cli.colours import complain
from penstock.cli.command import FAILED, Command
from penstock.cli.table import table

_PATH = "/api/v1/users"


def add_options(parser: argparse.ArgumentParser) -> None:
    """What to do with users."""
    words = parser.add_subparsers(dest="word", required=True, metavar="set|list|delete")
    setting = naming_word(words, "set", "make or change a user; the password is asked for")
    add_rights(setting)
    which = setting.add_mutually_exclusive_group()
    which.add_argument(
        "--password-file", type=Path, metavar="FILE", help="read the password there; - for standard input"
    )
    which.add_argument("--keep-password", action="store_true", help="leave the password as it is")
    setting.add_argument("--disabled", action="store_true", help="let the user not come in")
    listing_word(words, "users")
    naming_word(words, "delete", "delete a user, whose sessions end")


def run(options: argparse.Namespace) -> int:
    """Do it."""
    if options.word == "list":
        return asking(options, "GET", _PATH, _lines)
    path = f"{_PATH}/{options.name}"
    if options.word == "delete":
        return asking(options, "DELETE", path, lambda _: [f"user {options.name} is deleted"])
    sent = {**rights(options), "enabled": not options.disabled}
    if not options.keep_password:
        try:
            sent["password"] = password(options.password_file)
        except (OSError, UnicodeDecodeError) as problem:
            complain(f"the password: {problem}")
            return FAILED
    return asking(options, "PUT", path, lambda _: [f"user {options.name} is kept"], sent)


def password(file: Path | None) -> str:
    """A password, from a file, or from the terminal where nobody sees it.

    Raises: OSError, UnicodeDecodeError.
    """
    if file is None:
        from getpass import getpass

        return getpass("Password: ")
    text = sys.stdin.readline() if str(file) == "-" else file.read_text()
    return text.removesuffix("\n").removesuffix("\r")


def _lines(answer: Any) -> Iterator[str]:
    rows = [
        (one["name"], one["role"], one["namespace"] or "-", "yes" if one["enabled"] else "no")
        for one in answer["items"]
    ]
    return table(("USER", "ROLE", "NAMESPACE", "ENABLED"), rows)


COMMAND = Command(add_options, run)
