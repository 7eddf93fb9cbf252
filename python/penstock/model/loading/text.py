"""Configuration texts and the documents in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

LARGEST_TEXT = 10 * 1024 * 1024
"""Bytes of the largest file that is read: 50,000 routes fit, what is larger is a mistake or an attack."""

_MARKER = "\n---"
_AFTER_MARKER = " \t\r\n"
# Possessive: ten million empty lines are not remembered one by one.
_NOTHING_BUT_COMMENTS = re.compile(r"(?:[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)|%YAML [^\n]*\n?|\.\.\.[ \t]*(?:\r?\n|\Z))*+")


@dataclass(frozen=True, slots=True)
class Text:
    """One configuration file: its name, as problems name it, and what it says."""

    content: str
    file: str = ""

    @property
    def is_json(self) -> bool:
        """Whether the file's name says that it is JSON."""
        return self.file.endswith(".json")

    @property
    def folder(self) -> PurePath:
        """The folder that paths in the file are relative to."""
        return PurePath(self.file).parent


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a text, with the line of the text on which it begins, from 0."""

    content: str
    first_line: int


def documents(content: str) -> Iterator[Document]:
    """The documents of a YAML text, in order; those that hold only comments are left out."""
    return (piece for piece in pieces(content) if not is_empty(piece.content))


def is_empty(piece: str) -> bool:
    """Whether a piece of a text holds only comments."""
    return _NOTHING_BUT_COMMENTS.fullmatch(piece.removeprefix("---")) is not None


def pieces(content: str) -> Iterator[Document]:
    """All pieces of a YAML text, each with its first line."""
    line = 0
    for piece in split(content):
        yield Document(piece, line)
        line += piece.count("\n")


def split(content: str) -> list[str]:
    """The pieces that a YAML text consists of, each but the first with the marker that begins it.

    Split without parsing, so that only a changed document is read again: a line that begins with `---`
    separates documents everywhere, in quoted and block text too.

    Source: YAML 1.2.2, section 9.1.2.
    """
    found: list[str] = []
    start = 0
    at = content.find(_MARKER)
    while at >= 0:
        behind = at + len(_MARKER)
        if content[behind : behind + 1] in _AFTER_MARKER:  # the empty text at the end is in it, too
            found.append(content[start : at + 1])
            start = at + 1
        at = content.find(_MARKER, behind)
    if start < len(content):
        found.append(content[start:])
    return found
