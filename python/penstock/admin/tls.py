"""TLS of the admin port: its certificate, and who has to have signed those of the ones who ask."""

import logging
import ssl
from dataclasses import dataclass, field
from pathlib import Path

_log = logging.getLogger("penstock")
_Fingerprint = tuple[tuple[int, int, int], ...]


@dataclass(slots=True)
class AdminTls:
    """The files that TLS of the admin port is made of.

    They are looked at with every connection, so that renewed ones are used at once; broken ones are not.
    `clients` are certificates of authorities: whoever asks shows one that they have signed, and a token all the same.
    """

    certificate: Path
    key: Path | None = None
    clients: Path | None = None
    _made: ssl.SSLContext | None = None
    _of: _Fingerprint = field(default=())

    def context(self) -> ssl.SSLContext:
        """What the next connection is enciphered with.

        Raises: ValueError if there is none to begin with.
        """
        seen = self._fingerprint()
        if self._made is None or seen != self._of:
            self._of = seen
            try:
                self._made = self._context()
            except (OSError, ssl.SSLError) as problem:
                said = f"TLS of the admin port: {self.certificate}: {getattr(problem, 'strerror', None) or problem}"
                if self._made is None:
                    raise ValueError(said) from None
                _log.error("%s; the earlier certificate is used", said)
        return self._made

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        # Of a key that needs a passphrase nobody is there to be asked for it.
        context.load_cert_chain(self.certificate, self.key, password=lambda: b"")
        if self.clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.clients)
        return context

    def _fingerprint(self) -> _Fingerprint:
        found = []
        for path in filter(None, (self.certificate, self.key, self.clients)):
            try:
                status = path.stat()
            except OSError:
                found.append((0, 0, 0))
            else:
                found.append((status.st_ino, status.st_size, status.st_mtime_ns))
        return tuple(found)
