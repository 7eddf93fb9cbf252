"""Compiles resources again and again, and only what changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType

from penstock.compiler import Compiled, Remembered, compile_resources
from penstock.filters.catalogue import Catalogue
from penstock.filters.plugin_version import PluginMemory
from penstock.filters.plugins import plugin_catalogue
from penstock.model.loading.loaded import ALL_USABLE, Placed, Unusable


@dataclass(slots=True)
class Compilation:
    """The compiler with its memory. The same resources in the same order are not compiled twice in a row.

    `native` are the core's filters; those of plugins are copied into `state_folder`, where workers import them.
    """

    native: Catalogue
    state_folder: Path
    _remembered: Remembered = field(default_factory=Remembered)
    _plugins: PluginMemory = field(default_factory=PluginMemory)
    _latest: tuple[str, Compiled] | None = None

    def compile(
        self,
        placed: Sequence[Placed],
        unusable: Unusable = ALL_USABLE,
        plugins: Mapping[str, str] = MappingProxyType({}),
    ) -> Compiled:
        """The plan that resources make together, and every problem.

        `plugins` are the digests of plugins' files that were accepted; of others the files are read.
        """
        readable = [one for one in unusable.among(placed) if not one.lacks("python")]
        catalogue = plugin_catalogue(self.native, readable, self.state_folder, self._plugins, plugins)
        fingerprint = _fingerprint(catalogue, placed, unusable)
        if self._latest is not None and self._latest[0] == fingerprint:
            return self._latest[1]
        compiled = compile_resources(placed, catalogue, self._remembered, unusable=unusable)
        self._latest = (fingerprint, compiled)
        return compiled


def _fingerprint(catalogue: Catalogue, placed: Sequence[Placed], unusable: Unusable) -> str:
    digest = blake2b(catalogue.digest.encode(), digest_size=16)
    for one in unusable.among(placed):
        digest.update(f"{one.digest} {one.file} {one.document}\0".encode(errors="surrogatepass"))
    digest.update(f"{sorted(unusable.keys)} {unusable.is_incomplete}".encode(errors="surrogatepass"))
    return digest.hexdigest()
