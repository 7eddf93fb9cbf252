"""The files of a plugin: read once, named by their content, copied to where workers import them."""

import contextlib
import os
import shutil
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from tempfile import mkdtemp

_LARGEST = 16 * 1024 * 1024
"""Bytes of all files of a plugin together: far more than anybody writes."""
_MOST_FILES = 1000
_KEPT_SECONDS = 24 * 3600
_SUFFIX = ".py"
_LEFT_OUT = {"__pycache__", "node_modules"}


@dataclass(frozen=True, slots=True)
class PluginFiles:
    """The Python files of a plugin as they were at one moment, by their path inside it.

    `folder` is where they came from, for messages.
    """

    folder: Path
    contents: dict[str, bytes]
    digest: str

    def install(self, plugins: Path) -> Path:
        """Copy the files to the folder of their digest, unless they are there, whole; gives that folder."""
        target = plugins / self.digest
        if target.is_dir():
            if self._is_at(target) and keep_copy(plugins, self.digest):
                return target
            target.rename(Path(mkdtemp(prefix=".spoilt-", dir=plugins)) / target.name)
        plugins.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Under another name until it is whole: a worker never sees half a plugin.
        fresh = Path(mkdtemp(prefix=".new-", dir=plugins))
        try:
            self._write(fresh)
            fresh.rename(target)
        except OSError:
            shutil.rmtree(fresh, ignore_errors=True)
            # Somebody else was first, with the same files.
            if not target.is_dir():
                raise
        return target

    def _is_at(self, folder: Path) -> bool:
        try:
            return all((folder / name).read_bytes() == content for name, content in self.contents.items())
        except OSError:
            return False

    def _write(self, folder: Path) -> None:
        for name, content in self.contents.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(0o400)


def keep_copy(plugins: Path, digest: str) -> bool:
    """Let `forget_copies` leave a copy for another day; whether there is one."""
    try:
        os.utime(plugins / digest)
    except OSError:
        return False
    return True


def forget_copies(plugins: Path, used: Collection[str]) -> None:
    """Remove the copies that no plan uses and nobody has asked for in a day: something may still be about to."""
    if not plugins.is_dir():
        return
    for folder in plugins.iterdir():
        with contextlib.suppress(OSError):
            if folder.name not in used and time.time() - folder.stat().st_mtime > _KEPT_SECONDS:
                shutil.rmtree(folder)


def read_plugin(path: Path, state_dir: Path | None = None) -> PluginFiles:
    """The files of a plugin: one Python file, or those of a folder and the folders in it.

    Left out are names that begin with a dot, tests (`test_*.py` and `conftest.py`), and the state directory, which
    holds the copies.

    Raises: OSError if something cannot be read, ValueError if there is nothing or too much.
    """
    folder, files = (path, list(_python_files(path, state_dir))) if path.is_dir() else (path.parent, [path])
    if not files:
        raise ValueError(f"no Python files in {path}")
    check_amount(len(files), 0)
    contents: dict[str, bytes] = {}
    room = _LARGEST
    for file in files:
        content = _read(file, room)
        room -= len(content)
        contents[file.relative_to(folder).as_posix()] = content
    return files_of(folder, contents)


def files_of(folder: Path, contents: dict[str, bytes]) -> PluginFiles:
    """The files of a plugin by their paths inside it; `folder` is where they come from.

    Raises: ValueError if there are none.
    """
    if not contents:
        raise ValueError(f"no Python files in {folder}")
    return PluginFiles(folder, contents, _digest(contents))


def check_amount(files: int, size: int) -> None:
    """That a plugin is not larger than anybody writes one.

    Units: `size` is bytes of all files.
    Raises: ValueError.
    """
    if files > _MOST_FILES:
        raise ValueError(f"more than {_MOST_FILES} Python files in a plugin")
    if size > _LARGEST:
        raise ValueError(f"the files of a plugin are larger than {_LARGEST // 1024 // 1024} MiB together")


def is_code(name: str) -> bool:
    """Whether a path inside a plugin is that of a file that belongs to it."""
    *folders, file = name.split("/")
    return _belongs(file) and not any(folder.startswith(".") or folder in _LEFT_OUT for folder in folders)


def plugin_paths(path: Path, state_dir: Path | None = None) -> frozenset[Path]:
    """The files that make up the plugin at a path now; itself, where there are none."""
    return frozenset(_python_files(path, state_dir)) if path.is_dir() else frozenset({path})


def _python_files(folder: Path, state_dir: Path | None) -> Iterator[Path]:
    state = state_dir.absolute() if state_dir else None
    for inside, folders, names in os.walk(folder):
        visible = sorted(name for name in folders if not name.startswith(".") and name not in _LEFT_OUT)
        folders[:] = (name for name in visible if Path(inside, name).absolute() != state)
        yield from (Path(inside, name) for name in sorted(names) if _belongs(name))


def _belongs(name: str) -> bool:
    return name.endswith(_SUFFIX) and not name.startswith((".", "test_")) and name != "conftest.py"


def _read(file: Path, room: int) -> bytes:
    if not file.is_file():
        raise OSError(f"{file}: no such file" if not file.exists() else f"{file}: not a plain file")
    with file.open("rb") as opened:
        content = opened.read(room + 1)
    if len(content) > room:
        check_amount(1, _LARGEST + 1)
    return content


def _digest(contents: dict[str, bytes]) -> str:
    """A name for the content; lengths keep the border between two files where it is."""
    hashed = blake2b(digest_size=16)
    for name, content in sorted(contents.items()):
        hashed.update(f"{len(name)}:{name}{len(content)}:".encode())
        hashed.update(content)
    return hashed.hexdigest()
