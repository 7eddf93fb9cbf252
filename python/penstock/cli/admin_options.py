"""The flags of the admin port: its names, its certificate, whom it asks for one."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.admin.tls import AdminTls


def add_admin_options(parser: argparse.ArgumentParser) -> None:
    """Adds them."""
    parser.add_argument(
        "--admin-certificate", type=Path, metavar="FILE", help="certificate by which the admin port speaks TLS"
    )
    parser.add_argument("--admin-key", type=Path, metavar="FILE", help="its key; default: in the same file")
    parser.add_argument(
        "--admin-clients",
        type=Path,
        metavar="FILE",
        help="authorities: whoever asks at the admin port shows a certificate of theirs, beside a token",
    )
    parser.add_argument(
        "--admin-host",
        type=_host,
        action="append",
        default=[],
        metavar="NAME",
        help="name by which the admin port is reached, beside addresses; may be there several times",
    )


def admin_problem(options: argparse.Namespace) -> str:
    """What is wrong with the flags together; empty where nothing is."""
    if options.admin_certificate is None and (options.admin_key or options.admin_clients):
        return "--admin-key and --admin-clients are for --admin-certificate: name that too"
    return ""


def admin_tls(options: argparse.Namespace) -> "AdminTls | None":
    """TLS of the admin port, if it is to speak it."""
    if options.admin_certificate is None:
        return None
    from penstock.admin.tls import AdminTls

    return AdminTls(options.admin_certificate, options.admin_key, options.admin_clients)


def _host(text: str) -> str:
    from penstock.base.networks import canonical_host

    try:
        return canonical_host(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
