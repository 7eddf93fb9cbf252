"""Metrics as OpenTelemetry data, byte by byte where that is short."""

from penstock.admin.push import protobuf
from penstock.admin.push.encoding import encoded
from penstock.runtime.measures.readings import Metric


def test_numbers_are_written_as_protobuf_has_them() -> None:
    assert protobuf.flag(1, 150) == b"\x08\x96\x01"
    assert protobuf.text(2, "testing") == b"\x12\x07testing"
    assert protobuf.message(3, protobuf.flag(1, 150)) == b"\x1a\x03\x08\x96\x01"
    assert protobuf.fixed(1, 2**64 - 1) == b"\x09" + b"\xff" * 8
    assert protobuf.double(1, 1.0) == b"\x09\x00\x00\x00\x00\x00\x00\xf0\x3f"
    assert protobuf.packed_fixed(6, [1, 2]) == b"\x32\x10" + b"\x01" + b"\x00" * 7 + b"\x02" + b"\x00" * 7


def test_a_counter_is_a_monotonic_sum_without_its_ending() -> None:
    counter = Metric("penstock_x_total", "counter", "X.", ["route"], [({"route": "a"}, 3)])
    body = encoded([counter], {"service.name": "p"}, 1, 2)
    assert b"penstock_x\x12" in body
    assert b"penstock_x_total" not in body
    # Cumulative, monotonic.
    assert b"\x10\x02\x18\x01" in body


def test_a_metric_without_samples_is_left_out() -> None:
    assert b"penstock_x" not in encoded([Metric("penstock_x", "gauge", "X.")], {}, 1, 2)
