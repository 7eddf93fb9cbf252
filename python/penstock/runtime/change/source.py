"""Where a configuration comes from: files, or data; read whole, checked whole, written into the store at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from penstock.base.problem import Problem, errors
from penstock.compiler import Compiled
from penstock.compiler.listening import check_listening
from penstock.compiler.validity import check_validity
from penstock.filters.plugin_files import plugin_paths
from penstock.filters.plugins import plugin_archive, plugin_path
from penstock.model.loading import load_texts, locate
from penstock.model.loading.loaded import Placed
from penstock.model.loading.loader import Memory, load_data
from penstock.model.loading.substitution import Surroundings
from penstock.runtime.change.compilation import Compilation
from penstock.runtime.change.entries import PLUGIN_FILES, Entries, read_order
from penstock.runtime.change.ownership import ANYONE, FILES, Owners
from penstock.store import Author, Change, Snapshot, Store, Transaction
from penstock.store.files import environment, read_texts
from penstock.store.log_places import log_problems

AUTHOR = Author("configuration", "files")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source holds, and every problem of it, located; `plugins` are the digests of plugins' files."""

    placed: Sequence[Placed]
    problems: Sequence[Problem]
    plugins: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_usable(self) -> bool:
        """Whether nothing refuses it."""
        return not errors(self.problems)

    @property
    def archives(self) -> set[str]:
        """The archives that its plugins name."""
        return {digest for one in self.placed if (digest := plugin_archive(one))}

    def strangers(self, before: Snapshot) -> list[Problem]:
        """Resources that somebody else has written into the store under the same names, and goes on keeping there."""
        owners = Owners.read(before)
        taken = [one for one in self.placed if one.key in before.entries and owners.of(one.key) != FILES]
        hint = "take it out of the files, or delete it there"
        return [one.located(Problem(("name",), _owned(one.key, owners), hint)) for one in taken]

    async def write(self, store: Store, entries: Entries) -> Change:
        """Make the store hold what was read, and nothing else of what an earlier reading has put there."""
        digests = {f"{PLUGIN_FILES}{name}": digest for name, digest in self.plugins.items()}
        wanted = entries.written(self.placed) | digests
        before = await store.range()
        earlier = [*read_order(before), *(key for key in before.entries if key.startswith(PLUGIN_FILES))]
        gone = frozenset(earlier) & before.entries.keys() - wanted.keys()
        return await store.transaction(Transaction(AUTHOR, put=wanted, delete=gone, is_kept_elsewhere=True))


def _owned(key: str, owners: Owners) -> str:
    owner = owners.of(key)
    return f"`{key}` is owned by {'the admin API' if owner == ANYONE else f'{owner}, who writes over the admin API'}"


class Source(Protocol):
    """Something that a configuration can be read from, again and again."""

    @property
    def place(self) -> str | None:
        """Where the configuration lies, if it lies somewhere."""

    def read(self) -> Reading:
        """What it holds now. Does not touch the store, and may run in any thread, once at a time."""


@dataclass(slots=True)
class FileSource:
    """Configuration files."""

    path: Path
    compilation: Compilation
    _named: frozenset[Path] = frozenset()
    _plugins: tuple[Path, ...] = ()
    _memory: Memory = field(default_factory=Memory)

    @property
    def place(self) -> str:
        """The path of the file or folder."""
        return str(self.path.absolute())

    @property
    def referred(self) -> frozenset[Path]:
        """What the last reading has led to: files and folders that were named, and files of plugins."""
        return self._named.union(*(plugin_paths(path, self.compilation.state_folder) for path in self._plugins))

    def read(self) -> Reading:
        """What the files hold now."""
        texts, unread = read_texts(self.path)
        around = environment()
        referred: set[Path] = set()

        def file(of: str, path: str) -> str:
            referred.add(Path(of).parent / path)
            return around.file(of, path)

        def folder(of: str, path: str) -> Sequence[str]:
            top = Path(of).parent / path
            # Looked at even if it cannot be read now: it may be there later.
            referred.add(top)
            names = around.folder(of, path)
            referred.update(top / name for name in names if name.endswith("/"))
            return names

        loaded = load_texts(texts, Surroundings(around.variable, file, folder), self._memory).beside(unread)
        self._named = frozenset(referred)
        self._plugins = tuple(path for one in loaded.resources if (path := plugin_path(one)))
        compiled = self.compilation.compile(loaded.resources, loaded.unusable)
        late = check_validity(loaded.resources, self.compilation.native, datetime.now(UTC))
        located = locate([*loaded.problems, *compiled.problems, *late, *log_problems(loaded.readable)], texts)
        if not errors(located):
            located += check_listening(loaded.resources, str(self.path))
        return Reading(loaded.resources, tuple(located), _plugin_digests(compiled, loaded.resources))


class NothingRead(Reading):
    """A reading of no files at all: others write what is served."""

    def strangers(self, _before: Snapshot) -> list[Problem]:
        """Nobody's: nothing is claimed."""
        return []

    async def write(self, store: Store, _entries: Entries) -> Change:
        """The latest change, whoever has made it."""
        return await store.transaction(Transaction(AUTHOR))


@dataclass(frozen=True, slots=True)
class NoSource:
    """No configuration of this node's own: what its store holds is all there is."""

    place: str | None = None

    def read(self) -> Reading:
        """Nothing."""
        return NothingRead((), ())


@dataclass(slots=True)
class DataSource:
    """Resources as plain data, which never change."""

    data: Sequence[Mapping[str, Any]]
    compilation: Compilation
    place: str | None = None

    def read(self) -> Reading:
        """What the data holds."""
        loaded = load_data(self.data)
        compiled = self.compilation.compile(loaded.resources, loaded.unusable)
        digests = _plugin_digests(compiled, loaded.resources)
        return Reading(loaded.resources, (*loaded.problems, *compiled.problems), digests)


def _plugin_digests(compiled: Compiled, placed: Sequence[Placed]) -> dict[str, str]:
    """The digests of plugins' files; a plugin that names an archive says by itself which files it means."""
    bodies = (part["body"] for key, part in compiled.plan["parts"].items() if key.startswith("plugin/"))
    named = {one.resource.name for one in placed if plugin_path(one)}
    return {body["name"]: body["digest"] for body in bodies if body["kind"] == "plugin" and body["name"] in named}
