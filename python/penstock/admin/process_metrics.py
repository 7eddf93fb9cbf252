"""What is counted of the processes of a gateway: how long they run, and what they take of the machine."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from penstock.runtime.measures.memory import LEVELS
from penstock.runtime.measures.processes import process_figures, started_at
from penstock.runtime.measures.readings import Metric, Sample
from penstock.runtime.supervisor import Supervisor
from penstock.runtime.worker.entry import BUILD

PROCESS_METRICS = (
    Metric("penstock_build_info", "gauge", "Which version runs; always 1.", ["version", "build", "python"]),
    Metric("penstock_ready", "gauge", "Whether requests are served and will be for a while."),
    Metric("penstock_process_cpu_seconds_total", "counter", "Processor time that a process has used.", ["process"]),
    Metric("penstock_process_resident_bytes", "gauge", "Memory of a process that is in use.", ["process"]),
    Metric("penstock_process_open_descriptors", "gauge", "Open descriptors of a process.", ["process"]),
    Metric("penstock_process_start_timestamp_seconds", "gauge", "When a process began, since 1970.", ["process"]),
    Metric(
        "penstock_metrics_deliveries_total",
        "counter",
        "Deliveries of metrics to a collector, by what became of them.",
        ["outcome"],
    ),
    Metric(
        "penstock_memory_used_bytes", "gauge", "Memory in use, by what the nearest limit counts; 0 without a limit."
    ),
    Metric("penstock_memory_limit_bytes", "gauge", "The nearest limit of memory; 0 without one."),
    Metric(
        "penstock_memory_level", "gauge", "How short memory is: 0 enough, 1 scarce, 2 requests are refused, 3 all is."
    ),
    Metric("penstock_worker_requests_total", "counter", "Requests that a worker has answered.", ["worker"]),
    Metric("penstock_worker_open_connections", "gauge", "Open connections of clients at a worker.", ["worker"]),
)


def process_samples(supervisor: Supervisor) -> dict[str, list[Sample]]:
    """The samples of these metrics."""
    alive = [worker for worker in supervisor.fleet.workers.values() if worker.is_alive]
    processes = {"supervisor": os.getpid(), **{f"worker-{worker.index}": worker.pid for worker in alive}}
    taken = {name: process_figures(pid) for name, pid in processes.items()}
    build = {"version": _version(), "build": BUILD, "python": platform.python_version()}
    return {
        "penstock_build_info": [(build, 1)],
        "penstock_ready": [({}, int(supervisor.is_ready))],
        "penstock_process_cpu_seconds_total": _of_each({name: one.processor_seconds for name, one in taken.items()}),
        "penstock_process_resident_bytes": _of_each({name: one.resident_bytes for name, one in taken.items()}),
        "penstock_process_open_descriptors": _of_each({name: one.descriptors for name, one in taken.items()}),
        "penstock_process_start_timestamp_seconds": _of_each(
            {name: started_at(pid) for name, pid in processes.items()}
        ),
        "penstock_metrics_deliveries_total": [
            ({"outcome": outcome}, count) for outcome, count in supervisor.pushes.items()
        ],
        "penstock_memory_used_bytes": [({}, supervisor.memory.used_bytes)],
        "penstock_memory_limit_bytes": [({}, supervisor.memory.limit_bytes)],
        "penstock_memory_level": [({}, LEVELS.index(supervisor.memory.level))],
        "penstock_worker_requests_total": [
            ({"worker": str(one.index)}, supervisor.total("penstock_gateway_requests_total", one)) for one in alive
        ],
        "penstock_worker_open_connections": [
            ({"worker": str(one.index)}, supervisor.total("penstock_open_connections", one)) for one in alive
        ],
    }


def _version() -> str:
    """The version of the installed package; of a source tree that is not installed there is none."""
    try:
        return version("penstock")
    except PackageNotFoundError:
        return ""


def _of_each(values: dict[str, float]) -> list[Sample]:
    return [({"process": name}, value) for name, value in values.items()]
