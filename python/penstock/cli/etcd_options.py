"""The flags that say how etcd is reached. What is secret comes from files and the environment, never from arguments."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.store.etcd import Access

_PASSWORD = "PENSTOCK_ETCD_PASSWORD"  # noqa: S105 - the name of a variable
_FLAGS = ("user", "password_file", "ca", "cert", "key", "server_name", "prefix")
"""What says more about etcd, and nothing without it."""


def add_etcd(parser: argparse.ArgumentParser, count: str | None = None) -> None:
    """Adds the flags of a store in etcd; `count` is how many URLs the flag takes at once."""
    group = parser.add_argument_group("a store in etcd, shared by many nodes")
    group.add_argument(
        "--etcd",
        nargs=count,
        action="extend" if count else "append",
        metavar="URL",
        help="a member of etcd, as http://HOST:2379; several with commas between",
    )
    group.add_argument("--etcd-user", metavar="NAME", help="user of etcd")
    group.add_argument(
        "--etcd-password-file", type=Path, metavar="FILE", help=f"file with its password; default: ${_PASSWORD}"
    )
    group.add_argument("--etcd-ca", type=Path, metavar="FILE", help="authorities that etcd's certificate is signed by")
    group.add_argument("--etcd-cert", type=Path, metavar="FILE", help="certificate shown to etcd")
    group.add_argument("--etcd-key", type=Path, metavar="FILE", help="key of that certificate")
    group.add_argument("--etcd-server-name", metavar="NAME", help="name in etcd's certificate, if not the URL's")
    group.add_argument("--etcd-prefix", metavar="PREFIX", help="what all keys begin with; default: /penstock/")


def etcd_access(options: argparse.Namespace) -> "Access | None":
    """How etcd is reached, if it is to be; its files are read.

    Raises: ValueError that says what is wrong in one line.
    """
    if not getattr(options, "etcd", None):
        if more := next((flag for flag in _FLAGS if getattr(options, f"etcd_{flag}", None)), None):
            raise ValueError(f"--etcd-{more.replace('_', '-')} says more about --etcd, which is not there")
        return None
    try:
        from penstock.store.etcd import Access
    except ImportError:
        raise ValueError("a store in etcd needs more: pip install 'penstock[etcd]'") from None
    if bool(options.etcd_cert) != bool(options.etcd_key):
        raise ValueError("--etcd-cert and --etcd-key belong together")
    access = Access(
        tuple(url for urls in options.etcd for url in urls.split(",") if url),
        prefix=_prefix(options.etcd_prefix or "/penstock/"),
        user=options.etcd_user or "",
        password=_password(options),
        authorities=_text(options.etcd_ca),
        certificate=_text(options.etcd_cert),
        key=_text(options.etcd_key),
        server_name=options.etcd_server_name or "",
    )
    if access.targets and (access.authorities or access.certificate) and not access.is_secure:
        raise ValueError("certificates are for endpoints that begin with https://")
    return access


def _prefix(text: str) -> str:
    if not text.isascii() or not text.isprintable() or not text.endswith("/"):
        raise ValueError(f"--etcd-prefix {text!r}: end it with a slash, such as /penstock/")
    return text


def _password(options: argparse.Namespace) -> str:
    if not options.etcd_user:
        return ""
    given = options.etcd_password_file
    password = _text(given).rstrip("\n") if given else os.environ.get(_PASSWORD, "")
    if not password:
        raise ValueError(f"the password of {options.etcd_user} is missing: --etcd-password-file or ${_PASSWORD}")
    return password


def _text(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as problem:
        raise ValueError(f"{path}: {getattr(problem, 'strerror', None) or problem}".lower()) from None
