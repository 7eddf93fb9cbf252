"""Routes: which requests go to which pipeline."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator

from penstock.model.listener import Network
from penstock.model.patterns import Condition, Host, Path, PathPattern
from penstock.model.resource import Expression, Number, Resource, SomeTime, Text, reference
from penstock.model.step import Step, StepList
from penstock.model.tracing_share import RouteShare

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
HIGHEST_PRIORITY = 1_000_000
LEADING = ("steps", "pipeline", "to")
"""The fields of a route that say where it leads; it has exactly one of them."""
_TARGET = {"type": "string", "description": "Name of an upstream or a URL.", "x-penstock-reference": "upstream"}
_SHARE = {
    "type": "object",
    "properties": {"upstream": _TARGET, "weight": {"type": "integer", "minimum": 0}},
    "required": ["upstream"],
    "additionalProperties": False,
}


def check_method(method: str) -> str:
    """The method itself, if it may be one.

    Raises: ValueError that says what to write.
    """
    if not _TOKEN.match(method):
        raise ValueError(f"not a method: {method[:40]!r}")
    if method != method.upper():
        raise ValueError(f"methods are written in capitals: {method.upper()[:40]}")
    return method


def check_header_name(name: str) -> str:
    """A header's name in lower case, as all are compared.

    Raises: ValueError if no header can be called so.
    """
    if not _TOKEN.match(name):
        raise ValueError(f"not a header name: {name[:80]!r}")
    return name.lower()


Method = Annotated[Text, AfterValidator(check_method), Field(json_schema_extra={"pattern": "^[A-Z-]+$"})]
HeaderName = Annotated[Text, AfterValidator(check_header_name)]
To = Annotated[Any, WithJsonSchema({"anyOf": [_TARGET, {"type": "array", "items": _SHARE}]})]
"""Where `Forward` sends a request; its form is the filter's to check."""


class Route(Resource):
    """Sends the requests it matches to one pipeline.

    If several routes match, the one with the highest `priority` serves the request; of equal ones the more
    specific: exact host, longer wildcard, no host; exact path, pattern with more literal segments, regular
    expression, pattern without one such as `/*`; methods named; more conditions on headers, then on the query;
    the older.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        title="Route", json_schema_extra={"oneOf": [{"required": [name]} for name in LEADING]}
    )
    example: ClassVar[str] = """
        kind: Route
        name: orders
        hosts: [shop.example.com]
        path: /orders/*
        methods: [GET, POST]
        headers: {x-beta: "1"}
        timeout: 15s
        steps:
          - {kind: MaxBodySize, limit: 1MiB}
          - {kind: Forward, to: http://127.0.0.1:9001}
    """

    kind: Literal["Route"] = Field(description="What the resource is.")
    listeners: tuple[reference("listener"), ...] | None = Field(  # type: ignore[valid-type]
        None, min_length=1, description="Listeners it serves. Absent: all."
    )
    hosts: tuple[Host, ...] = Field(
        (), description="Hosts served; `*.example.com` is one or more labels before `example.com`. Empty: all."
    )
    path: Path = Field(
        PathPattern(prefix=""),
        description="Path served: exact, unless it ends in `/*` or has `{parameters}`. Absent: every path.",
        json_schema_extra={"default": "/*"},
    )
    methods: tuple[Method, ...] = Field((), description="Methods served; `GET` also serves `HEAD`. Empty: all.")
    headers: Mapping[HeaderName, Condition] = Field({}, description="Conditions on headers; all must hold.")
    query: Mapping[str, Condition] = Field({}, description="Conditions on query parameters; all must hold.")
    cookies: Mapping[str, Condition] = Field({}, description="Conditions on cookies; all must hold.")
    client_ip: tuple[Network, ...] = Field(
        (), description="Networks (CIDR) of the clients served, any of them. Empty: every client."
    )
    when: Expression | None = Field(None, description="Expression that must be true. Absent: none.")
    priority: Number = Field(
        0, ge=-HIGHEST_PRIORITY, le=HIGHEST_PRIORITY, description="Decides before specificity; higher serves first."
    )
    timeout: SomeTime | None = Field(
        None, description="Time for the whole request, retries included. Absent: no bound."
    )
    tracing: RouteShare | None = Field(
        None,
        description="Share of the traces that begin with its requests which is recorded, or `off`: none, whatever a "
        "request says. Absent: as `Telemetry` says.",
    )
    steps: StepList | None = Field(None, min_length=1, description="The pipeline, written inline.")
    pipeline: reference("pipeline") | None = Field(None, description="Name of the pipeline.")  # type: ignore[valid-type]
    to: To = Field(
        None, description="Short for one `Forward` step: a URL, an upstream, or a list of them with weights."
    )

    @model_validator(mode="after")
    def has_one_way(self) -> Self:
        """Refuses a route that leads nowhere, and one that leads two ways."""
        given = [name for name in LEADING if getattr(self, name) is not None]
        if not given:
            raise ValueError("the route leads nowhere; write one of `to`, `steps`, `pipeline`")
        if len(given) > 1:
            raise ValueError(f"{' and '.join(f'`{name}`' for name in given)} exclude each other; keep one")
        return self

    @property
    def inline_steps(self) -> tuple[Step, ...]:
        """The route's own steps; `to` stands for a single `Forward`."""
        if self.to is not None:
            return (Step.model_validate({"kind": "Forward", "to": self.to}),)
        return self.steps or ()
