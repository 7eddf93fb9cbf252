"""What was counted in the last minutes, by subject."""

import time

from penstock._core import SharedTable
from penstock.runtime.measures.directory import Directory
from penstock.runtime.measures.figures import KINDS_TOLD, MEASURED, ORDERS, figures, is_at_rest
from penstock.runtime.measures.kinds import KINDS
from penstock.runtime.measures.kinds import MEASURED as REGIONS
from penstock.runtime.measures.statistics import QUANTILES, Counted, Spread, Statistics
from penstock.runtime.measures.subjects import ALWAYS, Subject


def test_every_metric_that_is_told_is_one_that_the_core_counts() -> None:
    for name, measured in MEASURED.items():
        known = {measure.name: region for region in REGIONS for measure in KINDS[name].measures[region]}
        counters = [measured.requests, *filter(None, [measured.failures]), *measured.sums.values()]
        assert {known[one] for one in counters} == {"counters"}
        assert {known[one] for one in measured.gauges.values()} <= {"gauges"}
        assert not measured.latency or known[measured.latency] == "histograms"


def test_a_table_in_which_nobody_counts_has_every_subject_at_rest() -> None:
    table = SharedTable(time.time_ns())
    statistics, directory = Statistics(table), Directory(table)
    named = [Subject("route", ("a",)), Subject("endpoint", ("up", "x:1"))]
    placed = directory.admit({one.key: one for one in (*ALWAYS, *named)}, [], 0.0)
    statistics.watch(placed)
    told = [one for one in placed.values() if one.subject.kind in KINDS_TOLD]
    window = statistics.window(60, told)
    assert [one.subject for one in window.counted] == [one.subject for one in told]
    assert all(is_at_rest(figures(one, window.seconds)) for one in window.counted)


def counted(subject: Subject, **growths: int) -> Counted:
    """A subject with counters that have grown; of labelled ones the class is behind two underscores."""
    measures = {
        (measure.name, measure.labels.get("class", "")): measure
        for region in REGIONS
        for measure in KINDS[subject.kind].measures[region]
    }
    grown: dict[str, list[tuple[object, int]]] = {}
    for name, growth in growths.items():
        metric, _, label = name.partition("__")
        grown.setdefault(f"penstock_{metric}", []).append((measures[f"penstock_{metric}", label], growth))
    spread = Spread(10, 5.0, dict.fromkeys(QUANTILES, 7.5))
    return Counted(subject, grown, {MEASURED[subject.kind].latency: spread}, {})  # type: ignore[arg-type]  # as they are


def test_errors_of_a_route_are_answers_of_class_5xx() -> None:
    told = figures(counted(Subject("route", ("a",)), requests_total__2xx=30, requests_total__5xx=10), 20.0)
    assert (told["route"], told["requests"], told["requests_per_second"]) == ("a", 40, 2.0)
    assert (told["errors"], told["error_ratio"], told["status"]) == (10, 0.25, {"2xx": 30, "5xx": 10})
    assert told["latency_ms"] == {"mean": 5.0, **dict.fromkeys(QUANTILES, 7.5)}


def test_an_attempt_that_an_endpoint_did_not_answer_is_a_request_and_an_error() -> None:
    subject = Subject("endpoint", ("up", "x:1"))
    told = figures(counted(subject, endpoint_answers_total__2xx=3, endpoint_failures_total=1), 10.0)
    assert (told["upstream"], told["endpoint"]) == ("up", "x:1")
    assert (told["requests"], told["errors"], told["error_ratio"]) == (4, 1, 0.25)


def test_of_listeners_connections_are_counted() -> None:
    told = figures(counted(Subject("listener", ("web",)), connections_total=5), 10.0)
    assert (told["connections"], told["connections_per_second"], "requests" in told) == (5, 0.5, False)
    assert "latency_ms" not in told
    assert [order(told) for order in ORDERS.values()] == [5.0, 0.0, 0.0]
