"""Our parser beside h11 and httptools: what ours accepts, neither of them reads as something else.

What they refuse and we accept is no danger, nor is what only we refuse: it is sent to nobody. No difference is known;
one that comes up and is no danger either is listed here, with the reason.
"""

import itertools
from collections import Counter
from collections.abc import Iterable

import pytest

from tests.http1.readers import Message, Reading, lenient, ours, strict, usual
from tests.http1.tricks import connections

OTHERS = {"h11": strict, "httptools": usual}
OF_ONE_HOP = {
    *("connection", "content-length", "expect", "http2-settings", "keep-alive", "proxy-connection", "te"),
    *("transfer-encoding", "upgrade"),
}


def differences(own: Reading, other: Reading) -> list[str]:
    """What the other reader makes of what we accept, where that is another thing."""
    found = []
    for index, message in enumerate(own.requests):
        if index < len(other.requests):
            theirs = other.requests[index]
            given_up = {
                "ours_is_given_up": own.refused is not None and not message.is_whole,
                "other_is_given_up": other.refused is not None and not theirs.is_whole,
            }
            found += [f"{index} {what}" for what in different(message, theirs)]
            if not are_of_one_body(message, theirs, **given_up):
                found.append(f"{index} body {theirs.body!r} {theirs.is_whole}")
        elif other.refused is None and not other.is_closed:
            found.append(f"{index} is not seen")
    waits = own.refused is None and not own.is_closed
    if waits and len(other.requests) > len(own.requests):
        found.append("more requests")
    return found


def different(own: Message, other: Message) -> Iterable[str]:
    """The parts of a head that are different."""
    if (own.method, own.target) != (other.method, other.target):
        yield f"start {other.method} {other.target}"
    if further(own, other) != further(other, own):
        yield f"fields {further(other, own)} instead of {further(own, other)}"


def are_of_one_body(own: Message, other: Message, *, ours_is_given_up: bool, other_is_given_up: bool) -> bool:
    """Whether the bodies are the same; one that is given up has no end, and is the same as far as it goes."""
    if ours_is_given_up:
        return other.body.startswith(own.body)
    if other_is_given_up:
        return own.body.startswith(other.body)
    return (own.body, own.is_whole) == (other.body, other.is_whole)


def further(message: Message, *others: Message) -> list[tuple[str, str]]:
    """The fields that are sent on: those of one hop are not, nor are those that `Connection` names."""
    fields = [pair for one in (message, *others) for pair in one.fields]
    nominated = {word.strip().lower() for name, value in fields if name == "connection" for word in value.split(",")}
    return [(name, value) for name, value in message.fields if name not in OF_ONE_HOP | nominated]


def compare(count: int, seed: int) -> Counter[str]:
    """Compares so many connections, each also cut in two at every byte by ours; gives how many said what."""
    given = list(connections(count, seed))
    counts: Counter[str] = Counter()
    for data, own in zip(given, ours(given), strict=True):
        assert own.cut is None, f"{data!r} says another thing cut at {own.cut}"
        counts["accepted"] += len(own.requests)
        counts["refused"] += own.refused is not None
        counts["further"] += len(own.requests) > 1
        for name, read in OTHERS.items():
            found = differences(own, read([data]))
            assert not found, f"{name} reads {found} in {data!r}, where we read {own}"
    return counts


def test_neither_reads_another_message_in_what_we_accept_of_10000_connections() -> None:
    counts = compare(10_000, seed=1)
    assert counts["accepted"] > 2_500, counts
    assert counts["refused"] > 1_500, counts
    assert counts["further"] > 500, counts


def test_cutting_a_connection_at_every_byte_makes_neither_read_another_message() -> None:
    given = list(connections(60, seed=3))
    for data, own in zip(given, ours(given), strict=True):
        for at, read in itertools.product(range(1, len(data)), OTHERS.values()):
            assert differences(own, read([data[:at], data[at:]])) == [], f"{data!r} cut at {at}"


def test_a_reader_that_reads_another_message_is_told() -> None:
    given = list(connections(2_000, seed=1))
    told = [data for data, own in zip(given, ours(given), strict=True) if differences(own, lenient(data))]
    # To it an underscore is a hyphen: the gateway refuses such fields behind its parser (A40).
    assert len(told) > 5
    assert any(b"Content_Length: 5" in data for data in told)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_neither_reads_another_message_in_what_we_accept_of_200000_connections() -> None:
    for seed in range(10, 30):
        compare(10_000, seed)
