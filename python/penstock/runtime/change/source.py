"""Where a configuration comes from: files, or data; read whole, checked whole, written into the store at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from penstock.base.problem import Problem, errors
from penstock.model.loading import load_texts, locate
from penstock.model.loading.loader import Memory, Placed, load_data
from penstock.model.loading.substitution import Surroundings
from penstock.runtime.change.compilation import Compilation
from penstock.runtime.change.entries import Entries, read_order
from penstock.store import Author, Change, Store, Transaction
from penstock.store.files import environment, read_texts

_AUTHOR = Author("configuration", "files")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source holds, and every problem of it, located."""

    placed: Sequence[Placed]
    problems: Sequence[Problem]

    @property
    def is_usable(self) -> bool:
        """Whether nothing refuses it."""
        return not errors(self.problems)

    async def write(self, store: Store, entries: Entries) -> Change:
        """Make the store hold what was read, and nothing else of what an earlier reading has put there."""
        wanted = entries.written(self.placed)
        before = await store.range()
        gone = frozenset(read_order(before)) & before.entries.keys() - wanted.keys()
        return await store.transaction(Transaction(_AUTHOR, put=wanted, delete=gone))


class Source(Protocol):
    """Something that a configuration can be read from, again and again."""

    def read(self) -> Reading:
        """What it holds now. Does not touch the store, and may run in any thread, once at a time."""


@dataclass(slots=True)
class FileSource:
    """Configuration files.

    `referred` are the files that `${file:path}` named at the last reading: a change of one is a change.
    """

    path: Path
    compilation: Compilation
    referred: frozenset[Path] = frozenset()
    _memory: Memory = field(default_factory=Memory)

    def read(self) -> Reading:
        """What the files hold now."""
        texts, problems = read_texts(self.path)
        around = environment()
        referred: set[Path] = set()

        def file(of: str, path: str) -> str:
            referred.add(Path(of).parent / path)
            return around.file(of, path)

        loaded = load_texts(texts, Surroundings(around.variable, file), self._memory)
        self.referred = frozenset(referred)
        compiled = self.compilation.compile(loaded.resources, loaded.unusable)
        return Reading(loaded.resources, tuple(locate([*problems, *loaded.problems, *compiled.problems], texts)))


@dataclass(slots=True)
class DataSource:
    """Resources as plain data, which never change."""

    data: Sequence[Mapping[str, Any]]
    compilation: Compilation

    def read(self) -> Reading:
        """What the data holds."""
        loaded = load_data(self.data)
        compiled = self.compilation.compile(loaded.resources, loaded.unusable)
        return Reading(loaded.resources, (*loaded.problems, *compiled.problems))
