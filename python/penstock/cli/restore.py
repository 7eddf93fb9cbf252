"""`penstock restore`: lets a gateway that does not run begin with what a backup holds."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from penstock.cli.command import FAILED, FINE, Command
from penstock.cli.gateway_client import NoGateway, add_gateway, place_of


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and the file."""
    add_gateway(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="file that `penstock backup` has written")
    parser.add_argument("--replace", action="store_true", help="set aside the history that is there")


def run(options: argparse.Namespace) -> int:
    """Restore; what is there already is left as it is, or set aside."""
    from penstock.runtime.state_folder import Owned, StateFolder, Unusable
    from penstock.store import Damaged, Unavailable

    try:
        folder = StateFolder(place_of(options))
        folder.create()
        lock = folder.lock()
    except (NoGateway, Owned, Unusable) as problem:
        return _failed(str(problem))
    try:
        return _restore(options, folder.store)
    except (Damaged, Unavailable) as problem:
        return _failed(str(problem))
    except OSError as problem:
        return _failed(f"{options.file}: {(problem.strerror or str(problem)).lower()}")
    finally:
        os.close(lock)


def _restore(options: argparse.Namespace, path: Path) -> int:
    from penstock.runtime.change.opening import set_aside
    from penstock.store.archive import Archive, read_archive
    from penstock.store.sqlite import open_sqlite_store

    async def restore(archive: Archive) -> int:
        store = await open_sqlite_store(path)
        try:
            return await store.restore(archive)
        finally:
            await store.close()

    with options.file.open("rb") as opened:
        archive = read_archive(opened)
    if path.exists():
        if not options.replace:
            return _failed(f"{path} holds a history; --replace sets it aside")
        print(f"what was there is kept as {set_aside(path, 'replaced')}")
    print(f"revision {asyncio.run(restore(archive))} is restored; the gateway begins with it when it starts")
    return FINE


def _failed(message: str) -> int:
    print(f"penstock: {message}", file=sys.stderr)
    return FAILED


COMMAND = Command(add_options, run)
