"""The seed of ticket keys rolls on as the workers' keys do."""

import hmac

from penstock.runtime.worker.tickets import PERIOD_SECONDS, Tickets


def test_the_seed_is_that_of_the_period_before_and_rolls_on_with_the_clock() -> None:
    now = [PERIOD_SECONDS * 100.5]
    tickets = Tickets(lambda: now[0])
    first = tickets.secret()["tickets"]
    assert first["period"] == 99
    assert len(bytes.fromhex(first["key"])) == 32
    now[0] += 2 * PERIOD_SECONDS
    second = tickets.secret()["tickets"]
    key = bytes.fromhex(first["key"])
    for _ in range(2):
        key = hmac.digest(key, b"next", "sha256")
    assert second == {"period": 101, "key": key.hex()}


def test_a_clock_that_goes_back_brings_no_key_back() -> None:
    now = [PERIOD_SECONDS * 100.0]
    tickets = Tickets(lambda: now[0])
    first = tickets.secret()
    now[0] = 0
    assert tickets.secret() == first


def test_two_supervisors_have_nothing_in_common_and_nothing_shows_it() -> None:
    one, other = Tickets(), Tickets()
    assert one.secret() != other.secret()
    assert one.secret()["tickets"]["key"] not in repr(one)


def test_a_successor_goes_on_with_the_keys_of_its_predecessor() -> None:
    one, other = Tickets(), Tickets()
    other.go_on_with(one.secret())
    assert other.secret() == one.secret()
