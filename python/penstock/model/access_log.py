"""Access logs: which requests have lines, how these look, what is hidden in them, and where they go."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from penstock.base.units import Size
from penstock.model.collector import Collector
from penstock.model.endpoint_url import EndpointUrl
from penstock.model.patterns import Regex
from penstock.model.resource import MOST, Expression, Flag, Number, Settings, SomeTime, Text, reference

STDOUT = "stdout"
STDERR = "stderr"
OTLP = "otlp"
OFF = "off"
JSON = "json"
NOWHERE = (STDOUT, STDERR, OTLP, OFF)
"""What stands for a path and is none."""
LEAST_BYTES = 64 << 10
"""Smaller files would be moved away many times a second."""


def check_log_path(path: str) -> str:
    """The path itself, if a log can be written there.

    Raises: ValueError if it is relative: a gateway may be started anywhere.
    """
    if path not in NOWHERE and (not path.startswith("/") or "\0" in path):
        others = "`stdout`, `stderr`, `otlp` or `off`"
        raise ValueError(f"not a place for a log: {path[:80]!r}; write an absolute path, {others}")
    return path


LogPath = Annotated[
    Text, AfterValidator(check_log_path), Field(json_schema_extra={"pattern": f"^(/|({'|'.join(NOWHERE)})$)"})
]
FieldName = Annotated[Text, Field(min_length=1)]


def check_log_url(url: EndpointUrl) -> EndpointUrl:
    """The URL itself, if lines can be sent there.

    Raises: ValueError that says what to write.
    """
    if url.scheme == "h2c":
        raise ValueError("lines are sent by HTTP/1.1; write http://")
    return url


LogUrl = Annotated[
    EndpointUrl,
    AfterValidator(check_log_url),
    Field(json_schema_extra={"pattern": "^((tcp|tls|udp|https?)://|unix:/)"}),
]
LogForm = Literal["lines", "syslog", "ndjson", "array"]
Facility = Literal[
    "user", "daemon", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"
]  # fmt: skip


def read_share(value: object) -> int:
    """How many of a million a share is, from its text: `10%`, `0.05%`.

    Raises: ValueError if it is none.
    """
    found = _SHARE.match(value) if isinstance(value, str) else None
    share = round(float(found[1]) * _ONE_PERCENT) if found else 0
    if found is None or share > _MILLION:
        fraction = value if isinstance(value, float) and 0 < value < 1 else 0
        instead = share_text(round(fraction * _MILLION)) if fraction else "one from 0% to 100%, as in 0.5%"
        raise ValueError(f"not a share: {str(value)[:40]!r}; write {instead}")
    return share


def share_text(per_million: int) -> str:
    """The text of a share."""
    return f"{per_million / _ONE_PERCENT:g}%"


_MILLION, _ONE_PERCENT = 1_000_000, 10_000
_SHARE = re.compile(r"([0-9]{1,3}(?:[.][0-9]{1,4})?)%\Z")
Share = Annotated[
    int,
    BeforeValidator(read_share),
    PlainSerializer(share_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,3}([.][0-9]{1,4})?%$"}),
]
"""A part of a whole, kept as so many of a million."""


class LogScope(Settings):
    """Requests by the listener they came in by, and by their route."""

    listeners: tuple[reference("listener"), ...] | None = Field(  # type: ignore[valid-type] # made by a call
        None, min_length=1, description="Names of listeners. Absent: none is named."
    )
    routes: tuple[reference("route"), ...] | None = Field(  # type: ignore[valid-type] # made by a call
        None, min_length=1, description="Names of routes. Absent: none is named."
    )


class LogSample(Settings):
    """Which part of the requests has lines; those that failed (status 500 and above) always do."""

    ratio: Share = Field(description="Part of the requests, as in `10%`; a request id is in it here and elsewhere.")
    slow: SomeTime | None = Field(None, description="Requests that take so long always have a line. Absent: no others.")


class LogPattern(Settings):
    """Parts of texts that are hidden."""

    regex: Regex = Field(description="A regular expression of the parts.")
    by: Text = Field("***", description="What stands for each of them.")
    fields: tuple[FieldName, ...] | None = Field(
        None, min_length=1, description="Fields whose texts are meant. Absent: all texts."
    )


class LogMask(Settings):
    """What is hidden in lines."""

    client: Flag = Field(
        default=False,
        description="Whether of a client's address only the network is shown: 24 bits of IPv4, 48 of IPv6.",
    )
    query: tuple[FieldName, ...] = Field(
        (), description="Query parameters whose values are hidden where the field `query` is shown."
    )
    patterns: tuple[LogPattern, ...] = Field((), description="Parts of texts that are hidden, one after another.")


def check_file_size(size: Size) -> Size:
    """The size itself, if a file may be moved away as soon as it has it.

    Raises: ValueError if it is too small.
    """
    if size.bytes < LEAST_BYTES:
        raise ValueError("too small for a log; write 64KiB or more")
    return size


class LogRotation(Settings):
    """When a file is moved away and another one begun, and what becomes of those that were."""

    size: Annotated[Size, AfterValidator(check_file_size)] | None = Field(
        None, description="As soon as it is so large. Absent: however large it is."
    )
    every: SomeTime | None = Field(
        None, description="When such a period of UTC is over, as in `24h`. Absent: however old it is."
    )
    keep: Number | None = Field(10, ge=1, le=MOST, description="How many are kept; `null` keeps all.")
    age: SomeTime | None = Field(None, description="For how long they are kept. Absent: for ever.")
    compress: Flag = Field(default=False, description="Whether they are compressed, by gzip.")

    @model_validator(mode="after")
    def has_cause(self) -> Self:
        """Refuses a rotation that never comes."""
        if self.size is None and self.every is None:
            raise ValueError("a file is never moved away; write `size`, `every` or both")
        return self


class LogReceiver(Collector):
    """Who takes lines over the network."""

    endpoint: LogUrl = Field(
        description="`tcp://host:port` or `tls://host:port`, `udp://host:port`, `http://` or `https://` with a path, "
        "or `unix:/path`."
    )
    form: LogForm | None = Field(
        None,
        description="`lines` as they are, messages of `syslog` (RFC 5424), or requests of HTTP with many lines, one "
        "after another (`ndjson`) or as an `array` of JSON. Absent: `ndjson` by HTTP, else `lines`.",
    )
    facility: Facility = Field("local0", description="What syslog calls the kind of program.")
    app_name: Annotated[Text, Field(min_length=1, max_length=48)] = Field(
        "penstock", description="What syslog calls the program."
    )

    @property
    def sent_form(self) -> LogForm:
        """How lines are sent."""
        return self.form or ("ndjson" if self.endpoint.speaks == "http" else "lines")


class AccessLog(Settings):
    """Which requests have lines, how these look, and where they go."""

    path: LogPath = Field(
        STDOUT,
        description="A file, absolute, or `stdout`, `stderr` or `off`; or `otlp`: whom the resource's `otlp` names.",
    )
    rotate: LogRotation | None = Field(
        None, description="When the file is moved away. Absent: by nobody here; it is reopened when somebody else does."
    )
    send: LogReceiver | None = Field(None, description="Who takes the lines over the network, in the place of `path`.")
    format: Text = Field(
        JSON,
        min_length=1,
        description="How a line looks: `json`, or a template with fields of the JSON form and with expressions, as in "
        '`{{ status }} {{ request.headers["x-tenant"] }}`.',
    )
    keep: tuple[FieldName, ...] | None = Field(
        None, min_length=1, description="The fields that a JSON line has. Absent: all but `query`."
    )
    remove: tuple[FieldName, ...] = Field((), description="Fields that a JSON line lacks.")
    fields: Mapping[FieldName, Text] = Field(
        {}, description="Fields that are added to a JSON line, by name: templates as in `format`."
    )
    only: LogScope = Field(LogScope(), description="Whose requests alone have lines. Absent: all.")
    skip: LogScope = Field(LogScope(), description="Whose requests have none. Absent: nobody's.")
    when: Expression | None = Field(
        None, description="Expression over request and answer that must be true. Absent: none."
    )
    sample: LogSample | None = Field(None, description="Which part of the requests has lines. Absent: all.")
    mask: LogMask = Field(LogMask(), description="What is hidden in lines.")
