"""Compiles resources again and again, and only what changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from penstock.compiler import Compiled, Remembered, compile_resources
from penstock.filters.catalogue import Catalogue
from penstock.model.loading.loader import Placed


@dataclass(slots=True)
class Compilation:
    """The compiler with its memory. The same resources in the same order are not compiled twice in a row."""

    catalogue: Catalogue
    _remembered: Remembered = field(default_factory=Remembered)
    _latest: tuple[str, Compiled] | None = None

    def compile(self, placed: Sequence[Placed], unusable: frozenset[str] = frozenset()) -> Compiled:
        """The plan that resources make together, and every problem."""
        fingerprint = self._fingerprint(placed, unusable)
        if self._latest is not None and self._latest[0] == fingerprint:
            return self._latest[1]
        compiled = compile_resources(placed, self.catalogue, self._remembered, unusable=unusable)
        self._latest = (fingerprint, compiled)
        return compiled

    def _fingerprint(self, placed: Sequence[Placed], unusable: frozenset[str]) -> str:
        digest = blake2b(self.catalogue.digest.encode(), digest_size=16)
        for one in placed:
            digest.update(f"{one.digest} {one.file} {one.document}\0".encode(errors="surrogatepass"))
        digest.update("\0".join(sorted(unusable)).encode())
        return digest.hexdigest()
