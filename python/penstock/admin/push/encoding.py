"""Metrics as OpenTelemetry data: sums and histograms since the counting began, gauges as they are.

Source: OpenTelemetry protocol 1.x, `metrics/v1/metrics.proto`; numbers are those of its fields.
"""

from collections.abc import Iterable, Mapping

from penstock.admin.push import protobuf
from penstock.runtime.measures.kinds import BOUNDS_SECONDS
from penstock.runtime.measures.readings import Histogram, Labels, Metric

_CUMULATIVE = 2
_UNITS = {"_seconds": "s", "_bytes": "By"}
_MICROSECONDS = 1_000_000


def encoded(metrics: Iterable[Metric], resource: Mapping[str, str], began_ns: int, now_ns: int) -> bytes:
    """The body of a request that exports these metrics; those without samples are left out."""
    times = protobuf.fixed(2, began_ns) + protobuf.fixed(3, now_ns)
    told = [protobuf.message(2, _metric(one, times)) for one in metrics if one.samples]
    scope = protobuf.message(1, protobuf.text(1, "penstock"))
    owner = protobuf.message(1, _attributes(1, resource))
    return protobuf.message(1, owner, protobuf.message(2, scope, *told))


def _metric(metric: Metric, times: bytes) -> bytes:
    name = metric.name.removesuffix("_total")
    unit = next((unit for ending, unit in _UNITS.items() if name.endswith(ending)), "1")
    head = protobuf.text(1, name) + protobuf.text(2, metric.help) + protobuf.text(3, unit)
    points = b"".join(protobuf.message(1, _point(labels, value, times)) for labels, value in metric.samples)
    temporality = protobuf.flag(2, _CUMULATIVE)
    if metric.type == "counter":
        return head + protobuf.message(7, points, temporality, protobuf.flag(3, 1))
    if metric.type == "histogram":
        return head + protobuf.message(9, points, temporality)
    return head + protobuf.message(5, points)


def _point(labels: Labels, value: float | Histogram, times: bytes) -> bytes:
    if isinstance(value, tuple):
        counts, count, total_us = value
        between = [after - before for before, after in zip((0, *counts), (*counts, count), strict=True)]
        return b"".join(
            (
                times,
                protobuf.fixed(4, count),
                protobuf.double(5, total_us / _MICROSECONDS),
                protobuf.packed_fixed(6, between),
                protobuf.packed_double(7, BOUNDS_SECONDS),
                _attributes(9, labels),
            )
        )
    return times + protobuf.double(4, float(value)) + _attributes(7, labels)


def _attributes(number: int, labels: Labels) -> bytes:
    return b"".join(
        protobuf.message(number, protobuf.text(1, name), protobuf.message(2, protobuf.text(1, value)))
        for name, value in labels.items()
    )
