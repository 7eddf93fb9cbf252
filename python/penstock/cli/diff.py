"""`penstock diff`: what tells two revisions apart, or files and what runs."""

import argparse
import difflib
import json
from pathlib import Path

from penstock.cli.colours import complain, print_difference
from penstock.cli.command import DIFFERENT, FINE, Command
from penstock.cli.etcd_options import add_etcd
from penstock.cli.gateway_client import add_gateway, add_store_key
from penstock.cli.inventory import Item, items_of_files, key_of, list_items
from penstock.cli.output import add_output, is_for_programs, print_data
from penstock.cli.revisions import revisions_compared
from penstock.cli.stored import revision

_MOST_FILES = 2


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and which revisions."""
    add_gateway(parser)
    add_store_key(parser)
    add_etcd(parser)
    parser.add_argument(
        "-f",
        "--file",
        type=Path,
        action="append",
        metavar="FILE|DIR",
        help="the new files; given again, those they are compared with; default: what runs",
    )
    parser.add_argument("before", type=revision, nargs="?", metavar="REVISION", help="the earlier one, as 41 or r41")
    parser.add_argument(
        "after", type=revision, nargs="?", metavar="REVISION", help="the later one; default: the latest"
    )
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Print what differs, without secrets; exit code 2 if anything does."""
    if len(options.file or ()) > _MOST_FILES or (options.file is None) == (options.before is None):
        complain("name a revision, or files by -f, once or twice")
        return DIFFERENT
    found = _files(options) if options.file else revisions_compared(options, options.before, options.after)
    if is_for_programs(options):
        print_data({"changes": found}, options.output)
    else:
        print_difference(line for one in found for line in one["diff"].splitlines())
    return DIFFERENT if found else FINE


def _files(options: argparse.Namespace) -> list[Item]:
    """What files hold that does not run like that, or is not in the other files."""
    new, *others = options.file
    wanted = {key_of(one): one for one in items_of_files(new)}
    options.file = None
    before = {key_of(one): one for one in (items_of_files(others[0]) if others else list_items(options))}
    # What runs beside the files is somebody else's; of other files, all that is there is compared.
    keys = sorted(wanted.keys() | before.keys() if others else wanted)
    return [told for key in keys if (told := _difference(key, before.get(key), wanted.get(key)))]


def _difference(key: str, before: Item | None, after: Item | None) -> Item | None:
    old, new = ([] if one is None else _text(one) for one in (before, after))
    action = "create" if before is None else "delete" if after is None else "replace"
    lines = [f"{line}\n" for line in difflib.unified_diff(old, new, key, key, lineterm="", n=2)]
    return {"key": key, "action": action, "diff": "".join(lines)} if lines else None


def _text(item: Item) -> list[str]:
    shown = {name: value for name, value in sorted(item.items()) if name != "status"}
    return json.dumps(shown, indent=2, ensure_ascii=False).splitlines()


COMMAND = Command(add_options, run)
