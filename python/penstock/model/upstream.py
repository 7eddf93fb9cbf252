"""Upstreams: endpoints and how they are used."""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from penstock.base.names import did_you_mean
from penstock.base.networks import canonical_host
from penstock.base.units import Duration
from penstock.model.endpoint_url import URL_PATTERN, EndpointUrl
from penstock.model.resource import Name, Number, Resource, Settings, SomeTime, Text, or_text, reference

_HEAVIEST = 65_535
_RETRY_WORDS = ("connect_failure", "reset", "timed_out")
_STATUS = range(400, 600)
_CLASSES = {"5xx": "500, 502, 503, 504", "4xx": "408, 409, 425, 429"}
_PERCENT = re.compile(r"([0-9]{1,3})%\Z")
_WHOLE = 100


class Endpoint(Settings):
    """One address that serves an upstream's requests."""

    model_config: ClassVar[ConfigDict] = ConfigDict(title="Endpoint")

    url: EndpointUrl = Field(
        description="`http://host:port` or `https://host:port`, with a path to put before the request's; behind a "
        "`TcpRoute` `tcp://host:port` or `tls://host:port`; behind a `UdpRoute` `udp://host:port`; or `unix:/path`."
    )
    weight: Number = Field(
        1, ge=0, le=_HEAVIEST, description="Share of the requests in relation to its neighbours; 0: none."
    )
    tags: tuple[Name, ...] = Field((), description="Labels that a step may choose by.")


def read_endpoint(value: object) -> object:
    """The mapping that an endpoint's short form, its URL, stands for."""
    return {"url": value} if isinstance(value, str) else value


def read_retry_cause(value: object) -> str | int:
    """A cause of another attempt: a word or a status.

    Raises: ValueError that lists the words.
    """
    if isinstance(value, str) and value in _RETRY_WORDS:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value in _STATUS:
        return value
    text = str(value)
    if isinstance(value, str) and text.isdigit() and int(text[:3]) in _STATUS and len(text) == len("500"):
        raise ValueError(f"not a cause: {text!r}; write it without quotes: {text}")
    if text in _CLASSES:
        raise ValueError(f"not a cause: {text!r}; write each status, as in {_CLASSES[text]}")
    instead = did_you_mean(text, _RETRY_WORDS) or f"write {', '.join(_RETRY_WORDS)} or a status from 400 to 599"
    raise ValueError(f"not a cause: {text[:40]!r}; {instead}")


def read_percent(value: object) -> int:
    """A share from its text, `20%`.

    Raises: ValueError if it is none.
    """
    found = _PERCENT.match(value) if isinstance(value, str) else None
    if found is None or int(found[1]) > _WHOLE:
        is_fraction = isinstance(value, float) and 0 < value < 1
        is_count = isinstance(value, int) and 0 <= value <= _WHOLE
        instead = f"{value:.0%}" if is_fraction else f"{value}%" if is_count else "one from 0% to 100%"
        raise ValueError(f"not a share: {str(value)[:40]!r}; write {instead}")
    return int(found[1])


RetryCause = Annotated[
    Literal["connect_failure", "reset", "timed_out"] | int,
    BeforeValidator(read_retry_cause),
    WithJsonSchema({"anyOf": [{"enum": list(_RETRY_WORDS)}, {"type": "integer", "minimum": 400, "maximum": 599}]}),
]
Percent = Annotated[
    int,
    BeforeValidator(read_percent),
    PlainSerializer(lambda percent: f"{percent}%", return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,3}%$"}),
]
Host = Annotated[Text, AfterValidator(canonical_host)]
EndpointOrUrl = Annotated[Endpoint, BeforeValidator(read_endpoint), Field(json_schema_extra=or_text(URL_PATTERN))]


