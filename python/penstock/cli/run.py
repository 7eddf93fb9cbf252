"""`penstock run`: the gateway, in the foreground."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.cli.cluster_options import add_cluster
from penstock.cli.colours import complain
from penstock.cli.command import DIFFERENT, Command, add_configuration
from penstock.cli.etcd_options import add_etcd
from penstock.cli.gateway_client import add_store_key
from penstock.cli.serving import add_process_options, seconds, serve

if TYPE_CHECKING:
    from penstock.runtime.launch import Launch
    from penstock.runtime.supervisor import Supervisor


_MOST_CHANGES = 100_000


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which configuration, and how the process runs."""
    add_configuration(
        parser, "configuration file or folder; with --etcd or --cluster it may be left out", is_required=False
    )
    add_process_options(parser)
    parser.add_argument(
        "--history", type=_changes, default=1_000, metavar="N", help="changes that are kept; default: 1000"
    )
    add_store_key(parser)
    parser.add_argument(
        "--trusted-keys",
        type=Path,
        metavar="FILE",
        help="public keys (PEM): one must have signed each archive of a plugin",
    )
    add_etcd(parser, "+")
    add_cluster(parser)
    parser.add_argument(
        "--node", type=_name, metavar="NAME", help="name of this node among those that share etcd; default: the host's"
    )
    parser.add_argument(
        "--access-age",
        type=seconds,
        default=24 * 3600.0,
        metavar="TIME",
        help="time for which tokens and users count while a shared store is away; default: 24h",
    )
    parser.add_argument(
        "--watch", action=argparse.BooleanOptionalAction, default=True, help="reload when a file changes"
    )


def run(options: argparse.Namespace) -> int:
    """Serve until told to end."""

    def make(launched: "Launch") -> "Supervisor":
        from penstock.runtime.assemble import serving_files

        return serving_files(launched, options.configuration, is_watching=options.watch)

    if options.configuration is None and not options.etcd and not options.cluster:
        complain("write -c FILE|DIR, or --etcd URL, or both")
        return DIFFERENT
    return serve(options, _words(options), make)


def _words(options: argparse.Namespace) -> list[str]:
    """What the state folder is named after: what is run, and for whom."""
    if options.configuration is not None:
        return ["run", str(options.configuration.absolute())]
    if options.cluster:
        return ["run", "cluster", options.cluster]
    return ["run", "etcd", *options.etcd, options.etcd_prefix or "", options.node or ""]


def _name(text: str) -> str:
    from penstock.base.names import check_name

    try:
        return check_name(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _changes(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _MOST_CHANGES:
        raise argparse.ArgumentTypeError(f"{text!r}: write a number from 1 to {_MOST_CHANGES}")
    return int(text)


COMMAND = Command(add_options, run)
