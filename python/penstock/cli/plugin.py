"""`penstock plugin`: brings archives of plugins to a gateway, lists them, signs them, takes them away."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penstock.cli.access_words import Words, name
from penstock.cli.answers import granted
from penstock.cli.asking import asking
from penstock.cli.command import FINE, Command, Stopped, add_word
from penstock.cli.gateway_client import add_gateway, ask
from penstock.cli.output import add_output
from penstock.cli.table import table
from penstock.cli.words import counted

_PATH = "/api/v1/plugins"
_SHOWN = len("sha256:") + 12
_LEAST = 4


def add_options(parser: argparse.ArgumentParser) -> None:
    """What to do with archives."""
    words = parser.add_subparsers(dest="word", required=True, metavar="push|list|show|delete|sign")
    pushing = _of_files(words, "push", "bring a plugin to a gateway, for all nodes; prints what a Plugin names it by")
    pushing.add_argument("--name", type=name, metavar="NAME", help="what to call it in lists; default: as the file")
    signing = pushing.add_mutually_exclusive_group()
    signing.add_argument("--key", type=Path, metavar="FILE", help="private key to sign it with, as PEM")
    signing.add_argument("--signature", type=Path, metavar="FILE", help="what `penstock plugin sign` has printed")
    add_gateway(pushing)
    listing = add_word(words, "list", "list the archives that a gateway keeps, and which plugins name them")
    add_gateway(listing)
    add_output(listing)
    for word, told in (
        ("show", "print what is in an archive"),
        ("delete", "take away an archive that no plugin names"),
    ):
        one = add_word(words, word, told)
        one.add_argument("archive", metavar="ARCHIVE", help="its digest, or the beginning of it")
        add_gateway(one)
        if word == "show":
            add_output(one)
    signed = _of_files(words, "sign", "print what vouches for a plugin, for `push --signature`")
    signed.add_argument("--key", type=Path, required=True, metavar="FILE", help="private Ed25519 key, as PEM")


def run(options: argparse.Namespace) -> int:
    """Do it."""
    if options.word == "push":
        return _push(options)
    if options.word == "sign":
        print(_signed(_packed(options.path).digest, options.key))
        return FINE
    if options.word == "list":
        return asking(options, "GET", _PATH, _lines)
    path = f"{_PATH}/{_found(options)}"
    if options.word == "delete":
        return asking(options, "DELETE", path, lambda answer: [f"{answer['archive']} is gone, but from history"])
    return asking(options, "GET", path, _described)


def _of_files(words: Words, word: str, told: str) -> argparse.ArgumentParser:
    parser = add_word(words, word, told)
    parser.add_argument("path", type=Path, metavar="FOLDER|FILE", help="folder, Python file, zip or wheel")
    return parser


def _push(options: argparse.Namespace) -> int:
    packed = _packed(options.path)
    called = options.name or _name_of(options.path)
    headers = {"content-type": "application/zip"}
    if options.key or options.signature:
        headers["penstock-signature"] = (
            _signed(packed.digest, options.key) if options.key else _written(options.signature)
        )
    granted(ask(options, "PUT", f"{_PATH}/{packed.digest}?name={called}", packed.content, headers))
    print(f"{called}: {counted(packed.files, 'file')}, {len(packed.content)} bytes, as archive:", file=sys.stderr)
    # Alone, where a file or another program may take it.
    print(packed.digest)
    return FINE


def _packed(path: Path) -> Any:
    from penstock.filters.plugin_archive import pack

    try:
        return pack(path)
    except (OSError, ValueError) as problem:
        raise Stopped(str(problem)) from None


def _signed(digest: str, key: Path) -> str:
    from penstock.filters.plugin_trust import sign

    try:
        return sign(digest, key)
    except ValueError as problem:
        raise Stopped(str(problem)) from None


def _written(path: Path) -> str:
    try:
        text = path.read_text("ascii").strip()
    except (OSError, ValueError) as problem:
        raise Stopped(f"{path}: {problem}") from None
    if not text.startswith("ed25519:") or any(letter.isspace() for letter in text):
        raise Stopped(f"{path}: not what `penstock plugin sign` prints")
    return text


def _name_of(path: Path) -> str:
    from penstock.base.names import check_name

    found = path.absolute().stem.partition("-")[0].lower().replace(" ", "-")
    try:
        return check_name(found)
    except ValueError:
        raise Stopped(f"{path} gives no name; write one by --name") from None


def _found(options: argparse.Namespace) -> str:
    """The digest that somebody means who may have written only the beginning of it."""
    begins = f"sha256:{options.archive.removeprefix('sha256:').lower()}"
    known = [one["archive"] for one in granted(ask(options, "GET", _PATH))["items"]]
    found = [digest for digest in known if digest.startswith(begins)]
    if len(begins) < len("sha256:") + _LEAST or len(found) > 1:
        raise Stopped(f"{options.archive}: write more of the digest; `penstock plugin list` has them")
    if not found:
        raise Stopped(f"there is no archive {options.archive}; `penstock plugin list` has them")
    return str(found[0])


def _lines(answer: Any) -> Iterator[str]:
    header = ("ARCHIVE", "NAME", "FILES", "BYTES", "SIGNED BY", "USED BY")
    rows = [
        (
            one["archive"][:_SHOWN],
            one["name"],
            str(one["files"]),
            str(one["size"]),
            one["key"] or "-",
            ", ".join(one["used_by"]) or "-",
        )
        for one in answer["items"]
    ]
    return table(header, rows)


def _described(answer: Any) -> Iterator[str]:
    facts = {
        "archive": answer["archive"],
        "name": answer["name"],
        "revision": f"r{answer['created']}",
        "signed by": answer["key"] or "nobody",
        "used by": ", ".join(answer["used_by"]) or "nobody",
    }
    yield from (f"{word:<10} {text}" for word, text in facts.items())
    yield from table(("FILE", "BYTES"), [(one["name"], str(one["size"])) for one in answer["contents"]])


COMMAND = Command(add_options, run)
