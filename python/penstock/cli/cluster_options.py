"""The flags of a gateway that brings etcd along."""

import argparse
import os
from pathlib import Path
from typing import Any

_INVITATION = "PENSTOCK_JOIN"
_MOST_PORT = 65_533
"""Two ports behind it are used too."""


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of a cluster."""
    group = parser.add_argument_group("etcd as a part of the gateway")
    group.add_argument(
        "--cluster", metavar="HOST:PORT", help="start etcd, which others reach at HOST, at PORT and the two behind it"
    )
    group.add_argument(
        "--join", type=Path, metavar="FILE", help=f"file with what `penstock invite` printed; default: ${_INVITATION}"
    )


def cluster_settings(options: argparse.Namespace) -> dict[str, Any]:
    """What the settings of the process hold of a cluster; nothing without one.

    Raises: ValueError that says what is wrong in one line.
    """
    if not options.cluster:
        if options.join:
            raise ValueError("--join says more about --cluster, which is not there")
        return {}
    if options.etcd:
        raise ValueError("--cluster starts etcd, and --etcd names one that runs already: write one of them")
    try:
        from penstock.runtime.cluster.door import read_word
        from penstock.runtime.cluster.token import read_invitation
    except ImportError:
        raise ValueError("a cluster needs more: pip install 'penstock[cluster]'") from None
    word = read_word(options.join) if options.join else os.environ.get(_INVITATION, "")
    if word:
        read_invitation(word)
    return {"cluster": _address(options.cluster), "invitation": word}


def _address(text: str) -> tuple[str, int]:
    from penstock.base.networks import split_authority

    host, port = split_authority(text)
    number = int(port) if port.isascii() and port.isdecimal() else 0
    if not host or not 0 < number <= _MOST_PORT:
        raise ValueError(f"--cluster {text!r}: write the host and a port, such as 10.0.0.1:2379")
    return host, number
