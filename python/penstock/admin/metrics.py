"""What a gateway counts, as Prometheus reads it.

Source: Prometheus documentation, "Exposition formats", text format 0.0.4.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

from penstock.compiler.certificate_uses import certificate_uses
from penstock.filters.native import native_catalogue
from penstock.runtime.measures.kinds import BOUNDS_US
from penstock.runtime.measures.readings import Histogram, Labels, Metric, Sample, known_metrics
from penstock.runtime.supervisor import Supervisor

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_MICROSECONDS = 1_000_000
_BOUNDS = [f"{bound / _MICROSECONDS:g}" for bound in BOUNDS_US]


_OWN = (
    Metric("penstock_workers", "gauge", "Workers that serve."),
    Metric("penstock_worker_restarts_total", "counter", "Workers started in the place of dead ones."),
    Metric("penstock_worker_lags_total", "counter", "Times a worker came late by 200 ms or more."),
    Metric(
        "penstock_worker_longest_stall_seconds",
        "gauge",
        "The longest time for which a worker's loop is known to have served nobody, since the worker started.",
        ["worker"],
    ),
    Metric("penstock_revision", "gauge", "Revision of the plan that the workers run."),
    Metric("penstock_changes_total", "counter", "Revisions of the configuration by result.", ["result"]),
    Metric(
        "penstock_certificate_left_seconds",
        "gauge",
        "Time until a certificate expires; below 0 it has expired.",
        ["certificate"],
    ),
    Metric(
        "penstock_filter_suspended",
        "gauge",
        "Whether a Python filter is left out for a while, because it overran its budget again and again.",
        ["pipeline", "step"],
    ),
)
"""What the supervisor itself knows."""


def own_metrics(supervisor: Supervisor | None = None) -> list[Metric]:
    """What the supervisor itself knows, with its samples if there is one."""
    samples = _own_samples(supervisor) if supervisor else {}
    return [replace(metric, samples=samples.get(metric.name, [])) for metric in _OWN]


def _own_samples(supervisor: Supervisor) -> dict[str, list[Sample]]:
    fleet = supervisor.fleet
    alive = [worker for worker in fleet.workers.values() if worker.is_alive]
    current = fleet.rollout.current
    return {
        "penstock_workers": [({}, sum(worker.running is not None for worker in alive))],
        "penstock_worker_restarts_total": [({}, fleet.restarts)],
        "penstock_worker_lags_total": [({}, fleet.lags)],
        "penstock_worker_longest_stall_seconds": [
            ({"worker": str(worker.index)}, supervisor.longest_stall_seconds(worker)) for worker in alive
        ],
        "penstock_revision": [({}, current.revision if current else 0)],
        "penstock_changes_total": [({"result": result}, count) for result, count in supervisor.applying.counts.items()],
        "penstock_certificate_left_seconds": [
            ({"certificate": use.name}, use.facts.not_after - round(time.time()))
            for use in certificate_uses(current.parts, current.secrets, native_catalogue())
        ]
        if current
        else [],
        "penstock_filter_suspended": [
            ({"pipeline": one.pipeline, "step": one.step}, int(one.is_suspended)) for one in supervisor.filters
        ],
    }


def all_metrics() -> list[Metric]:
    """The one list of metrics, without samples."""
    return [*known_metrics(), *own_metrics()]


def exposition(metrics: Iterable[Metric]) -> str:
    """The text that Prometheus reads; a metric without samples is left out."""
    lines = (line for metric in metrics if metric.samples for line in _lines(metric))
    return "".join(f"{line}\n" for line in lines)


def _lines(metric: Metric) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.help}"
    yield f"# TYPE {metric.name} {metric.type}"
    for labels, value in metric.samples:
        if isinstance(value, tuple):
            yield from _histogram(metric.name, labels, value)
        else:
            yield f"{metric.name}{_braced(_shown(labels))} {value}"


def _histogram(name: str, labels: Labels, value: Histogram) -> Iterator[str]:
    """Buckets hold all that is below them, not only what is between."""
    shown = _shown(labels)
    before = f"{shown}," if shown else ""
    counts, count, total_us = value
    for bound, below in zip(_BOUNDS, counts, strict=True):
        yield f'{name}_bucket{{{before}le="{bound}"}} {below}'
    yield f'{name}_bucket{{{before}le="+Inf"}} {count}'
    yield f"{name}_sum{_braced(shown)} {total_us / _MICROSECONDS:.6f}"
    yield f"{name}_count{_braced(shown)} {count}"


def _shown(labels: Labels) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _braced(shown: str) -> str:
    return f"{{{shown}}}" if shown else ""


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
