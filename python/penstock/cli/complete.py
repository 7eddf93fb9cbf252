"""`penstock _complete`: the words that may stand where somebody is writing, for shells."""

import argparse
import contextlib
from collections.abc import Iterator, Sequence

from penstock.cli.command import FINE, Command
from penstock.cli.commands import COMMANDS, load_command

_RESOURCE = "KIND/NAME"
_KIND = "KIND|KIND/NAME"
_LOCAL = {"kinds", "filters"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The words behind `penstock`, the last of them unfinished."""
    parser.add_argument("written", nargs=argparse.REMAINDER, metavar="WORD")


def run(options: argparse.Namespace) -> int:
    """Print them, one a line."""
    words = options.written or [""]
    found = sorted({one for one in _candidates(words[:-1], words[-1]) if one.startswith(words[-1])})
    print(*found, sep="\n", end="\n" if found else "")
    return FINE


def _candidates(before: Sequence[str], begun: str) -> Iterator[str]:
    if not before:
        yield from (name for name, summary in COMMANDS.items() if summary)
        return
    if before[0] not in COMMANDS:
        return
    parser = argparse.ArgumentParser(add_help=False)
    load_command(before[0]).add_options(parser)
    actions = [one for one in parser._actions if one.help is not argparse.SUPPRESS]  # noqa: SLF001 - no other way to ask
    flags = {flag: one for one in actions for flag in one.option_strings}
    asking = flags.get(before[-1])
    if asking is not None and asking.nargs != 0:
        yield from map(str, asking.choices or ())
    elif begun.startswith("-"):
        yield from flags
    else:
        for one in actions:
            if not one.option_strings:
                yield from map(str, one.choices or ())
                yield from _named(one.metavar, before)


def _named(metavar: object, before: Sequence[str]) -> Iterator[str]:
    """The names that a word of a command may be."""
    if metavar == "NAME" and before[0] in _LOCAL:
        yield from _catalogued(before[0])
    elif metavar in {_RESOURCE, _KIND}:
        from penstock.cli.inventory import key_of, list_items

        keys: list[str] = []
        parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
        load_command(before[0]).add_options(parser)
        # A gateway that does not answer leaves nothing to complete, and says nothing.
        with contextlib.suppress(Exception, SystemExit):
            options, _ = parser.parse_known_args([*before[1:], "route/a"])
            options.file = getattr(options, "file", None)
            keys = [key_of(one) for one in list_items(options)]
        yield from keys
        if metavar == _KIND:
            yield from {f"{key.partition('/')[0]}s" for key in keys}


def _catalogued(command: str) -> Iterator[str]:
    from penstock.filters.native import native_catalogue
    from penstock.model.kinds import KINDS

    yield from KINDS if command == "kinds" else native_catalogue().kinds


COMMAND = Command(add_options, run)
