"""Listeners: addresses, limits, and what is believed of a client."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

from penstock.base.names import did_you_mean
from penstock.base.networks import canonical_network, listening_address
from penstock.base.units import Duration, Size
from penstock.model.certificate import ListenerTls
from penstock.model.resource import MOST, Number, Resource, Settings, SomeSpace, SomeTime, Text
from penstock.model.step import StepList

BUILT_PROTOCOLS = ("http1", "h2", "h2c", "h3", "tls", "tcp", "udp")
CARRIED = ("tls", "tcp", "udp")


def check_protocol(protocol: str) -> str:
    """The protocol itself, if it is one.

    Raises: ValueError that tells what was probably meant.
    """
    if protocol in BUILT_PROTOCOLS:
        return protocol
    hint = did_you_mean(protocol, BUILT_PROTOCOLS)
    raise ValueError(f"no protocol is called {protocol!r}; {hint or 'write http1'}")


Protocol = Annotated[Text, AfterValidator(check_protocol), Field(json_schema_extra={"enum": list(BUILT_PROTOCOLS)})]
Network = Annotated[Text, AfterValidator(canonical_network)]
"""A network in CIDR form, or a single address."""


def read_address(value: object) -> object:
    """The text of an address.

    Raises: ValueError if it is a number, which is probably the port alone.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f"expected an address, found {value}; write 0.0.0.0:{value} or 127.0.0.1:{value}")  # noqa: TRY004 - pydantic
    return value


_ADDRESS = WithJsonSchema({"type": "string", "pattern": r"^unix:/|^(\[[0-9A-Fa-f:.]+\]|[0-9.]+):[0-9]+$"})


MOST_WINDOW = (1 << 31) - 1
"""RFC 9113, section 6.9.1."""
LEAST_CONNECTION_WINDOW = 64 << 10
"""What every connection of HTTP/2 grants before it says anything, rounded up."""


def check_window(window: Size) -> Size:
    """The window itself, if HTTP/2 can say it.

    Raises: ValueError if it is too large.
    """
    if window.bytes > MOST_WINDOW:
        raise ValueError("too large for HTTP/2; write 1GiB or less")
    return window


def check_connection_window(window: Size) -> Size:
    """The window itself, if a connection of HTTP/2 can have it.

    Raises: ValueError if it is too large, or smaller than each connection's first.
    """
    if window.bytes < LEAST_CONNECTION_WINDOW:
        raise ValueError("smaller than HTTP/2 allows; write 64KiB or more")
    return check_window(window)


class Limits(Settings):
    """Limits on what a client may send or hold."""

    header_time: SomeTime = Field(
        Duration.parse("10s"), description="Time from a request's first byte to the end of its head."
    )
    headers: SomeSpace = Field(Size.parse("64KiB"), description="Largest head, request line included.")
    fields: Number = Field(100, ge=1, le=10_000, description="Most fields in a head.")
    uri: SomeSpace = Field(Size.parse("16KiB"), description="Longest request target.")
    idle: SomeTime = Field(
        Duration.parse("60s"),
        description="Time a connection may wait for its next request, or a body or tunnel stand still.",
    )
    send: SomeTime = Field(Duration.parse("60s"), description="Time a write to the client may stand still.")
    half_close: Duration = Field(
        Duration.parse("500ms"), description="Time an exchange goes on after its client has closed its sending side."
    )
    connections: Number = Field(
        10_000, ge=1, le=MOST, description="Most open connections of this listener, over all workers."
    )
    body: Size | None = Field(None, description="Largest request body. Absent: no limit.")
    streams: Number = Field(100, ge=1, le=10_000, description="Most requests at once on a connection of HTTP/2 or 3.")
    stream_window: Annotated[SomeSpace, AfterValidator(check_window)] = Field(
        Size.parse("64KiB"),
        description="Most bytes of a request body of HTTP/2 or 3 that may come before they are taken.",
    )
    connection_window: Annotated[SomeSpace, AfterValidator(check_connection_window)] = Field(
        Size.parse("1MiB"), description="The same over all requests of a connection."
    )
    buffered_body: Size = Field(Size.parse("1MiB"), description="Most bytes of a body that a filter may have buffered.")


class Listener(Resource):
    """Accepts connections on an address and says what is believed of their clients.

    Every listener serves all routes that do not name their listeners.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(title="Listener")
    example: ClassVar[str] = """
        kind: Listener
        name: web
        address: 0.0.0.0:8080
        trusted_proxies: [10.0.0.0/8]
        limits: {header_time: 5s, body: 10MiB}
    """

    kind: Literal["Listener"] = Field(description="What the resource is.")
    address: Annotated[Text, BeforeValidator(read_address), AfterValidator(listening_address), _ADDRESS] = Field(
        description="Address and port, as in `0.0.0.0:8080` or `[::]:8080`, or `unix:/path`."
    )
    protocols: tuple[Protocol, ...] | None = Field(
        None,
        min_length=1,
        description="Protocols spoken, in order of preference; `h2` is HTTP/2 over TLS, `h2c` HTTP/2 in clear text, "
        "`h3` HTTP/3, over UDP at the same address; "
        "`tls`, `tcp` or `udp`, alone, carries bytes as they are, as `TlsRoute`, `TcpRoute` or `UdpRoute` say. "
        "Absent: `[http1]`, and with `tls` `[h2, http1]`.",
    )
    tls: ListenerTls | None = Field(None, description="What it asks of handshakes. Absent: it speaks clear text.")
    alt_svc: Duration | Literal["off"] = Field(
        Duration.parse("24h"),
        description="Time for which clients that come by TCP may keep in mind that `h3` is spoken, as an `Alt-Svc` "
        "header of each answer tells them; `off` tells them nothing.",
    )
    trusted_proxies: tuple[Network, ...] = Field(
        (), description="Networks (CIDR) whose forwarding headers are believed. Empty: none."
    )
    encoded_slash: Literal["refuse", "keep"] = Field(
        "refuse", description="What happens to `%2f` and `%5c` in a path: refused with 400, or kept as they are."
    )
    underscores: Literal["refuse", "drop"] = Field(
        "refuse", description="What happens to a field with an underscore in its name: 400, or the field is dropped."
    )
    proxy_protocol: Literal["off", "accept", "require"] = Field(
        "off",
        description="Whether connections of trusted proxies begin with a PROXY protocol header, version 1 or 2: "
        "`accept` believes one that is there, `require` closes every other connection.",
    )
    limits: Limits = Field(Limits(), description="Limits on what a client may send or hold.")
    before: StepList = Field((), description="Steps run for every request before it is routed.")
    after: StepList = Field((), description="Steps run with every answer, also the gateway's own.")

    @property
    def spoken(self) -> tuple[str, ...]:
        """The protocols spoken, in order of preference."""
        if self.protocols is not None:
            return self.protocols
        return ("http1",) if self.tls is None else ("h2", "http1")

    @property
    def speaks(self) -> str:
        """What its clients speak: `http`, or `tls`, `tcp` or `udp` where bytes are carried as they are."""
        return next((one for one in CARRIED if one in self.spoken), "http")

    @property
    def is_unix(self) -> bool:
        """Whether it listens on a unix socket."""
        return self.address.startswith("unix:")
