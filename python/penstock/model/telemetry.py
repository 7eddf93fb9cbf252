"""Telemetry: what is recorded of every request."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import ConfigDict, Field

from penstock.base.problem import Steps
from penstock.model.access_log import AccessLog
from penstock.model.collector import OtlpCollector
from penstock.model.metrics_push import MetricsPush
from penstock.model.resource import Resource
from penstock.model.tracing import Tracing


class Telemetry(Resource):
    """Says what is recorded of every request."""

    model_config: ClassVar[ConfigDict] = ConfigDict(title="Telemetry")
    example: ClassVar[str] = """
        kind: Telemetry
        name: default
        access_log:
          path: /var/log/penstock/access.log
          format: json
        otlp:
          endpoint: http://127.0.0.1:4317
        tracing:
          sampling: 1%
    """

    kind: Literal["Telemetry"] = Field(description="What the resource is.")
    access_log: AccessLog | None = Field(None, description="The access log. Absent: off.")
    access_logs: tuple[AccessLog, ...] = Field(
        (), description="Further access logs, each with its own place, form and choice of requests."
    )

    otlp: OtlpCollector | None = Field(
        None, description="Who takes OpenTelemetry data where nothing else is said. Absent: nobody."
    )
    tracing: Tracing | None = Field(None, description="Which requests are recorded as traces. Absent: none.")

    metrics: MetricsPush | None = Field(
        None, description="Metrics that are sent away; they can be read from the admin port at any time. Absent: none."
    )

    def placed_logs(self) -> Iterator[tuple[Steps, AccessLog]]:
        """The access logs, with their paths in the resource."""
        if self.access_log is not None:
            yield ("access_log",), self.access_log
        for index, log in enumerate(self.access_logs):
            yield ("access_logs", index), log
