"""Broken configurations by the hundred, given to a gateway that runs (R2)."""

import random

import pytest

from tests.runtime.configurations import forwarding
from tests.runtime.test_reload import mark
from tests.servers.gateway_process import GatewayProcess
from tests.servers.origin import Origin

PIECES = [
    "", " ", "\n", "  ", "---\n", ":", "- ", "[", "]", "{", "}", '"', "'", "#", "&a ", "*a", "!!x ", "\t", "0", "-1",
    "1e9", "true", "null", "kind", "name", "web", "all", "Route", "Listener", "Upstream", "steps", "to", "path",
    "address", "127.0.0.1:0", "${env:NOTHING}", "{{ x }}", "/*", "\u00e9", "\u2028",
]  # fmt: skip


def mutated(text: str, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 3)):
        begin = chance.randrange(len(text) + 1)
        end = min(len(text), begin + chance.choice([0, 0, 1, 5, 20]))
        text = text[:begin] + chance.choice(PIECES) + text[end:]
    return text


def check(count: int, seed: int) -> None:
    """Give a gateway mutations of a good configuration: each is applied, or refused with places and no effect."""
    chance = random.Random(seed)
    refused = 0
    with Origin() as origin, GatewayProcess(forwarding(origin.url, mark="good"), "--no-watch", workers=1) as gateway:
        good = forwarding(origin.url, mark="good")
        port = gateway.port()
        for number in range(count):
            text = mutated(good, chance)
            before = gateway.status()
            gateway.write(text)
            status, answer = gateway.ask("POST", "/-/reload")
            after = gateway.status()
            if status == 200:
                gateway.write(good)
                status, answer = gateway.ask("POST", "/-/reload")
                assert (status, answer["problems"]) == (200, []), text
                port = gateway.port()
                continue
            refused += 1
            assert status == 409, text
            assert answer["problems"], text
            assert (after["revision"], after["listeners"]) == (before["revision"], before["listeners"]), text
            assert after["changes"][0]["result"] == "refused", text
            if number % 10 == 0:
                assert mark(port) == "good", text
        assert mark(port) == "good"
        assert gateway.status()["restarts"] == 0
    assert refused > count // 2


def test_r2_a_mutated_configuration_is_refused_with_problems_or_good() -> None:
    check(40, seed=1)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_r2_five_hundred_mutated_configurations() -> None:
    check(500, seed=2)
