"""Metrics that are sent away, beside those that are read."""

from pydantic import Field

from penstock.base.units import Duration
from penstock.model.collector import OtlpCollector
from penstock.model.resource import Settings, SomeTime, Text


class MetricsPush(Settings):
    """Sends metrics to a collector as OpenTelemetry data, all that was counted so far each time."""

    otlp: OtlpCollector | None = Field(
        None, description="Who takes the metrics. Absent: the collector of the whole resource."
    )
    interval: SomeTime = Field(Duration.parse("15s"), description="Time between two deliveries.")
    service_name: Text = Field(
        "penstock", min_length=1, max_length=255, description="Name under which the gateway's metrics appear."
    )
