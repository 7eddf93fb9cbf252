"""`penstock kinds`: the kinds of resources that a configuration is made of, and the page of each."""

import argparse
import sys
from textwrap import dedent

from penstock.base.names import did_you_mean
from penstock.cli.command import DIFFERENT, FINE, Command
from penstock.cli.page import fields_page
from penstock.model import KINDS
from penstock.model.schema import kind_schema


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which kind, if only one."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="kind whose page is printed")


def run(options: argparse.Namespace) -> int:
    """Print the list of kinds, or the page of one."""
    if options.name is None:
        width = max(map(len, KINDS))
        print(*(f"{name:<{width}}  {_described(name).splitlines()[0]}" for name in KINDS), sep="\n")
        return FINE
    if options.name not in KINDS:
        hint = did_you_mean(options.name, KINDS) or "`penstock kinds` lists them"
        print(f"penstock: no kind of resource is called {options.name}; {hint}", file=sys.stderr)
        return DIFFERENT
    print(page(options.name))
    return FINE


def page(name: str) -> str:
    """All that is to be known of a kind: what it is, an example, its fields."""
    example = dedent(KINDS[name].example).strip()
    return "\n\n".join([name, _described(name), example, fields_page("Fields", kind_schema(KINDS[name]))])


def _described(name: str) -> str:
    return str(kind_schema(KINDS[name]).get("description", "")).strip()


COMMAND = Command(add_options, run)
