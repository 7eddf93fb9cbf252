"""One version of a plugin: described by a child process from its copy, and remembered by its digest."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from penstock.filters.catalogue import Checked, FilterKind
from penstock.filters.plugin_archive import unpack
from penstock.filters.plugin_child import Asked, ask
from penstock.filters.plugin_files import PluginFiles, keep_copy, read_plugin
from penstock.filters.plugin_shelf import Shelf

FOLDER = "plugins"
"""Where under the state directory the copies are."""


@dataclass(frozen=True, slots=True)
class Described:
    """One version of a plugin: its kinds and the files that define them, or what is wrong with it."""

    digest: str
    kinds: tuple[FilterKind, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class PluginMemory:
    """What children have answered before; its owner decides how long it lives.

    Versions by their digest and place, checked settings by version, kind and text.
    """

    described: dict[tuple[str, str], Described] = field(default_factory=dict)
    archived: dict[str, Described] = field(default_factory=dict)
    """By the digests of archives."""
    checked: dict[tuple[str, str, str], Checked] = field(default_factory=dict)


def install(path: Path, state_dir: Path) -> str:
    """Copy the files of a plugin to where workers import them; gives their digest.

    Raises: OSError if something cannot be read or written, ValueError if there is nothing or too much.
    """
    files = read_plugin(path, state_dir)
    files.install(state_dir / FOLDER)
    return files.digest


def describe(path: Path, state_dir: Path | None = None, memory: PluginMemory | None = None) -> Described:
    """What a plugin holds. With a state directory the copy that is described stays there for workers."""
    try:
        files = read_plugin(path, state_dir)
        return _describe(files, state_dir, memory or PluginMemory())
    except (OSError, ValueError) as error:
        return Described("", problems=(str(error),))


def describe_archive(digest: str, shelf: Shelf, state_dir: Path, memory: PluginMemory) -> Described:
    """What the plugin in an archive holds. The archive is looked at once in a process, its copy for workers as well."""
    known = memory.archived.get(digest)
    if known is not None and keep_copy(state_dir / FOLDER, known.digest):
        return known
    try:
        found = _describe(unpack(shelf.read(digest), Path(digest[:19])), state_dir, memory)
    except (OSError, ValueError) as error:
        return Described("", problems=(str(error),))
    memory.archived[digest] = found
    return found


def describe_copy(path: Path, digest: str, state_dir: Path, memory: PluginMemory) -> Described:
    """What the copy of an accepted version holds; `path` is where it came from, for messages."""
    for folder in (path, path.parent):
        known = memory.described.get((digest, str(folder)))
        if known:
            return known
    try:
        return _describe(replace(read_plugin(state_dir / FOLDER / digest), folder=path), state_dir, memory)
    except (OSError, ValueError) as error:
        hint = "; `penstock plugin push` brings a plugin to all nodes, and `archive` names it"
        return Described("", problems=(f"the accepted copy is not here: {error}{hint}",))


def _describe(files: PluginFiles, state_dir: Path | None, memory: PluginMemory) -> Described:
    key = (files.digest, str(files.folder))
    known = memory.described.get(key)
    if state_dir is None:
        with TemporaryDirectory(prefix="penstock-") as scratch:
            return known or _described(files, ask(files.install(Path(scratch)), files.digest))
    folder = files.install(state_dir / FOLDER)
    if known is None:
        known = _described(files, ask(folder, files.digest))
        memory.described[key] = known
    return known


def _described(files: PluginFiles, asked: Asked) -> Described:
    if asked.problem:
        return Described(files.digest, problems=(f"{files.folder}: {asked.problem}",))
    found = asked.answer["filters"]
    problems = [str(files.folder / problem) for problem in asked.answer["problems"]]
    by_name: dict[str, str] = {}
    for one in found:
        first = by_name.setdefault(one["name"], one["file"])
        if first != one["file"]:
            problems.append(f"{files.folder / one['file']}:{one['line']}: {one['name']} is defined in {first} too")
    if not found and not problems:
        problems.append(f"{files.folder}: no class is derived from `penstock.sdk.Filter`")
    kinds = tuple(_kind(one, files.folder) for one in found)
    return Described(files.digest, kinds, by_name, tuple(problems))


def _kind(one: Mapping[str, Any], folder: Path) -> FilterKind:
    return FilterKind(
        name=one["name"],
        summary=one["summary"],
        page=one["page"],
        schema=one["schema"],
        example=one["example"],
        results=tuple(one["results"]),
        buffers_body=one["buffers_body"],
        source=f"{folder / one['file']}:{one['line']}",
        answers=one["answers"],
    )
