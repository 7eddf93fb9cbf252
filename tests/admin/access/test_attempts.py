"""Guessing becomes slow, and costs no memory (I7)."""

from penstock.admin.access.attempts import Attempts, account_key, peer_key


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_i7_the_wait_doubles_with_each_failure_up_to_a_bound() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    waits = []
    for _ in range(20):
        attempts.failed("peer a", "account 1")
        waits.append((attempts.wait("peer a"), attempts.wait("account 1")))
        clock.now += attempts.wait("peer a")
    assert waits[:5] == [(0, 0)] * 5
    assert [peer for peer, _ in waits[5:9]] == [1, 2, 4, 8]
    assert waits[-1] == (900, 60)


def test_i7_who_is_right_or_stays_away_begins_anew() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(7):
        attempts.failed("peer a")
    assert attempts.wait("peer a", "peer b") == 2
    attempts.succeeded("peer a")
    assert attempts.wait("peer a") == 0
    for _ in range(7):
        attempts.failed("peer a")
    clock.now += 2_000
    attempts.failed("peer a")
    assert attempts.wait("peer a") == 0


def test_i7_many_peers_and_accounts_take_bounded_memory() -> None:
    attempts = Attempts(Clock())
    for number in range(20_000):
        attempts.failed(peer_key(f"2001:db8:{number:x}::1"), account_key(f"user-{number}"))
    assert len(attempts._known) <= 4096 + 1024


def test_a_subscriber_of_ipv6_is_one_peer() -> None:
    assert peer_key("2001:db8::1") == peer_key("2001:db8::ffff") != peer_key("2001:db8:0:1::1")
    assert peer_key("::ffff:192.0.2.1") == peer_key("192.0.2.1") != peer_key("192.0.2.2")
