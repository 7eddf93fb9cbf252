"""Counts as Prometheus reads them."""

import re
import shutil
import subprocess

import pytest

from penstock.admin.exposition import OPEN_METRICS, PLAIN, exposition, form_for
from penstock.admin.metrics import all_metrics
from penstock.runtime.measures.directory import Directory
from penstock.runtime.measures.kinds import BOUNDS_US
from penstock.runtime.measures.readings import Histogram, Metric, metrics, total
from penstock.runtime.measures.subjects import ALWAYS, Subject
from tests.runtime.measures.test_directory import TableFake


class NumberedTable(TableFake):
    """Every place holds its own number, and one more in a column."""

    resting = False

    def counters(self, places: list[int], column: int | None = None) -> list[int]:
        return [0 if self.resting else place + (column is not None) for place in places]

    def gauges(self, places: list[int], column: int | None = None) -> list[int]:
        return self.counters(places, column)

    def histograms(self, places: list[int]) -> list[Histogram]:
        return [([*range(1, len(BOUNDS_US) + 1)], 20, place) for place in places]


def test_buckets_are_cumulative_and_times_are_in_seconds() -> None:
    counts = [0] * len(BOUNDS_US)
    counts[-1] = 6
    metric = Metric("penstock_x_seconds", "histogram", "X.", samples=[({"route": "a"}, (counts, 7, 1_500))])
    lines = exposition([metric]).splitlines()
    assert lines[:3] == [
        "# HELP penstock_x_seconds X.",
        "# TYPE penstock_x_seconds histogram",
        'penstock_x_seconds_bucket{route="a",le="0.0005"} 0',
    ]
    assert lines[-4:] == [
        'penstock_x_seconds_bucket{route="a",le="10"} 6',
        'penstock_x_seconds_bucket{route="a",le="+Inf"} 7',
        'penstock_x_seconds_sum{route="a"} 0.001500',
        'penstock_x_seconds_count{route="a"} 7',
    ]


def test_labels_are_escaped() -> None:
    metric = Metric("penstock_x", "gauge", "X.", samples=[({"endpoint": 'a"b\\c\nd'}, 1)])
    assert 'penstock_x{endpoint="a\\"b\\\\c\\nd"} 1' in exposition([metric])


def test_a_metric_without_samples_is_left_out() -> None:
    assert exposition(all_metrics()) == ""


def test_each_place_is_shown_once_under_the_labels_of_its_subject() -> None:
    table = NumberedTable()
    named = [Subject("route", ("a",)), Subject("endpoint", ("up", "x:1")), Subject("listener", ("web",))]
    placed = Directory(table).admit({one.key: one for one in (*ALWAYS, *named)}, [], 0.0)
    text = exposition(metrics(table, placed.values()))
    route, endpoint = placed["route/a"].place, placed["endpoint/up/x:1"].place
    assert f'penstock_requests_total{{route="a",class="2xx"}} {route["counters"] + 1}\n' in text
    assert f'penstock_requests_in_flight{{upstream="up",endpoint="x:1"}} {endpoint["gauges"]}\n' in text
    assert 'penstock_requests_total{route="-",class="4xx"}' in text
    counters = re.findall(r"^\w+_total(?:\{.*\})? (\d+)$", text, re.MULTILINE)
    assert len(counters) == len(set(counters)) > 50
    assert total(table, placed.values(), "penstock_open_connections") == sum(
        placed[key].place["gauges"] for key in ("listener/web", "listener/*")
    )
    assert (
        total(table, placed.values(), "penstock_gateway_requests_total", 3) == placed["gateway"].place["counters"] + 1
    )


def test_as_open_metrics_a_counter_is_a_family_without_its_ending_and_the_text_has_an_end() -> None:
    counter = Metric("penstock_x_total", "counter", 'Says "x".', samples=[({"route": "a"}, 3)])
    histogram = Metric("penstock_y_seconds", "histogram", "Y.", samples=[({}, ([1] * len(BOUNDS_US), 1, 1))])
    lines = exposition([counter, histogram], OPEN_METRICS).splitlines()
    assert lines[:3] == [
        '# HELP penstock_x Says \\"x\\".',
        "# TYPE penstock_x counter",
        'penstock_x_total{route="a"} 3',
    ]
    assert 'penstock_y_seconds_bucket{le="1.0"} 1' in lines
    assert lines[-1] == "# EOF"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", PLAIN),
        ("*/*", PLAIN),
        ("text/plain", PLAIN),
        ("application/openmetrics-text", OPEN_METRICS),
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", OPEN_METRICS),
        ("application/openmetrics-text;q=0.3, text/plain", PLAIN),
        ("application/openmetrics-text;q=0", PLAIN),
        ("application/openmetrics-text;q=x", PLAIN),
    ],
)
def test_a_reader_gets_the_form_that_it_likes_best(accept: str, form: object) -> None:
    assert form_for(accept) is form


def test_a_histogram_is_shown_once_its_subject_has_counted_something() -> None:
    table = NumberedTable()
    table.resting = True
    placed = Directory(table).admit({one.key: one for one in (*ALWAYS, Subject("route", ("a",)))}, [], 0.0)
    assert "_bucket" not in exposition(metrics(table, placed.values()))
    table.resting = False
    assert 'penstock_request_duration_seconds_count{route="a"}' in exposition(metrics(table, placed.values()))


def test_names_and_helps_keep_to_one_form() -> None:
    names = [metric.name for metric in all_metrics()]
    assert len(names) == len(set(names))
    for metric in all_metrics():
        assert re.fullmatch(r"penstock_[a-z0-9_]+", metric.name), metric.name
        assert metric.name.endswith("_total") == (metric.type == "counter"), metric.name
        assert metric.name.endswith("_seconds") or metric.type != "histogram", metric.name
        assert metric.help.endswith("."), metric.name


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_every_metric_is_one_that_prometheus_reads() -> None:
    samples: dict[str, float | Histogram] = {"counter": 1, "gauge": 1, "histogram": ([1] * len(BOUNDS_US), 1, 1)}
    filled = [Metric(one.name, one.type, one.help, samples=[({"x": "y"}, samples[one.type])]) for one in all_metrics()]
    text = exposition(filled)
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
