"""When certificates are ordered, with the clock in the test's hand (R10)."""

import itertools

import pytest

from penstock.runtime.acme.attempts import Attempts, Try, read_attempts
from penstock.runtime.acme.schedule import (
    HOUR,
    MOST_TRIES,
    Validity,
    allowed_at,
    due_at,
    fraction,
    renewal_at,
    retry_at,
)

DAY = 24 * HOUR
NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("days", "renew_before", "remainder"),
    [
        (90, None, 30),
        (6, None, 2),
        (398, None, 30),
        (90, 10, 10),
        # What would be renewed before it came is kept for a third of its time all the same.
        (90, 200, 60),
        (0, None, 0),
    ],
)
def test_r10_a_certificate_is_renewed_a_third_of_its_time_before_its_end(
    days: float, renew_before: float | None, remainder: float
) -> None:
    validity = Validity(NOW, NOW + days * DAY)
    before = renew_before * DAY if renew_before else None
    moments = [renewal_at(validity, before, f"certificate {number}") for number in range(200)]
    earliest, latest = validity.ends - remainder * DAY, validity.ends - remainder * DAY * 0.9
    assert all(earliest <= moment <= latest for moment in moments)
    assert days == 0 or max(moments) - min(moments) > (latest - earliest) / 2
    assert moments == [renewal_at(validity, before, f"certificate {number}") for number in range(200)]


def test_r10_pauses_grow_from_a_minute_to_an_hour() -> None:
    pauses = [retry_at(NOW, failures, 0.0) - NOW for failures in range(1, 12)]
    assert pauses == [60, 120, 240, 480, 960, 1920, *[3600] * 5]
    assert retry_at(NOW, 1_000_000, 0.0) - NOW == 3600
    late = [retry_at(NOW, failures, 1.0) - NOW for failures in range(1, 12)]
    assert late == pytest.approx([pause * 1.2 for pause in pauses])


def test_r10_an_authority_that_asks_for_more_time_gets_it_up_to_a_day() -> None:
    assert retry_at(NOW, 1, 0.0, asked=7200) == NOW + 7200
    assert retry_at(NOW, 1, 0.0, asked=5) == NOW + 60
    assert retry_at(NOW, 1, 0.0, asked=1e9) == NOW + DAY


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_r10_a_name_that_fails_for_two_days_is_never_tried_more_than_five_times_in_an_hour(chance: float) -> None:
    now, attempts, moments = NOW, Attempts(), [0.0] * 0
    while now < NOW + 2 * DAY:
        now = max(due_at(now, "wish", attempts, None), allowed_at(now, ["shop.test"], attempts.tries))
        moments.append(now)
        tries = (*(one for one in attempts.tries if one.at > now - HOUR), Try(now, ("shop.test",)))
        failures = attempts.failures + 1
        attempts = read_attempts(Attempts("wish", failures, retry_at(now, failures, chance), "no", tries).to_text())
    assert all(later - first >= HOUR for first, later in zip(moments, moments[MOST_TRIES:], strict=False))
    assert moments[1] - moments[0] >= 60
    assert all(later - first <= 1.2 * HOUR for first, later in itertools.pairwise(moments))
    assert len(moments) > 2 * 24 / 1.2


def test_r10_tries_of_other_certificates_count_for_the_names_that_they_share() -> None:
    tries = [Try(NOW - 600 * number, ("a.test", f"b{number}.test")) for number in range(MOST_TRIES)]
    assert allowed_at(NOW, ["a.test"], tries) == NOW - 600 * (MOST_TRIES - 1) + HOUR
    assert allowed_at(NOW, ["b1.test", "c.test"], tries) == NOW
    assert allowed_at(NOW, ["c.test", "a.test"], tries) > NOW


def test_r10_a_clock_that_was_set_back_holds_nothing_up() -> None:
    later = NOW + 365 * DAY
    attempts = Attempts("wish", 7, later + HOUR, "no", tuple(Try(later, ("shop.test",)) for _ in range(9)))
    assert due_at(NOW, "wish", attempts, None) == NOW
    assert allowed_at(NOW, ["shop.test"], attempts.tries) == NOW


def test_what_failed_holds_up_only_the_same_wish() -> None:
    attempts = Attempts("before", 3, NOW + 600, "no such host")
    assert due_at(NOW, "before", attempts, None) == NOW + 600
    assert due_at(NOW, "after", attempts, None) == NOW
    assert due_at(NOW, "before", Attempts("before", 0, 0.0), NOW + DAY) == NOW + DAY


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"tries": [1]}', "null", '{"tries": [], "wish": "x"}'])
def test_what_is_no_record_of_attempts_is_as_good_as_none(text: str | None) -> None:
    assert read_attempts(text) == Attempts()


def test_a_fraction_is_always_the_same_and_below_one() -> None:
    found = [fraction(str(number)) for number in range(1000)]
    assert all(0 <= one < 1 for one in found)
    assert fraction("a") == fraction("a") != fraction("b")
