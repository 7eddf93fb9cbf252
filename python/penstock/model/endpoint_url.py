"""The address of an endpoint as users write it, taken apart once."""

import re
from dataclasses import dataclass
from typing import Any, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from penstock.base.networks import bracketed, canonical_host, canonical_port, socket_address, split_authority
from penstock.model.normal_path import normal_path

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443, "h2c": 80, "tcp": 0, "tls": 0, "udp": 0}
"""What a URL may begin with, and the port that it means where it names none."""
_SPEAKS = {"http": "http", "https": "http", "h2c": "http", "tcp": "tcp", "tls": "tcp", "udp": "udp", "unix": ""}
URL_PATTERN = r"^((https?|h2c|tcp|tls|udp)://|unix:/)"


@dataclass(frozen=True, slots=True)
class EndpointUrl:
    """`http://host:port/path`, also with `https` or `h2c`, `tcp://host:port`, also with `tls`, `udp`, or `unix:/path`.

    `address` is what is connected to, `host` the Host header that belongs to it, `path` what is put before the
    request's path, without a final slash.
    """

    address: str
    host: str
    path: str = ""
    scheme: str = "http"

    def __str__(self) -> str:
        return self.address if self.scheme == "unix" else f"{self.scheme}://{self.host}{self.path}"

    @property
    def is_tls(self) -> bool:
        """Whether the endpoint speaks TLS."""
        return self.scheme in {"https", "tls"}

    @property
    def speaks(self) -> str:
        """What is spoken to the endpoint: `http`, `tcp` or `udp`; empty: either of the first two."""
        return _SPEAKS[self.scheme]

    @property
    def is_http2(self) -> bool:
        """Whether the URL itself says that the endpoint speaks HTTP/2, in clear text."""
        return self.scheme == "h2c"

    @staticmethod
    def looks_like(text: str) -> bool:
        """Whether a text is meant as a URL rather than as the name of an upstream."""
        return text.startswith("unix:") or _SCHEME.match(text) is not None

    @classmethod
    def parse(cls, text: object) -> Self:
        """The endpoint that a URL names.

        Raises: ValueError that says what to write.
        """
        if not isinstance(text, str):
            raise ValueError(f"not a URL: {str(text)[:40]}; write one as in http://127.0.0.1:9000")  # noqa: TRY004 - pydantic
        if text.startswith("unix:"):
            return cls(socket_address(text), "localhost", scheme="unix")
        scheme = _SCHEME.match(text)
        if scheme is None:
            raise ValueError(f"not a URL: {text[:80]!r}; write {_meant(text)}")
        kind = scheme[1].lower()
        if kind not in _PORTS:
            raise ValueError(
                f"{kind} endpoints are not built yet; "
                "write http://, https:// or h2c://, or tcp:// and udp:// for their routes"
            )
        authority, slash, path = text[scheme.end() :].partition("/")
        if authority == "unix:":
            raise ValueError(f"not a URL: {text[:80]!r}; write unix:/{path.rstrip(':')[:80]}")
        host, port = _host_and_port(authority, _PORTS[kind])
        shown = bracketed(host) if port == _PORTS[kind] else f"{bracketed(host)}:{port}"
        if _SPEAKS[kind] != "http" and path:
            raise ValueError(f"a {kind}:// URL has no path")
        return cls(f"{bracketed(host)}:{port}", shown, _path(slash + path), kind)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        shown = core_schema.plain_serializer_function_ser_schema(str, when_used="always")
        return core_schema.no_info_plain_validator_function(cls._validate, serialization=shown)

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": URL_PATTERN}

    @classmethod
    def _validate(cls, value: object) -> Self:
        return value if isinstance(value, cls) else cls.parse(value)


def _meant(text: str) -> str:
    """The URL that a text becomes with its scheme; an example where that is none."""
    try:
        return str(EndpointUrl.parse(f"http://{text}"))[:80]
    except ValueError:
        return "one as in http://127.0.0.1:9000"


def _host_and_port(authority: str, usual: int) -> tuple[str, int]:
    if "@" in authority:
        raise ValueError("a URL with a user name; credentials are added by a filter")
    host, port_text = split_authority(authority)
    if not host:
        raise ValueError("a URL without a host; write one as in http://127.0.0.1:9000")
    if not port_text and not usual:
        raise ValueError("a URL without a port; write one as in tcp://127.0.0.1:5432")
    port = canonical_port(port_text) if port_text else usual
    if port == 0:
        raise ValueError("port 0 cannot be connected to; write a number from 1 to 65535")
    return canonical_host(host), port


def _path(path: str) -> str:
    if "?" in path or "#" in path:
        raise ValueError("a URL of an endpoint has no query and no fragment")
    normal = normal_path(path).rstrip("/")
    if any(segment in {"", ".", ".."} for segment in normal.split("/")[1:]):
        raise ValueError("write the path of the URL without `//`, `.` and `..`")
    return normal
