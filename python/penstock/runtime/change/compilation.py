"""Compiles resources again and again, and only what changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from types import MappingProxyType

from penstock.compiler import Compiled, Remembered, compile_resources
from penstock.filters.catalogue import Catalogue, FilterKind
from penstock.filters.plugin_files import keep_copy
from penstock.filters.plugin_shelf import FOLDER as ARCHIVES
from penstock.filters.plugin_shelf import Shelf
from penstock.filters.plugin_trust import Trust
from penstock.filters.plugin_version import FOLDER, PluginMemory
from penstock.filters.plugins import Known, plugin_catalogue
from penstock.model.loading.loaded import ALL_USABLE, Placed, Unusable

_Question = tuple[str, Unusable, list[Placed]]


@dataclass(slots=True)
class Compilation:
    """The compiler with its memory. The same resources in the same order are not compiled twice in a row.

    Threads may share it: a reload, a change and a dry run compile one after the other.

    `native` are the core's filters; those of plugins are copied into `state_folder`, where workers import them.
    """

    native: Catalogue
    state_folder: Path
    trust: Trust = field(default_factory=Trust)
    """Who has to have signed archives of plugins."""
    shelf: Shelf = field(init=False)
    _remembered: Remembered = field(default_factory=Remembered)
    _plugins: PluginMemory = field(default_factory=PluginMemory)
    _latest: tuple[_Question, Compiled] | None = None
    _catalogue: Catalogue | None = None
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.shelf = Shelf(self.state_folder / ARCHIVES, self.trust)

    def has_unpacked(self, archive: str) -> bool:
        """Whether the files of a plugin in an archive are where workers import them."""
        known = self._plugins.archived.get(archive)
        return known is not None and keep_copy(self.state_folder / FOLDER, known.digest)

    def compile(
        self,
        placed: Sequence[Placed],
        unusable: Unusable = ALL_USABLE,
        plugins: Mapping[str, str] = MappingProxyType({}),
    ) -> Compiled:
        """The plan that resources make together, and every problem.

        `plugins` are the digests of plugins' files that were accepted; of others the files are read.
        """
        with self._lock:
            return self._compile(placed, unusable, plugins)

    def _compile(self, placed: Sequence[Placed], unusable: Unusable, plugins: Mapping[str, str]) -> Compiled:
        known = Known(plugins, self.shelf)
        catalogue = plugin_catalogue(self.native, unusable.with_files(placed), self.state_folder, self._plugins, known)
        self._catalogue = catalogue
        # A list that holds the same objects is compared without looking into them.
        question = (catalogue.digest, unusable, list(placed))
        if self._latest is not None and self._latest[0] == question:
            return self._latest[1]
        compiled = compile_resources(placed, catalogue, self._remembered, unusable=unusable)
        self._latest = (question, compiled)
        return compiled

    @property
    def kinds(self) -> Mapping[str, FilterKind]:
        """The kinds of filters that the latest compilation knew."""
        return (self._catalogue or self.native).kinds
