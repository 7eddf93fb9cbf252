"""What the commands share that start a gateway: their flags, and the run itself."""

import argparse
import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.cli.admin_options import add_admin_options, admin_problem, admin_tls
from penstock.cli.cluster_options import cluster_settings
from penstock.cli.colours import complain
from penstock.cli.command import FAILED, FINE
from penstock.cli.etcd_options import etcd_access
from penstock.cli.gateway_client import store_key
from penstock.cli.own_log import add_log_options, log_to_standard_error

if TYPE_CHECKING:
    from penstock.runtime.launch import Launch
    from penstock.runtime.supervisor import Supervisor
    from penstock.runtime.upgrade.successor import Succession

_MOST_WORKERS = 64
"""As many as the shared table has columns for."""
_LEAST_PATIENCE_SECONDS = 1.0
"""A few beats at least: shorter, a busy machine would be taken for a worker that stands still."""
_MOST_PATIENCE_SECONDS = 3600.0
_LEAST_MEMORY_BYTES = 128 << 20
_OFF = "off"


def add_process_options(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of a gateway process."""
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--workers", type=worker_count, default=cores, metavar="N", help="workers; default: one a core")
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="folder for what outlives the process")
    add_user(parser)
    parser.add_argument("--admin", type=_admin, metavar="ADDRESS|off", help="address of the admin port")
    add_admin_options(parser)
    parser.add_argument("--grace", type=seconds, default=30.0, metavar="TIME", help="time to end; default: 30s")
    parser.add_argument(
        "--shutdown-delay", type=seconds, default=0.0, metavar="TIME", help="time unready before ending; default: 0s"
    )
    add_log_options(parser)
    parser.add_argument(
        "--stalled-after",
        type=_patience,
        default=10.0,
        metavar="TIME",
        help="time after which a worker that stands still is replaced; default: 10s",
    )
    parser.add_argument(
        "--memory-limit",
        type=_memory_limit,
        default="auto",
        metavar="SIZE|auto|off",
        help="memory of all its processes, near which requests are refused; default: auto, that of its control group",
    )
    parser.add_argument("--debug", action="store_true", help="let the admin API take profiles of the processes")


def add_user(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say whom a gateway becomes that the superuser has started."""
    parser.add_argument("--user", metavar="NAME", help="user to become, as the superuser; ports below 1024 still work")
    parser.add_argument("--group", metavar="NAME", help="group to become; default: that of the user")


def serve(options: argparse.Namespace, words: Iterable[str], make: "Callable[[Launch], Supervisor]") -> int:
    """Run the gateway that `make` puts together; `words` name its state folder where none is given."""
    from penstock.filters.plugin_trust import read_trust
    from penstock.runtime.launch import launch
    from penstock.runtime.privileges import Denied, become, person
    from penstock.runtime.settings import Settings
    from penstock.runtime.state_folder import Owned, Unusable
    from penstock.runtime.upgrade.successor import NotGiven
    from penstock.runtime.worker.entry import say_json

    log_to_standard_error(options)
    if options.log_format == "json":
        say_json()
    if problem := admin_problem(options):
        return _failed(problem)
    folder = state_folder(options, words)
    settings = Settings(folder, options.workers, options.grace, options.shutdown_delay, options.stalled_after)
    settings = replace(settings, words=options.words, debug=options.debug)
    settings = replace(settings, memory_limit=options.memory_limit)
    succession: Succession | None = getattr(options, "succession", None)
    try:
        if options.user:
            become(person(options.user, options.group), folder.absolute())
        if "history" in options:
            kept = {"history": options.history, "store_key": store_key(options), "etcd": etcd_access(options)}
            settings = replace(settings, trust=read_trust(options.trusted_keys))
            settings = replace(settings, **kept, **cluster_settings(options), node=options.node or settings.node)
            settings = replace(settings, access_seconds=options.access_age)
        launched = launch(settings, succession)
    except (Owned, Unusable, NotGiven, Denied, OSError, ValueError) as problem:
        return _failed(str(problem), succession)
    return _run(launched, options, make)


def state_folder(options: argparse.Namespace, words: Iterable[str]) -> Path:
    """The state folder that the flags name, or that stands for `words`."""
    from penstock.runtime.state_folder import default_state_folder

    folder: Path = options.state_dir or default_state_folder(words)
    return folder


def _run(launched: "Launch", options: argparse.Namespace, make: "Callable[[Launch], Supervisor]") -> int:
    # The workers are starting by now; what the supervisor alone needs is loaded meanwhile.
    try:
        from penstock.admin.port import DEFAULT_ADDRESS, AdminPort, AdminSocket, Reception
        from penstock.runtime.supervisor import CannotStart
        from penstock.runtime.upgrade.door import Door

        supervisor = make(launched)
    except BaseException:
        launched.abandon()
        raise
    admin = options.admin
    reception = Reception(supervisor, frozenset(options.admin_host))
    supervisor.faces = [AdminSocket(reception), Door(supervisor)]
    if admin != _OFF:
        port = AdminPort(reception, admin or DEFAULT_ADDRESS, was_asked=admin is not None, tls=admin_tls(options))
        supervisor.faces.append(port)
    supervisor.duties = [partial(_push_metrics, supervisor), partial(_order_certificates, supervisor)]
    try:
        asyncio.run(supervisor.run())
    except CannotStart as problem:
        launched.abandon()
        return _failed(str(problem), launched.succession)
    return FINE


async def _push_metrics(supervisor: "Supervisor") -> None:
    """Send metrics away as the configuration says; loaded while requests are served already."""
    pushing = await asyncio.to_thread(import_module, "penstock.admin.push.pushing")
    await pushing.Pushing(supervisor).keep()


async def _order_certificates(supervisor: "Supervisor") -> None:
    """Order certificates, where a configuration says so."""
    from penstock.runtime.acme.asked import order_when_asked

    await order_when_asked(supervisor)


def _failed(message: str, succession: "Succession | None" = None) -> int:
    complain(message)
    if succession is not None:
        succession.refuse(message.splitlines())
    return FAILED


def worker_count(text: str) -> int:
    """A number of workers.

    Raises: argparse.ArgumentTypeError.
    """
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r}: write a number from 1 to {_MOST_WORKERS}")
    return int(text)


def _memory_limit(text: str) -> str:
    from penstock.base.units import Size

    if text in {"auto", "off"}:
        return text
    try:
        limit = Size.parse(text).bytes
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"{problem}; or auto, or off") from None
    if limit < _LEAST_MEMORY_BYTES:
        raise argparse.ArgumentTypeError(f"{text!r}: a gateway alone takes more; write 128MiB or more")
    return str(limit)


def seconds(text: str) -> float:
    """A time.

    Raises: argparse.ArgumentTypeError.
    """
    from penstock.base.units import Duration

    try:
        return Duration.parse(text).milliseconds / 1000
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _patience(text: str) -> float:
    found = seconds(text)
    if not _LEAST_PATIENCE_SECONDS <= found <= _MOST_PATIENCE_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r}: write a time from 1s to 1h")
    return found


def _admin(text: str) -> str:
    from penstock.base.networks import listening_address

    try:
        address = text if text == _OFF else listening_address(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
    if address.startswith("unix:"):
        raise argparse.ArgumentTypeError("a unix socket is always there; write an address and a port, or off")
    return address
