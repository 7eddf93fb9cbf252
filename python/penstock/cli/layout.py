"""The layout of configuration files: comments, quotes and order stay, indentation and spacing become one."""

import io
import json
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from yaml import scan

from penstock.model.loading.text import Document, Text, is_empty, pieces
from penstock.model.loading.tree import SCANNER, Malformed, read_json, read_yaml

_COMMENT = re.compile(r"#[^\n]*")
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
        body = body.removeprefix("---").lstrip(" \t").removeprefix("\r").removeprefix("\n")
    if is_empty(piece.content):
        return _lines(body)
    wanted = (read_yaml(body), _comments(body))
    # Where nothing more can be done without harm, line ends alone, or nothing: a comment inside brackets has no
    # other place, and a block of text keeps its spaces.
    for after in (_laid_out(body), _laid_out(_lines(body)), _lines(body), body if body.endswith("\n") else f"{body}\n"):
        if after is not None and _is_same(after, wanted):
            return after
    raise NotFormatted("formatting would change what the file means; it is left as it is")


def _is_same(after: str, wanted: tuple[Any, list[str]]) -> bool:
    try:
        return (read_yaml(after), _comments(after)) == wanted
    except Malformed:
        return False


def _comments(body: str) -> list[str]:
    """The comments of a text: what stands between its tokens and is no space."""
    found: list[str] = []
    end = 0
    for token in [*scan(body, Loader=SCANNER), None]:
        begin = token.start_mark.index if token is not None else len(body)
        found += (one.strip() for one in _COMMENT.findall(body[end:begin]))
        end = max(end, token.end_mark.index) if token is not None else end
    return found


def _laid_out(body: str) -> str | None:
    """The text with one indentation, as far as the library can read it."""
    try:
        return _lines(_round_trip(body))
    except NotFormatted:
        return None


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
    kept = "\n".join(line.rstrip(" \t\r") for line in text.split("\n")).strip("\n")
    return f"{kept}\n" if kept else ""
