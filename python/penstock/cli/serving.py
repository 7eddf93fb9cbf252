"""What the commands share that start a gateway: their flags, and the run itself."""

import argparse
import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.cli.command import FAILED, FINE
from penstock.cli.gateway_client import store_key

if TYPE_CHECKING:
    from penstock.runtime.launch import Launch
    from penstock.runtime.supervisor import Supervisor

_MOST_WORKERS = 64
"""As many as the shared table has columns for."""
_LEAST_PATIENCE_SECONDS = 1.0
"""A few beats at least: shorter, a busy machine would be taken for a worker that stands still."""
_MOST_PATIENCE_SECONDS = 3600.0
_OFF = "off"


def add_process_options(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of a gateway process."""
    cores = len(os.sched_getaffinity(0))
    parser.add_argument(
        "--workers", type=_worker_count, default=cores, metavar="N", help="workers; default: one a core"
    )
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="folder for what outlives the process")
    parser.add_argument("--admin", type=_admin, metavar="ADDRESS|off", help="address of the admin port")
    parser.add_argument("--grace", type=_seconds, default=30.0, metavar="TIME", help="time to end; default: 30s")
    parser.add_argument(
        "--shutdown-delay", type=_seconds, default=0.0, metavar="TIME", help="time unready before ending; default: 0s"
    )
    parser.add_argument(
        "--stalled-after",
        type=_patience,
        default=10.0,
        metavar="TIME",
        help="time after which a worker that stands still is replaced; default: 10s",
    )


def serve(options: argparse.Namespace, words: Iterable[str], make: "Callable[[Launch], Supervisor]") -> int:
    """Run the gateway that `make` puts together; `words` name its state folder where none is given."""
    from penstock.runtime.launch import launch
    from penstock.runtime.settings import Settings
    from penstock.runtime.state_folder import Owned, Unusable, default_state_folder

    _log_to_standard_error()
    folder = options.state_dir or default_state_folder(words)
    settings = Settings(folder, options.workers, options.grace, options.shutdown_delay, options.stalled_after)
    if "history" in options:
        settings = replace(settings, history=options.history, store_key=store_key(options))
    try:
        launched = launch(settings)
    except (Owned, Unusable, OSError) as problem:
        return _failed(str(problem))
    return _run(launched, options.admin, make)


def _log_to_standard_error() -> None:
    """Lines as the core writes its own: times in UTC, as in the access log."""
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.INFO)


def _run(launched: "Launch", admin: str | None, make: "Callable[[Launch], Supervisor]") -> int:
    # The workers are starting by now; what the supervisor alone needs is loaded meanwhile.
    try:
        from penstock.admin.port import DEFAULT_ADDRESS, AdminPort, AdminSocket
        from penstock.runtime.supervisor import CannotStart

        supervisor = make(launched)
    except BaseException:
        launched.abandon()
        raise
    supervisor.faces = [AdminSocket(supervisor)]
    if admin != _OFF:
        supervisor.faces.append(AdminPort(supervisor, admin or DEFAULT_ADDRESS, was_asked=admin is not None))
    try:
        asyncio.run(supervisor.run())
    except CannotStart as problem:
        launched.abandon()
        return _failed(str(problem))
    return FINE


def _failed(message: str) -> int:
    print(f"penstock: {message}", file=sys.stderr)
    return FAILED


def _worker_count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r}: write a number from 1 to {_MOST_WORKERS}")
    return int(text)


def _seconds(text: str) -> float:
    from penstock.base.units import Duration

    try:
        return Duration.parse(text).milliseconds / 1000
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _patience(text: str) -> float:
    seconds = _seconds(text)
    if not _LEAST_PATIENCE_SECONDS <= seconds <= _MOST_PATIENCE_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r}: write a time from 1s to 1h")
    return seconds


def _admin(text: str) -> str:
    from penstock.base.networks import listening_address

    try:
        address = text if text == _OFF else listening_address(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
    if address.startswith("unix:"):
        raise argparse.ArgumentTypeError("a unix socket is always there; write an address and a port, or off")
    return address
