"""`penstock backup`: the whole history of a gateway in one file."""

import argparse
import os
from pathlib import Path

from penstock.cli.colours import complain
from penstock.cli.command import FAILED, FINE, Command
from penstock.cli.etcd_options import add_etcd
from penstock.cli.gateway_client import NoGateway, add_gateway
from penstock.cli.progress import progress
from penstock.cli.stored import read_store
from penstock.store import Store, TreeStore


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and the file."""
    add_gateway(parser)
    add_etcd(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="file to write; one that is there is not replaced")


def run(options: argparse.Namespace) -> int:
    """Write what is kept at this moment, whether the gateway runs or not."""
    beside = options.file.with_name(f".{options.file.name}.{os.getpid()}")

    async def read(store: Store) -> int:
        assert isinstance(store, TreeStore)  # noqa: S101 - every store in a file is one
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            revision = await store.backup(opened)
            opened.flush()
            os.fsync(descriptor)
        return revision

    try:
        with progress("the history is written", lambda: _written(beside)):
            revision = read_store(options, read)
        # Not replaced: a link fails where there is something, and what it makes is whole.
        os.link(beside, options.file)
    except NoGateway as problem:
        return _failed(str(problem))
    except OSError as problem:
        return _failed(f"{options.file}: {(problem.strerror or str(problem)).lower()}")
    finally:
        beside.unlink(missing_ok=True)
    print(f"{options.file} holds all that is kept up to revision {revision}")
    return FINE


def _written(path: Path) -> str:
    """How much of it is there."""
    try:
        return f"{path.stat().st_size // 1024:,} KiB"
    except OSError:
        return ""


def _failed(message: str) -> int:
    complain(message)
    return FAILED


COMMAND = Command(add_options, run)
