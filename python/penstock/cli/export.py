"""`penstock export`: the resources of a revision as a configuration that `penstock run -c` takes."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import yaml

from penstock.cli.command import FINE, Command, Stopped
from penstock.cli.etcd_options import add_etcd
from penstock.cli.gateway_client import add_gateway, add_store_key
from penstock.cli.output import JSON, YAML, add_document, print_data
from penstock.cli.stored import is_shown, read_store, revision
from penstock.store import Snapshot, Store


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, which revision, and the form of the output."""
    add_gateway(parser)
    add_store_key(parser)
    add_etcd(parser)
    parser.add_argument("revision", type=revision, nargs="?", metavar="REVISION", help="default: the latest")
    parser.add_argument("--archives", type=Path, metavar="DIR", help="write the archives of plugins there, for `push`")
    add_document(parser, YAML)


def run(options: argparse.Namespace) -> int:
    """Print the resources, secrets among them: what is printed can be run."""
    from penstock.runtime.change.entries import ARCHIVES, read_order

    archives: dict[str, bytes] = {}

    async def read(store: Store) -> Snapshot:
        found = await (store.range() if options.revision is None else store.at(options.revision))
        for key, entry in found.entries.items():
            if options.archives and key.startswith(ARCHIVES):
                archives[key.removeprefix(ARCHIVES)] = await store.attachment(entry)
        return found

    snapshot = read_store(options, read)
    _write_archives(options.archives, archives)
    # The older of two equal routes serves: the order is that of the files, and then of age.
    keys = dict.fromkeys(key for key in read_order(snapshot) if key in snapshot.entries)
    others = sorted(snapshot.entries.keys() - keys.keys(), key=lambda key: (snapshot.entries[key].created, key))
    found = [json.loads(snapshot.entries[key].value) for key in (*keys, *others) if is_shown(key)]
    if options.output == JSON:
        print_data(found, JSON)
    else:
        print(yaml.safe_dump_all(found, sort_keys=False, allow_unicode=True), end="")
    return FINE


def _write_archives(folder: Path | None, archives: Mapping[str, bytes]) -> None:
    try:
        for name, content in archives.items():
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{name}.zip").write_bytes(content)
    except OSError as problem:
        raise Stopped(f"{folder}: {(problem.strerror or str(problem)).lower()}") from None


COMMAND = Command(add_options, run)
