"""Stream routes: where connections and datagrams go that are carried as they are."""

from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from penstock.base.names import check_name
from penstock.base.units import Duration
from penstock.model.endpoint_url import EndpointUrl
from penstock.model.patterns import read_host
from penstock.model.resource import Number, Resource, Settings, SomeTime, Text, reference

_HEAVIEST = 65_535
_TARGET = {"x-penstock-reference": "upstream"}


def check_target(target: str) -> str:
    """The name of an upstream, or a URL in canonical form.

    Raises: ValueError that says what to write.
    """
    return str(EndpointUrl.parse(target)) if EndpointUrl.looks_like(target) else check_name(target)


Target = Annotated[Text, AfterValidator(check_target), Field(json_schema_extra=_TARGET)]


class Destination(Settings):
    """An upstream and its share of the connections, or of the clients."""

    upstream: Target = Field(description="Name of an upstream or a URL.")
    weight: Number = Field(1, ge=0, le=_HEAVIEST, description="Share in relation to the others; 0: none.")


def read_destinations(value: object) -> object:
    """The list that a single destination stands for."""
    return [{"upstream": value}] if isinstance(value, str) else value


def _or_one(schema: dict[str, Any]) -> None:
    several = dict(schema)
    schema.clear()
    schema["description"] = several.pop("description", "")
    schema["anyOf"] = [{"type": "string", **_TARGET}, several]


class TcpRoute(Resource):
    """Carries the connections of listeners that speak `tcp` to an upstream, byte for byte both ways.

    Each listener that speaks `tcp` is served by one such route.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(title="TcpRoute")
    example: ClassVar[str] = """
        kind: TcpRoute
        name: database
        to: tcp://127.0.0.1:5432
        idle: 30m
    """

    kind: Literal["TcpRoute"] = Field(description="What the resource is.")
    listeners: tuple[reference("listener"), ...] | None = Field(  # type: ignore[valid-type]
        None, min_length=1, description="Listeners it serves. Absent: all that speak `tcp`."
    )
    to: Annotated[
        tuple[Destination, ...], BeforeValidator(read_destinations), Field(min_length=1, json_schema_extra=_or_one)
    ] = Field(description="Where connections go: a URL, an upstream, or a list of them with weights.")
    idle: SomeTime = Field(Duration.parse("10m"), description="Time a connection may stand still.")


def check_server_name(name: str) -> str:
    """The host itself in small letters, if a client can ask for it in a handshake.

    Raises: ValueError that says what to write.
    """
    kind, host = next(iter(cast("dict[str, str]", read_host(name)).items()))
    if host.startswith("[") or host.rpartition(".")[2].isdigit():
        raise ValueError(f"{host}: nobody asks for an address in a handshake; leave `hosts` out for all that comes")
    return f"*.{host}" if kind == "wildcard" else host


ServerName = Annotated[Text, AfterValidator(check_server_name)]
"""A host that clients ask for in handshakes, or `*.` before the end of such."""


class TlsRoute(Resource):
    """Carries connections of listeners that speak `tls` to an upstream, by the host that a client asks for.

    The handshake is read and not answered: endpoint and client speak TLS with each other, and no certificate is needed
    here. Of several routes the one for the whole host serves, else the one for its longest ending, else one without
    `hosts`.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(title="TlsRoute")
    example: ClassVar[str] = """
        kind: TlsRoute
        name: shop
        hosts: [shop.example.com, "*.shop.example.com"]
        to: tcp://10.0.0.1:443
    """

    kind: Literal["TlsRoute"] = Field(description="What the resource is.")
    listeners: tuple[reference("listener"), ...] | None = Field(  # type: ignore[valid-type]
        None, min_length=1, description="Listeners it serves. Absent: all that speak `tls`."
    )
    hosts: tuple[ServerName, ...] | None = Field(
        None,
        min_length=1,
        description="Hosts that clients ask for; `*.` stands for one or more labels. Absent: all, and clients that "
        "ask for none.",
    )
    to: Annotated[
        tuple[Destination, ...], BeforeValidator(read_destinations), Field(min_length=1, json_schema_extra=_or_one)
    ] = Field(description="Where connections go: a URL, an upstream, or a list of them with weights.")
    idle: SomeTime = Field(Duration.parse("10m"), description="Time a connection may stand still.")


class UdpRoute(Resource):
    """Carries the datagrams of listeners that speak `udp` to an upstream, and its answers back.

    Each listener that speaks `udp` is served by one such route. The datagrams of one client go to one endpoint.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(title="UdpRoute")
    example: ClassVar[str] = """
        kind: UdpRoute
        name: names
        to: udp://10.0.0.2:53
        idle: 10s
    """

    kind: Literal["UdpRoute"] = Field(description="What the resource is.")
    listeners: tuple[reference("listener"), ...] | None = Field(  # type: ignore[valid-type]
        None, min_length=1, description="Listeners it serves. Absent: all that speak `udp`."
    )
    to: Annotated[
        tuple[Destination, ...], BeforeValidator(read_destinations), Field(min_length=1, json_schema_extra=_or_one)
    ] = Field(description="Where datagrams go: a URL, an upstream, or a list of them with weights.")
    idle: SomeTime = Field(
        Duration.parse("30s"), description="Time after the last datagram for which a client keeps its endpoint."
    )
