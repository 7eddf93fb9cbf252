"""`penstock restore`: lets a gateway that does not run begin with what a backup holds."""

import argparse
import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.cli.colours import complain
from penstock.cli.command import FAILED, FINE, Command
from penstock.cli.etcd_options import add_etcd, etcd_access
from penstock.cli.gateway_client import NoGateway, add_gateway, place_of
from penstock.cli.progress import progress

if TYPE_CHECKING:
    from penstock.store.etcd import Access


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and the file."""
    add_gateway(parser)
    add_etcd(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="file that `penstock backup` has written")
    parser.add_argument(
        "--dry-run", action="store_true", help="read the whole file, say what it holds, restore nothing"
    )
    parser.add_argument("--replace", action="store_true", help="set aside the history that is there")


def run(options: argparse.Namespace) -> int:
    """Restore; what is there already is left as it is, or set aside."""
    from penstock.runtime.state_folder import Owned, Unusable
    from penstock.store import Conflict, Damaged, Unavailable

    try:
        if options.dry_run:
            return _look(options.file)
        access = etcd_access(options)
        with progress("the history is restored"):
            return _restore_into(access, options) if access else _restore_here(options)
    except Damaged as problem:
        return _failed(f"{options.file}: {problem}")
    except (NoGateway, Owned, Unusable, Conflict, Unavailable, ValueError) as problem:
        return _failed(str(problem))
    except OSError as problem:
        return _failed(f"{options.file}: {(problem.strerror or str(problem)).lower()}")


def _look(path: Path) -> int:
    """Say what a backup holds; damage is found as it is when it is restored."""
    from penstock.store.archive import read_archive

    with path.open("rb") as opened:
        archive = read_archive(opened)
    heads = archive.heads
    print(
        f"{path} is whole: revisions {heads[0].revision} to {heads[-1].revision}" if heads else f"{path} holds nothing"
    )
    return FINE


def _restore_here(options: argparse.Namespace) -> int:
    from penstock.runtime.state_folder import StateFolder

    folder = StateFolder(place_of(options))
    folder.create()
    lock = folder.lock()
    try:
        return _restore(options, folder.store)
    finally:
        os.close(lock)


def _restore_into(access: "Access", options: argparse.Namespace) -> int:
    from penstock.store.archive import read_archive
    from penstock.store.etcd import open_etcd_store

    async def restore() -> int:
        store = await open_etcd_store(access)
        try:
            return await store.restore(archive)
        finally:
            await store.close()

    with options.file.open("rb") as opened:
        archive = read_archive(opened)
    print(f"revision {asyncio.run(restore())} is restored; nodes that run a later one ask for `penstock confirm`")
    return FINE


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
    complain(message)
    return FAILED


COMMAND = Command(add_options, run)
