"""Compiles resources again and again, and only what changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from penstock.compiler import Compiled, Remembered, compile_resources
from penstock.filters.catalogue import Catalogue, FilterKind
from penstock.filters.plugin_version import PluginMemory
from penstock.filters.plugins import plugin_catalogue
from penstock.model.loading.loaded import ALL_USABLE, Placed, Unusable

_Question = tuple[str, Unusable, list[Placed]]


@dataclass(slots=True)
class Compilation:
    """The compiler with its memory. The same resources in the same order are not compiled twice in a row.

    `native` are the core's filters; those of plugins are copied into `state_folder`, where workers import them.
    """

    native: Catalogue
    state_folder: Path
    _remembered: Remembered = field(default_factory=Remembered)
    _plugins: PluginMemory = field(default_factory=PluginMemory)
    _latest: tuple[_Question, Compiled] | None = None
    _catalogue: Catalogue | None = None

    def compile(
        self,
        placed: Sequence[Placed],
        unusable: Unusable = ALL_USABLE,
        plugins: Mapping[str, str] = MappingProxyType({}),
    ) -> Compiled:
        """The plan that resources make together, and every problem.

        `plugins` are the digests of plugins' files that were accepted; of others the files are read.
        """
        catalogue = plugin_catalogue(
            self.native, unusable.with_files(placed), self.state_folder, self._plugins, plugins
        )
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
