"""Leases of one process run out by a clock that nobody sets (R52)."""

import pytest

from penstock.store import Lost
from penstock.store.leases import Leases


def test_r52_a_lease_lasts_as_long_as_it_says_from_its_last_renewal() -> None:
    now = [100.0]
    leases = Leases(lambda: now[0])
    lease = leases.grant(10)
    leases.hold("a", "1", lease, None)
    now[0] += 9
    leases.keep_alive(lease)
    now[0] += 9.9
    assert list(leases.held("")) == ["a"]
    now[0] += 0.2
    assert leases.held("") == {}
    with pytest.raises(Lost):
        leases.keep_alive(lease)


def test_fences_of_a_later_life_are_larger() -> None:
    first = Leases()
    early = first.hold("a", "1", first.grant(10), None)
    later = Leases()
    assert later.hold("a", "1", later.grant(10), None).fence > early.fence
