"""`penstock get`: the resources of a running gateway, or one of them."""

import argparse
from collections.abc import Iterator, Sequence

from penstock.cli.colours import complain
from penstock.cli.command import DIFFERENT, FINE, Command
from penstock.cli.gateway_client import add_gateway
from penstock.cli.inventory import Item, add_files, get_item, key_of, list_items
from penstock.cli.output import YAML, add_output, is_wide, print_data, show
from penstock.cli.table import table


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, which resources, and the form of the output."""
    add_gateway(parser)
    add_files(parser)
    parser.add_argument("what", nargs="?", default="", metavar="KIND|KIND/NAME", help="as routes, or route/api")
    parser.add_argument("-l", "--labels", default="", metavar="LABELS", help="as team=shop,!old: with these labels")
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Print resources with their owners; what is secret stays so."""
    is_one = "/" in options.what
    try:
        items = [get_item(options, options.what)] if is_one else list_items(options, options.what, options.labels)
    except ValueError as problem:
        complain(problem)
        return DIFFERENT
    if options.output == YAML and not is_one:
        # As a configuration has them, each is a document.
        for item in items:
            print("---")
            print_data(item, YAML)
    else:
        show(options, items[0] if is_one else items, lambda: _lines(items, is_wide=is_wide(options)))
    return FINE


def _lines(items: Sequence[Item], *, is_wide: bool) -> Iterator[str]:
    return table(_WIDE if is_wide else _HEADER, [_row(item, is_wide=is_wide) for item in items])


_HEADER = ("RESOURCE", "OWNER", "REVISION", "LABELS")
_WIDE = (*_HEADER, "CREATED", "ENABLED")


def _row(item: Item, *, is_wide: bool) -> tuple[str, ...]:
    labels = ",".join(f"{name}={value}" for name, value in (item.get("labels") or {}).items())
    status = item.get("status")
    told = (status["owner"], f"r{status['revision']}") if status else ("-", "-")
    more = (f"r{status['created']}" if status else "-", "yes" if item.get("enabled", True) else "no")
    return (key_of(item), *told, labels, *(more if is_wide else ()))


COMMAND = Command(add_options, run)
