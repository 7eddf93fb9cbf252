"""What a gateway counts, as Prometheus reads it.

Source: Prometheus documentation, "Exposition formats", text format 0.0.4.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its key among the counts, and what it is called. `label` names the key of a mapping."""

    key: str
    name: str
    kind: str
    help: str
    label: str = ""


METRICS = (
    Metric("connections", "penstock_connections_total", "counter", "Connections accepted."),
    Metric(
        "connections_refused",
        "penstock_connections_refused_total",
        "counter",
        "Connections closed because the listener's limit was reached.",
    ),
    Metric("accept_failures", "penstock_accept_failures_total", "counter", "Failures to accept a connection."),
    Metric(
        "accept_pauses",
        "penstock_accept_pauses_total",
        "counter",
        "Times that accepting stopped because descriptors were short.",
    ),
    Metric("panics", "penstock_panics_total", "counter", "Panics that were contained to one request."),
    Metric("bytes_in", "penstock_received_bytes_total", "counter", "Bytes received from clients."),
    Metric("bytes_out", "penstock_sent_bytes_total", "counter", "Bytes sent to clients."),
    Metric(
        "log_lines_dropped",
        "penstock_log_lines_dropped_total",
        "counter",
        "Access log lines that found no room or could not be written.",
    ),
    Metric("requests", "penstock_requests_total", "counter", "Requests by class of status.", "class"),
    Metric("failures", "penstock_failures_total", "counter", "The gateway's own answers by reason.", "reason"),
    Metric("open_connections", "penstock_open_connections", "gauge", "Open connections of clients."),
    Metric(
        "idle_upstream_connections",
        "penstock_idle_upstream_connections",
        "gauge",
        "Idle connections to an endpoint.",
        "endpoint",
    ),
    Metric("in_flight", "penstock_requests_in_flight", "gauge", "Requests that wait for an endpoint.", "endpoint"),
    Metric("workers", "penstock_workers", "gauge", "Workers that serve."),
    Metric("restarts", "penstock_worker_restarts_total", "counter", "Workers started in the place of dead ones."),
    Metric("lags", "penstock_worker_lags_total", "counter", "Times a worker came late by 200 ms or more."),
    Metric("revision", "penstock_revision", "gauge", "Revision of the plan that the workers run."),
    Metric("changes", "penstock_changes_total", "counter", "Revisions of the configuration by result.", "result"),
)


def exposition(counts: Mapping[str, Any]) -> str:
    """The text that Prometheus reads; what was not counted is left out."""
    lines: list[str] = []
    for metric in METRICS:
        value = counts.get(metric.key)
        if value is not None:
            lines += _described(metric.name, metric.kind, metric.help)
            lines += _samples(metric, value)
    lines += _durations(counts)
    return "\n".join([*lines, ""])


def _samples(metric: Metric, value: Any) -> Iterable[str]:
    if not metric.label:
        return [f"{metric.name} {value}"]
    return [f'{metric.name}{{{metric.label}="{_escaped(key)}"}} {count}' for key, count in sorted(value.items())]


def _durations(counts: Mapping[str, Any]) -> list[str]:
    """The histogram of durations; its buckets hold all that is below them, not only what is between."""
    name = "penstock_request_duration_seconds"
    buckets = counts.get("latency_us")
    if buckets is None:
        return []
    lines = _described(name, "histogram", "Time from a request's head to the end of its answer.")
    below = 0
    for bound in sorted(buckets, key=int):
        below += buckets[bound]
        lines.append(f'{name}_bucket{{le="{int(bound) / _MICROSECONDS:g}"}} {below}')
    count = max(below, counts.get("latency_count", 0))
    lines.append(f'{name}_bucket{{le="+Inf"}} {count}')
    lines.append(f"{name}_sum {counts.get('latency_sum_us', 0) / _MICROSECONDS:.6f}")
    lines.append(f"{name}_count {count}")
    return lines


def _described(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
