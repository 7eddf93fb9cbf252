"""Collectors: who takes traces, logs and metrics over the network."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from penstock.base.units import Duration
from penstock.model.endpoint_url import EndpointUrl
from penstock.model.resource import Settings, SomeTime
from penstock.model.route import HeaderName
from penstock.model.secret_text import SecretText
from penstock.model.upstream import UpstreamTls

_OWN = frozenset(
    {"connection", "content-length", "content-type", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Fields that say how a request is written, or what is in it."""


def check_collector_url(url: EndpointUrl) -> EndpointUrl:
    """The URL itself, if telemetry can be sent there.

    Raises: ValueError that says what to write.
    """
    if url.scheme not in {"http", "https", "unix"}:
        raise ValueError(f"nothing is sent by {url.scheme}://; write http:// or https://")
    return url


def check_own_header(name: str) -> str:
    """The name itself, if it is a user's to set.

    Raises: ValueError if the gateway sets that header itself.
    """
    if name in _OWN:
        raise ValueError(f"the gateway writes {name} itself; leave it out")
    return name


def check_header_value(value: SecretStr) -> SecretStr:
    """The value itself, if it can stand in a header; it is not repeated, for it may be a password.

    Raises: ValueError if it cannot.
    """
    text = value.get_secret_value()
    if text != text.strip() or not text.isascii() or not text.isprintable():
        raise ValueError("not the value of a header: only printable ASCII without spaces around it can be sent")
    return value


CollectorUrl = Annotated[
    EndpointUrl,
    AfterValidator(check_collector_url),
    Field(json_schema_extra={"pattern": "^(https?://|unix:/)"}),
]
CollectorHeader = Annotated[HeaderName, AfterValidator(check_own_header)]
HeaderValue = Annotated[SecretText, AfterValidator(check_header_value)]


class Collector(Settings):
    """Who takes telemetry, and how it is spoken to."""

    endpoint: CollectorUrl = Field(
        description="`http://host:port` or `https://host:port`, with a path to put before the protocol's own; or "
        "`unix:/path`."
    )
    headers: Mapping[CollectorHeader, HeaderValue] = Field(
        {}, description="Headers of every request to it, such as `authorization`; their values are never shown."
    )
    timeout: SomeTime = Field(
        Duration.parse("10s"), description="Time that one delivery may take, to be tried again after."
    )
    tls: UpstreamTls | None = Field(
        None, description="What is asked of an `https://` collector. Absent: a certificate that the machine trusts."
    )


class OtlpCollector(Collector):
    """Who takes OpenTelemetry data."""

    protocol: Literal["grpc", "http"] = Field(
        "grpc", description="What it speaks: OTLP over gRPC, as a rule on port 4317, or over HTTP, on port 4318."
    )
