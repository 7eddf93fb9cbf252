"""Counts as Prometheus reads them."""

from penstock.admin.metrics import exposition


def test_buckets_hold_all_that_is_below_them() -> None:
    text = exposition({"latency_us": {"500": 1, "1000": 2, "10000000": 3}, "latency_sum_us": 1500, "latency_count": 7})
    assert text.splitlines()[2:] == [
        'penstock_request_duration_seconds_bucket{le="0.0005"} 1',
        'penstock_request_duration_seconds_bucket{le="0.001"} 3',
        'penstock_request_duration_seconds_bucket{le="10"} 6',
        'penstock_request_duration_seconds_bucket{le="+Inf"} 7',
        "penstock_request_duration_seconds_sum 0.001500",
        "penstock_request_duration_seconds_count 7",
    ]


def test_labels_are_escaped() -> None:
    assert 'endpoint="a\\"b\\\\c\\nd"' in exposition({"in_flight": {'a"b\\c\nd': 1}})


def test_what_was_not_counted_is_left_out() -> None:
    assert exposition({}).strip() == ""
