"""`penstock login`: comes in with a password or by a provider, and keeps the token that is good for a while."""

import argparse
from dataclasses import replace
from pathlib import Path

from penstock.cli.access_words import name
from penstock.cli.answers import granted, is_refused
from penstock.cli.browser_login import come_in_by_browser
from penstock.cli.colours import complain
from penstock.cli.command import DIFFERENT, FAILED, FINE, Command
from penstock.cli.contexts import Contexts, contexts_file, read_contexts
from penstock.cli.gateway_address import Address, NoGateway
from penstock.cli.gateway_client import exchange
from penstock.cli.user import password

_PATH = "/api/v1/session"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where, and as whom."""
    parser.add_argument("--context", metavar="NAME", help="the context to come in to; default: the one in use")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--user", type=name, metavar="NAME", help="name of the user, whose password is asked for")
    which.add_argument("--provider", type=name, metavar="NAME", help="OpenID provider to come in by, with a browser")
    parser.add_argument(
        "--password-file", type=Path, metavar="FILE", help="read the password there; - for standard input"
    )


def run(options: argparse.Namespace) -> int:
    """Come in, and let the context use the token from now on."""
    try:
        contexts = read_contexts()
        chosen = options.context or contexts.current
        if not chosen:
            complain("no context is in use; `penstock context add` makes one")
            return DIFFERENT
        address = replace(contexts.named(chosen), token_file="").address()
        if options.provider:
            answer = come_in_by_browser(address, options.provider)
        else:
            sent = {"name": options.user, "password": password(options.password_file)}
            answer = exchange(address, "POST", f"{_PATH}?form=token", sent)
        kept = keep_token(contexts, chosen, str(granted(answer)["token"]))
    except (NoGateway, OSError, UnicodeDecodeError) as problem:
        complain(problem)
        return FAILED
    print(f"{answer['name']} has come in to {chosen}; the token is in {kept}")
    return FINE


def keep_token(contexts: Contexts, chosen: str, token: str) -> Path:
    """Keep a token for a context, where nobody else can read it.

    Raises: OSError.
    """
    from penstock.base.durable_files import write_atomically

    path = contexts_file().parent / f"{chosen}.session"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(path, f"{token}\n".encode())
    known = {**contexts.known, chosen: replace(contexts.named(chosen), token_file=str(path))}
    Contexts(known, contexts.current).write()
    return path


def end_session(address: Address) -> bool:
    """End the session that an address has the token of; whether there was one.

    Raises: NoGateway.
    """
    return not is_refused(exchange(address, "DELETE", _PATH))


COMMAND = Command(add_options, run)
