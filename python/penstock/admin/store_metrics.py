"""What is counted of the store and of the nodes that share it."""

from penstock.runtime.measures.readings import Metric, Sample
from penstock.runtime.supervisor import Supervisor

STORE_METRICS = (
    Metric("penstock_store_available", "gauge", "Whether the store can be gone on with: 0 where it is away or older."),
    Metric("penstock_store_revision", "gauge", "The latest revision of the store that this node knows of."),
    Metric("penstock_store_applied_revision", "gauge", "The latest revision of the store that this node has applied."),
    Metric("penstock_store_lag", "gauge", "Revisions that this node knows of and has not applied."),
    Metric(
        "penstock_access_age_seconds",
        "gauge",
        "Time since which what is known of tokens and users may have been overtaken: 0 while the store is there.",
    ),
    Metric("penstock_access_refused", "gauge", "Whether tokens and users are refused, as that is too long."),
    Metric("penstock_members", "gauge", "Nodes that share the store and are there, as the store told last."),
    Metric("penstock_rate_limit_nodes", "gauge", "Nodes among which rates are divided that are those of all together."),
    Metric(
        "penstock_store_operations_total",
        "counter",
        "What the store was asked, by result: refused is what somebody else was quicker with.",
        ["operation", "result"],
    ),
    Metric("penstock_store_operation_seconds", "histogram", "Time that the store took.", ["operation"]),
    Metric("penstock_configuration_refused", "gauge", "Whether what the workers run is not what is written."),
    Metric("penstock_resources_left_out", "gauge", "Resources of the store that are wrong and left out."),
)


def store_samples(supervisor: Supervisor) -> dict[str, list[Sample]]:
    """The samples of these metrics."""
    applying = supervisor.applying
    standing = applying.standing
    is_there = standing is None or not (standing.absence or standing.older)
    age = standing.age_seconds if standing else 0.0
    known = max(applying.desired, applying.revision)
    tally = applying.store.tally
    return {
        "penstock_store_operations_total": [
            ({"operation": operation, "result": result}, count) for (operation, result), count in tally.results.items()
        ],
        "penstock_store_operation_seconds": [
            ({"operation": operation}, (times.counts, times.count, round(times.seconds * 1_000_000)))
            for operation, times in tally.times.items()
            if times.count
        ],
        "penstock_configuration_refused": [({}, int(supervisor.is_refused or bool(applying.outcome.problems)))],
        "penstock_store_available": [({}, int(is_there))],
        "penstock_store_revision": [({}, known)],
        "penstock_store_applied_revision": [({}, applying.revision)],
        "penstock_store_lag": [({}, known - applying.revision)],
        "penstock_access_age_seconds": [({}, round(age, 1))],
        "penstock_access_refused": [({}, int(age > supervisor.launch.settings.access_seconds))],
        "penstock_members": [({}, len(supervisor.together.membership.members))] if supervisor.together else [],
        "penstock_rate_limit_nodes": [({}, supervisor.launch.starter.columns.table.nodes)],
        "penstock_resources_left_out": [({}, len(applying.outcome.left_out))],
    }
