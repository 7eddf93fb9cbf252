"""The layout of configuration files: comments, quotes and order stay, indentation and spacing become one."""

import io
import json

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from penstock.model.loading.text import Document, Text, is_empty, pieces
from penstock.model.loading.tree import Malformed, read_json, read_yaml

_NEVER_FOLD = 1_000_000
"""Columns: longer lines than any file has, so that no line is broken that its author did not break."""


class NotFormatted(Exception):  # noqa: N818 - says what became of the file
    """A text that cannot be formatted; says why."""


def formatted(text: Text) -> str:
    """The text in the one layout; formatting it again changes nothing.

    Raises: NotFormatted if it cannot be read, or would mean something else afterwards.
    """
    try:
        if text.is_json:
            return json.dumps(read_json(text.content), indent=2, ensure_ascii=False) + "\n"
        return "---\n".join(_piece(piece) for piece in pieces(text.content)).removeprefix("\n")
    except Malformed as problem:
        raise NotFormatted(problem.message) from None


def _piece(piece: Document) -> str:
    body = piece.content
    if body.startswith("---"):
        body = body.removeprefix("---").removeprefix("\r").removeprefix("\n")
    if is_empty(piece.content):
        return _lines(body)
    before = read_yaml(body)
    after = _lines(_round_trip(body))
    if read_yaml(after) != before:
        raise NotFormatted("formatting would change what the file means; it is left as it is")
    return after


def _round_trip(body: str) -> str:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = _NEVER_FOLD
    yaml.indent(mapping=2, sequence=4, offset=2)
    written = io.StringIO()
    try:
        yaml.dump(yaml.load(body), written)
    except (YAMLError, ValueError, NotImplementedError) as problem:
        raise NotFormatted(f"the file cannot be formatted: {str(problem).splitlines()[0]}") from None
    return written.getvalue()


def _lines(text: str) -> str:
    """Lines without spaces at their ends, and one line end at the end of all."""
    kept = "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")
    return f"{kept}\n" if kept else ""
