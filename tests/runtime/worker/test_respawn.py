"""How long a dead worker waits for its successor (R69)."""

import random

from penstock.runtime.worker.respawn import Backoff


def waits(deaths: list[tuple[float, bool]]) -> list[float]:
    backoff = Backoff(chance=random.Random(1))
    return [backoff.after(served, of_itself=of_itself) for served, of_itself in deaths]


def test_r69_a_worker_that_crashes_again_and_again_waits_longer_each_time() -> None:
    found = waits([(0.0, True)] * 9)
    assert found[0] == 0
    expected = [1, 2, 4, 8, 16, 30, 30, 30]
    assert all(0.75 * base <= wait <= 1.25 * base for base, wait in zip(expected, found[1:], strict=True))


def test_a_worker_that_served_for_long_is_started_at_once() -> None:
    assert waits([(0.0, True), (0.0, True), (61.0, True)])[2] == 0


def test_r44_a_worker_that_others_kill_is_started_at_once() -> None:
    assert waits([(0.6, False)] * 5) == [0.0] * 5
