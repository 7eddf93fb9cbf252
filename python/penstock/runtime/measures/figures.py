"""What is told of a subject for a window of time: rates, errors, latencies, bytes, what is under way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.runtime.measures.kinds import KINDS
from penstock.runtime.measures.statistics import Counted

SERVER_ERROR = "5xx"
CONNECTIONS = "connections"


@dataclass(frozen=True, slots=True)
class Measured:
    """What makes the figures of a kind: the metrics of its requests, of failed attempts, and of how long they took.

    Shape: `sums` and `gauges` are the further metrics that are told, by the names they are told under.
    """

    requests: str
    latency: str
    noun: str = "requests"
    has_classes: bool = True
    failures: str = ""
    sums: Mapping[str, str] = field(default_factory=dict)
    gauges: Mapping[str, str] = field(default_factory=dict)


MEASURED: Mapping[str, Measured] = {
    "route": Measured(
        "penstock_requests_total",
        "penstock_request_duration_seconds",
        sums={
            "received_bytes": "penstock_route_received_bytes_total",
            "sent_bytes": "penstock_route_sent_bytes_total",
        },
        gauges={"active": "penstock_active_requests"},
    ),
    "endpoint": Measured(
        "penstock_endpoint_answers_total",
        "penstock_endpoint_duration_seconds",
        failures="penstock_endpoint_failures_total",
        sums={
            "connections": "penstock_endpoint_connections_total",
            "connect_failures": "penstock_endpoint_connect_failures_total",
        },
        gauges={"active": "penstock_requests_in_flight", "idle_connections": "penstock_idle_upstream_connections"},
    ),
    "upstream": Measured(
        "penstock_upstream_attempts_total",
        "penstock_upstream_duration_seconds",
        has_classes=False,
        failures="penstock_upstream_failures_total",
        sums={"retries": "penstock_upstream_retries_total"},
    ),
    "listener": Measured(
        "penstock_connections_total",
        "",
        noun=CONNECTIONS,
        has_classes=False,
        failures="penstock_connections_refused_total",
        sums={
            "received_bytes": "penstock_received_bytes_total",
            "sent_bytes": "penstock_sent_bytes_total",
            "handshakes": "penstock_tls_handshakes_total",
            "handshake_failures": "penstock_tls_handshake_failures_total",
        },
        gauges={"active": "penstock_open_connections", "tunnels": "penstock_open_tunnels"},
    ),
}
"""By the kind of subject. Of listeners connections are counted, of all others requests."""
KINDS_TOLD = tuple(MEASURED)


def figures(counted: Counted, seconds: float) -> dict[str, Any]:
    """The figures of one subject, beginning with its labels.

    An error is an answer of class 5xx, or an attempt that was not answered.
    """
    measured = MEASURED[counted.subject.kind]
    labels = dict(zip(KINDS[counted.subject.kind].labels, counted.subject.labels, strict=True))
    classes = counted.by(measured.requests, "class") if measured.has_classes else {}
    failures = counted.total(measured.failures)
    requests = counted.total(measured.requests) + (failures if measured.has_classes else 0)
    errors = classes.get(SERVER_ERROR, 0) + failures
    told: dict[str, Any] = {
        **labels,
        measured.noun: requests,
        f"{measured.noun}_per_second": _rate(requests, seconds),
        "errors": errors,
        "error_ratio": round(errors / requests, 6) if requests else 0.0,
    }
    if measured.has_classes:
        told["status"] = classes
    told |= {name: counted.total(metric) for name, metric in measured.sums.items()}
    told |= {name: counted.now.get(metric, 0) for name, metric in measured.gauges.items()}
    spread = counted.spreads.get(measured.latency)
    if measured.latency:
        told["latency_ms"] = {"mean": spread.mean_ms, **spread.quantiles_ms} if spread else None
    return told


def is_at_rest(told: Mapping[str, Any]) -> bool:
    """Whether nothing happened in the window and nothing is under way."""
    return not (_count(told) or told["errors"] or told.get("active"))


def _count(told: Mapping[str, Any]) -> int:
    """Requests; of what has none, connections."""
    return int(told["requests"] if "requests" in told else told[CONNECTIONS])


def _latency(told: Mapping[str, Any]) -> float:
    return float(told["latency_ms"]["p99"]) if told.get("latency_ms") else 0.0


ORDERS: Mapping[str, Callable[[Mapping[str, Any]], float]] = {
    "requests": lambda told: float(_count(told)),
    "latency": _latency,
    "errors": lambda told: float(told["errors"]),
}
"""What a top list can be ordered by: the busiest, the slowest by the 99th percentile, those with most errors."""


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 3) if seconds else 0.0
