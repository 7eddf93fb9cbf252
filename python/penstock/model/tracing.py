"""Traces: which requests are recorded, and where that goes."""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from penstock.base.units import Rate
from penstock.model.collector import Collector, OtlpCollector
from penstock.model.resource import Settings, Text
from penstock.model.tracing_share import Share

_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}\Z")


def check_attribute(name: str) -> str:
    """The name of an attribute itself, if it is one.

    Raises: ValueError that says what to write.
    """
    if not _ATTRIBUTE.match(name):
        raise ValueError(f"not the name of an attribute: {name[:80]!r}; write letters, digits, `.`, `_` and `-`")
    return name


AttributeName = Annotated[str, AfterValidator(check_attribute)]
Template = Annotated[Text, Field(json_schema_extra={"x-penstock-template": True})]
Form = Literal["w3c", "b3", "b3multi", "jaeger"]


class Tracing(Settings):
    """Which requests are recorded as traces, and where that goes."""

    model_config: ClassVar[ConfigDict] = ConfigDict(title="Tracing")

    otlp: OtlpCollector | None = Field(
        None, description="Who takes the traces, as OpenTelemetry data. Absent: the collector of the whole resource."
    )
    zipkin: Collector | None = Field(
        None, description="Who takes them in their place, as Zipkin's, at `/api/v2/spans` unless its URL has a path."
    )
    sampling: Share = Field(
        10_000,
        description="Share of the traces that begin here which is recorded, such as `0.1%`; which ones they are is "
        "decided by their ids, as other services decide it.",
        json_schema_extra={"default": "1%"},
    )
    parent: Literal["follow", "ignore"] = Field(
        "follow",
        description="What is made of a trace that a request is said to be part of: it goes on, and its sampling with "
        "it, or each request begins a trace of its own.",
    )
    strangers: Rate = Field(
        Rate.parse("100/s"),
        description="Traces that each worker records because a client has asked for it that is no trusted proxy; "
        "beyond them `sampling` decides.",
    )
    propagation: tuple[Form, ...] = Field(
        ("w3c",),
        min_length=1,
        description="Forms in which requests tell of their trace, of which the first that holds is believed, and in "
        "all of which endpoints are told: `traceparent`, `b3`, the `x-b3-` headers, `uber-trace-id`.",
    )
    service_name: Text = Field(
        "penstock", min_length=1, max_length=255, description="Name under which the gateway's spans appear."
    )
    resource: Mapping[AttributeName, Text] = Field(
        {}, description="What else is said of the gateway, such as `deployment.environment.name`."
    )
    attributes: Mapping[AttributeName, Template] = Field(
        {}, description="Attributes of the span of each request; templates with the names of conditions."
    )

    @model_validator(mode="after")
    def goes_one_way(self) -> Self:
        """Refuses two collectors, and a form that is there twice."""
        if self.otlp is not None and self.zipkin is not None:
            raise ValueError("`otlp` and `zipkin` exclude each other; keep one")
        if len(set(self.propagation)) < len(self.propagation):
            raise ValueError("a form of propagation is there twice")
        return self