class Retry(Settings):
    """When and how often an attempt is repeated."""

    attempts: Number = Field(1, ge=1, le=10, description="Attempts after the first.")
    on: tuple[RetryCause, ...] = Field(
        ("connect_failure",),
        min_length=1,
        description="What leads to another attempt: `connect_failure`, `reset`, `timed_out` or a status.",
    )
    budget: Percent = Field(
        20,
        description="Most attempts beyond the first, as a share of the requests in flight.",
        json_schema_extra={"default": "20%"},
    )


class Timeouts(Settings):
    """How long each phase of an attempt may take."""

    connect: SomeTime = Field(Duration.parse("2s"), description="To make a connection.")
    answer: SomeTime = Field(Duration.parse("60s"), description="From the request sent to the answer's head received.")
    idle: SomeTime = Field(Duration.parse("60s"), description="While a body or a tunnel stands still.")
    send: SomeTime = Field(Duration.parse("60s"), description="While a write stands still.")
    keep: Duration = Field(Duration.parse("55s"), description="That an unused connection is kept.")


class Ping(Settings):
    """When endpoints that speak HTTP/2 are asked whether they are there."""

    interval: Duration = Field(
        Duration.parse("15s"),
        description="Silence after which an endpoint is asked, while a request waits for it; 0s: never. One that "
        "answers and stays silent is asked again after five minutes, for servers of gRPC allow no more.",
    )
    timeout: SomeTime = Field(
        Duration.parse("15s"), description="Time to answer, after which the connection is given up."
    )


class UpstreamTls(Settings):
    """What is asked of endpoints that speak TLS."""

    ca: Text | None = Field(
        None,
        min_length=1,
        description="Certificates in PEM of who may sign those of endpoints. Absent: whom the machine trusts.",
    )
    certificate: reference("certificate") | None = Field(  # type: ignore[valid-type] # made by a call
        None, description="Name of the certificate that endpoints are shown. Absent: none."
    )
    server_name: Host | None = Field(
        None, description="Name that the certificates of endpoints have to be for. Absent: the host of each URL."
    )
    insecure: bool = Field(default=False, description="Whether any certificate is taken, whoever may have made it.")


class Upstream(Resource):
    """A group of endpoints that serve the same thing."""

    model_config: ClassVar[ConfigDict] = ConfigDict(title="Upstream")
    example: ClassVar[str] = """
        kind: Upstream
        name: orders
        endpoints:
          - http://127.0.0.1:9001
          - {url: http://127.0.0.1:9002, weight: 2}
        balance: least_requests
        timeouts: {connect: 1s, answer: 30s}
        retry: {attempts: 2, on: [connect_failure, 503], budget: 20%}
    """

    kind: Literal["Upstream"] = Field(description="What the resource is.")
    endpoints: tuple[EndpointOrUrl, ...] = Field(min_length=1, description="Addresses that serve its requests.")
    balance: Literal["round_robin", "random", "least_requests"] = Field(
        "round_robin", description="How an endpoint is picked: in turn, by chance, or the least busy; all by weight."
    )
    timeouts: Timeouts = Field(Timeouts(), description="How long each phase of an attempt may take.")
    idle_connections: Number = Field(
        512, ge=0, le=65_535, description="Most idle connections kept to one endpoint by one worker."
    )
    protocol: Literal["http1", "h2", "h2c", "auto"] | None = Field(
        None,
        description="What endpoints speak: HTTP/1.1, HTTP/2 over TLS, HTTP/2 in clear text by prior knowledge, or what "
        "the handshake of TLS comes to. Absent: `h2c` where URLs begin with `h2c://`, else `http1`.",
    )
    ping: Ping = Field(Ping(), description="When endpoints that speak HTTP/2 are asked whether they are there.")
    proxy_protocol: Literal["off", "v1", "v2"] = Field(
        "off",
        description="PROXY protocol header that tells endpoints of the client; with one no connection is kept for "
        "others.",
    )
    tls: UpstreamTls | None = Field(
        None, description="What is asked of `https://` endpoints. Absent: a certificate that the machine trusts."
    )
    retry: Retry | None = Field(
        None, description="When an attempt is repeated. Absent: once where no connection can be made."
    )
