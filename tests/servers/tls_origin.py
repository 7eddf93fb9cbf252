"""An origin that speaks TLS, and remembers what it was asked for in handshakes."""

import ssl
from typing import Any

from tests.servers.origin import Origin
from tests.servers.tls_client import AUTHORITY, CERTIFICATES


class TlsOrigin(Origin):
    """The origin, behind a certificate of the tests; it may ask for one of its clients.

    `names` are those asked for, one for each handshake; `subjects` the common names of clients, one for each request;
    `resumed` whether its session was resumed, likewise.
    """

    def __init__(self, certificate: str = "shop", *, asks_clients: bool = False, oldest: Any = None) -> None:
        super().__init__()
        self.names: list[str | None] = []
        self.subjects: list[str] = []
        self.resumed: list[bool] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / f"{certificate}.pem", CERTIFICATES / f"{certificate}.key")
        context.sni_callback = lambda _stream, name, _context: self.names.append(name)
        if oldest:
            context.maximum_version = oldest
        if asks_clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(AUTHORITY)
        # The handshake is left to the thread of the connection: it may never end.
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=True
        )
        self.url = self.url.replace("http://", "https://")
        handler: Any = self._server.RequestHandlerClass
        answer = handler.parse_request

        def parse_request(one: Any) -> bool:
            subject = (one.connection.getpeercert() or {}).get("subject", ())
            self.subjects.append(dict(part[0] for part in subject).get("commonName", ""))
            self.resumed.append(bool(one.connection.session_reused))
            return bool(answer(one))

        handler.parse_request = parse_request
