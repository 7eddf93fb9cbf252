"""`penstock kinds`: the kinds of resources that a configuration is made of, and the page of each."""

import argparse
from textwrap import dedent

from penstock.base.names import did_you_mean
from penstock.cli.colours import complain
from penstock.cli.command import DIFFERENT, FINE, Command
from penstock.cli.output import add_output, show
from penstock.cli.page import fields_page
from penstock.model import KINDS
from penstock.model.schema import kind_schema


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which kind, if only one."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="kind whose page is printed")
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Print the list of kinds, or the page of one."""
    if options.name is None:
        summaries = {name: _described(name).splitlines()[0] for name in KINDS}
        width = max(map(len, KINDS))
        told = [{"name": name, "summary": summary} for name, summary in summaries.items()]
        show(options, told, lambda: (f"{name:<{width}}  {summary}" for name, summary in summaries.items()))
        return FINE
    if options.name not in KINDS:
        complain(f"no kind of resource is called {options.name}; {_hint(options.name)}")
        return DIFFERENT
    kind = KINDS[options.name]
    described = {"name": options.name, "page": _described(options.name), "schema": kind_schema(kind)}
    show(options, described, lambda: [page(options.name)])
    return FINE


def _hint(name: str) -> str:
    return did_you_mean(name, KINDS) or "`penstock kinds` lists them"


def page(name: str) -> str:
    """All that is to be known of a kind: what it is, an example, its fields."""
    example = dedent(KINDS[name].example).strip()
    return "\n\n".join([name, _described(name), example, fields_page("Fields", kind_schema(KINDS[name]))])


def _described(name: str) -> str:
    return str(kind_schema(KINDS[name]).get("description", "")).strip()


COMMAND = Command(add_options, run)
