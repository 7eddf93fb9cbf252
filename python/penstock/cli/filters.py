"""`penstock filters`: the catalogue of filters, and the page of each."""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from penstock.base.names import did_you_mean
from penstock.cli.colours import complain
from penstock.cli.command import DIFFERENT, FINE, Command
from penstock.cli.output import add_output, show
from penstock.cli.page import fields_page
from penstock.filters.catalogue import Catalogue, FilterKind
from penstock.filters.native import native_catalogue


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which filter, if only one, and the form of the output."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="filter whose page is printed")
    parser.add_argument(
        "-c",
        "--configuration",
        type=Path,
        metavar="FILE|DIR",
        help="configuration whose plugins' filters are listed too",
    )
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Print the list of filters, or the manual page of one."""
    kinds = _catalogue(options.configuration).kinds
    if options.name is None:
        chosen = sorted(kinds.values(), key=lambda kind: kind.name)
        show(options, [_described(kind) for kind in chosen], lambda: [_table(chosen)])
        return FINE
    kind = kinds.get(options.name)
    if kind is None:
        hint = did_you_mean(options.name, kinds) or "`penstock filters` lists them"
        complain(f"no filter is called {options.name}; {hint}")
        return DIFFERENT
    show(options, _described(kind), lambda: [_page(kind)])
    return FINE


def _catalogue(configuration: Path | None) -> Catalogue:
    if configuration is None:
        return native_catalogue()
    from penstock.filters.plugins import plugin_catalogue
    from penstock.model.loading import load_texts
    from penstock.store.files import environment, read_texts

    loaded = load_texts(read_texts(configuration)[0], environment())
    catalogue = plugin_catalogue(native_catalogue(), loaded.resources)
    for plugin in catalogue.plugins.values():
        for problem in plugin.problems:
            print(problem, file=sys.stderr)
    return catalogue


def _described(kind: FilterKind) -> dict[str, object]:
    return asdict(kind)


def _table(kinds: Iterable[FilterKind]) -> str:
    rows = [(kind.name, kind.summary) for kind in kinds]
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"{name:<{width}}  {summary}" for name, summary in rows)


def _page(kind: FilterKind) -> str:
    is_told = "Results:" in kind.page
    results = f"Results: {', '.join(kind.results)}" if kind.results and not is_told else ""
    settings = fields_page("Settings", kind.schema)
    return "\n\n".join(
        text for text in (kind.name, kind.page.strip(), results, settings, f"Source: {kind.source}") if text
    )


COMMAND = Command(add_options, run)
