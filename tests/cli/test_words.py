"""Counts and spans of time as people write them."""

import pytest

from penstock.cli.words import counted, listed, span


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.9, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (7200, "2 h 0 min"), (1e6, "11 d 13 h")],
)
def test_a_span_has_its_two_largest_units(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_counts_agree_with_their_nouns() -> None:
    assert [counted(count, "route") for count in (0, 1, 12345)] == ["0 routes", "1 route", "12,345 routes"]
    assert counted(1, "telemetry") == "telemetry"


def test_empty_words_are_left_out_of_lists() -> None:
    assert listed("a", "", "b") == "a, b"
