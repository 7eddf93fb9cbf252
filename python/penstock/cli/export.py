"""`penstock export`: the resources of a revision as a configuration that `penstock run -c` takes."""

import argparse
import json
import sys

import yaml

from penstock.cli.command import FAILED, FINE, Command, add_output
from penstock.cli.gateway_client import NoGateway, add_gateway, add_store_key
from penstock.cli.stored import is_shown, read_store, revision
from penstock.store import Snapshot, Store


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, which revision, and the form of the output."""
    add_gateway(parser)
    add_store_key(parser)
    parser.add_argument("revision", type=revision, nargs="?", metavar="REVISION", help="default: the latest")
    add_output(parser, "yaml", "json")


def run(options: argparse.Namespace) -> int:
    """Print the resources, secrets among them: what is printed can be run."""
    from penstock.runtime.change.entries import read_order

    async def read(store: Store) -> Snapshot:
        return await (store.range() if options.revision is None else store.at(options.revision))

    try:
        snapshot = read_store(options, read)
    except NoGateway as problem:
        print(f"penstock: {problem}", file=sys.stderr)
        return FAILED
    # The older of two equal routes serves: the order is that of the files, and then of age.
    keys = dict.fromkeys(key for key in read_order(snapshot) if key in snapshot.entries)
    others = sorted(snapshot.entries.keys() - keys.keys(), key=lambda key: (snapshot.entries[key].created, key))
    found = [json.loads(snapshot.entries[key].value) for key in (*keys, *others) if is_shown(key)]
    if options.output == "json":
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        print(yaml.safe_dump_all(found, sort_keys=False, allow_unicode=True), end="")
    return FINE


COMMAND = Command(add_options, run)
