"""What is counted of a gateway: what its supervisor knows, beside what the core counts."""

import time
from dataclasses import replace

from penstock.admin.process_metrics import PROCESS_METRICS, process_samples
from penstock.admin.store_metrics import STORE_METRICS, store_samples
from penstock.compiler.certificate_uses import certificate_uses
from penstock.filters.native import native_catalogue
from penstock.runtime.measures.readings import Metric, Sample, known_metrics
from penstock.runtime.supervisor import Supervisor

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
        "penstock_certificate_order_failures",
        "gauge",
        "Orders of a certificate by ACME that have failed in a row; 0 while all is well.",
        ["certificate"],
    ),
    Metric(
        "penstock_certificate_next_order_seconds",
        "gauge",
        "Time until a certificate is ordered next by ACME, for its renewal or after a failure.",
        ["certificate"],
    ),
    Metric(
        "penstock_certificate_orders_total",
        "counter",
        "Orders of certificates by ACME that this node has made, by what came of them.",
        ["result"],
    ),
    Metric(
        "penstock_filter_suspended",
        "gauge",
        "Whether a Python filter is left out for a while, because it overran its budget again and again.",
        ["pipeline", "step"],
    ),
)
"""What the supervisor itself knows."""
_ALL_OWN = (*_OWN, *STORE_METRICS, *PROCESS_METRICS)


def own_metrics(supervisor: Supervisor | None = None) -> list[Metric]:
    """What the supervisor itself knows, with its samples if there is one."""
    samples = _own_samples(supervisor) | store_samples(supervisor) | process_samples(supervisor) if supervisor else {}
    return [replace(metric, samples=samples.get(metric.name, [])) for metric in _ALL_OWN]


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
        **_order_samples(supervisor),
        "penstock_filter_suspended": [
            ({"pipeline": one.pipeline, "step": one.step}, int(one.is_suspended)) for one in supervisor.filters
        ],
    }


def _order_samples(supervisor: Supervisor) -> dict[str, list[Sample]]:
    ordering = supervisor.ordering
    if ordering is None:
        return {}
    told = ordering.told()
    now = time.time()
    return {
        "penstock_certificate_order_failures": [({"certificate": one["name"]}, one["failures"]) for one in told],
        "penstock_certificate_next_order_seconds": [
            ({"certificate": one["name"]}, max(0, round(one["next_order"] - now))) for one in told
        ],
        "penstock_certificate_orders_total": [({"result": result}, n) for result, n in ordering.counts.items()],
    }


def all_metrics() -> list[Metric]:
    """The one list of metrics, without samples."""
    return [*known_metrics(), *own_metrics()]
