"""Reads configuration files: the only place that opens them, and what they refer to."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from penstock.base.problem import Problem
from penstock.model.loading import Surroundings, Text
from penstock.model.loading.text import LARGEST_TEXT

SUFFIXES = (".yaml", ".yml", ".json")
STREAM = "-"
"""What problems call standard input."""
_LARGEST_REFERRED = 1024 * 1024
"""Bytes of a file that `${file:path}` puts into a document: far more than a chain of certificates."""

_MOST_LISTED = 10_000
"""Files of a folder of certificates: each is read with every change."""


def read_texts(path: Path) -> tuple[list[Text], list[Problem]]:
    """The configuration files of a path: itself, or those of a folder in the order of their names.

    Folders inside a folder are read too; names that begin with a dot are left out.
    """
    texts: list[Text] = []
    problems: list[Problem] = []
    try:
        files = configuration_files(path)
    except OSError as problem:
        return [], [_unreadable(path, problem)]
    if not files:
        return [], [Problem((), f"no configuration files: {', '.join(SUFFIXES)}", file=str(path))]
    for file in files:
        try:
            texts.append(Text(_read(file, LARGEST_TEXT), str(file)))
        except (OSError, ValueError) as problem:
            problems.append(_unreadable(file, problem))
    return texts, problems


def read_stream(stream: BinaryIO) -> tuple[list[Text], list[Problem]]:
    """The configuration that a stream holds; paths in it are relative to the current folder."""
    try:
        return [Text(_text(stream.read(LARGEST_TEXT + 1), LARGEST_TEXT), STREAM)], []
    except (OSError, ValueError) as problem:
        return [], [_unreadable(Path(STREAM), problem)]


def configuration_files(path: Path) -> list[Path]:
    """The files that make up the configuration at a path.

    Raises: OSError if there is nothing, or nothing that can be looked into.
    """
    if not stat.S_ISDIR(path.stat().st_mode):
        return [path]
    found: list[Path] = []
    for folder, folders, files in os.walk(path, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(folder, name) for name in files if name.endswith(SUFFIXES) and not name.startswith(".")]
    return sorted(found)


def environment() -> Surroundings:
    """The environment variables of this process, and files beside the configuration."""
    return Surroundings(os.environ.get, _referred, _listed)


def _referred(of: str, path: str) -> str:
    text = _read(Path(of).parent / path, _LARGEST_REFERRED)
    # Editors end files with a line end that no header, password or name has.
    return text.removesuffix("\n").removesuffix("\r")


def _listed(of: str, path: str) -> list[str]:
    """The names of what is in a folder and in those in it, `name/` for these; names that begin with a dot are left out.

    Raises: OSError if it cannot be looked into, or holds too much.
    """
    top = Path(of).parent / path
    found: list[str] = []
    for name, is_folder in _entries(top):
        found.append(f"{name}/" if is_folder else name)
        if is_folder:
            found += [f"{name}/{below}" for below, is_deeper in _entries(top / name) if not is_deeper]
        if len(found) > _MOST_LISTED:
            raise OSError(f"it holds more than {_MOST_LISTED} files")
    return found


def _entries(folder: Path) -> list[tuple[str, bool]]:
    with os.scandir(folder) as entries:
        return sorted((entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith("."))


def _read(file: Path, largest: int) -> str:
    """The text of a file.

    Raises: OSError if it cannot be read or is no plain file, ValueError if it is too large or no UTF-8.
    """
    # Looked at before it is opened: opening a pipe would wait for its writer.
    status = file.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError("not a plain file")
    if status.st_size > largest:
        raise ValueError(f"the file is larger than {largest // 1024 // 1024} MiB")
    with file.open("rb") as opened:
        return _text(opened.read(largest + 1), largest)


def _text(content: bytes, largest: int) -> str:
    if len(content) > largest:
        raise ValueError(f"the file is larger than {largest // 1024 // 1024} MiB")
    return content.decode("utf-8-sig")


def _raise(problem: OSError) -> None:
    raise problem


def _unreadable(path: Path, problem: Exception) -> Problem:
    if isinstance(problem, UnicodeError):
        return Problem((), "not UTF-8 text", file=str(path))
    message = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
    return Problem((), message[:1].lower() + message[1:], file=str(path))
