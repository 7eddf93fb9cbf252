"""`penstock context`: names for gateways that are elsewhere, and which of them is meant."""

import argparse
from dataclasses import asdict
from pathlib import Path

from penstock.base.names import check_name
from penstock.cli.colours import complain
from penstock.cli.command import DIFFERENT, FAILED, FINE, Command, add_word
from penstock.cli.contexts import Context, Contexts, contexts_file, read_contexts
from penstock.cli.gateway_address import NoGateway, checked_server
from penstock.cli.output import add_output, show


def add_options(parser: argparse.ArgumentParser) -> None:
    """What to do with contexts."""
    words = parser.add_subparsers(dest="word", required=True, metavar="list|use|add|remove")
    listing = add_word(words, "list", "list them; a star marks the one in use")
    add_output(listing)
    for word, told in (("use", "mean this one from now on"), ("remove", "forget one")):
        add_word(words, word, told).add_argument("name", type=_name, metavar="NAME", help="its name")
    adding = add_word(words, "add", "give a gateway a name")
    adding.add_argument("name", type=_name, metavar="NAME", help="its name")
    adding.add_argument(
        "--server", type=_server, required=True, metavar="URL", help="as https://gateway.example.com:9700"
    )
    adding.add_argument("--token-file", type=Path, metavar="FILE", help="the token; mode 0600")
    adding.add_argument(
        "--authority", type=Path, metavar="FILE", help="certificates that may have signed the gateway's"
    )
    adding.add_argument("--certificate", type=Path, metavar="FILE", help="certificate to show, where it asks for one")
    adding.add_argument("--key", type=Path, metavar="FILE", help="key of the certificate")


def run(options: argparse.Namespace) -> int:
    """Do it; adding the first one uses it too."""
    try:
        contexts = read_contexts()
        if options.word == "list":
            return _list(contexts, options)
        if options.word != "add":
            contexts.named(options.name)
        contexts = _CHANGES[options.word](contexts, options)
        contexts.write()
    except NoGateway as problem:
        complain(problem)
        return DIFFERENT
    except OSError as problem:
        complain(f"{contexts_file()}: {problem.strerror or problem}")
        return FAILED
    print(f"context {contexts.current} is in use" if contexts.current else "no context is in use")
    return FINE


def _list(contexts: Contexts, options: argparse.Namespace) -> int:
    told = [{"name": name, "current": name == contexts.current, **asdict(one)} for name, one in contexts.known.items()]
    from penstock.cli.table import table

    rows = [(f"{'*' if name == contexts.current else ' '} {name}", one.server) for name, one in contexts.known.items()]
    show(options, told, lambda: table(("  NAME", "SERVER"), rows))
    return FINE


def _use(contexts: Contexts, options: argparse.Namespace) -> Contexts:
    return contexts.using(options.name)


def _add(contexts: Contexts, options: argparse.Namespace) -> Contexts:
    files = {
        name: str(given.expanduser().absolute()) if (given := getattr(options, name)) else ""
        for name in ("token_file", "authority", "certificate", "key")
    }
    known = {**contexts.known, options.name: Context(options.server, **files)}
    return Contexts(known, contexts.current or options.name)


def _remove(contexts: Contexts, options: argparse.Namespace) -> Contexts:
    known = {name: one for name, one in contexts.known.items() if name != options.name}
    return Contexts(known, "" if contexts.current == options.name else contexts.current)


def _name(text: str) -> str:
    try:
        return check_name(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _server(text: str) -> str:
    try:
        return checked_server(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


_CHANGES = {"use": _use, "add": _add, "remove": _remove}
COMMAND = Command(add_options, run)
