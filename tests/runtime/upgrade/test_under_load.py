"""Upgrades and changes of the worker count under load of every protocol (R7, R8)."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.grpc_origin import GrpcOrigin
from tests.servers.mixed_load import MixedLoad, configuration
from tests.servers.origin import Origin
from tests.servers.processes import is_process
from tests.servers.websocket_origin import WebSocketOrigin

LONGEST_SECONDS = 60.0
"""Ten times what clients of every kind take to be answered again on a busy machine: a hang."""


@contextmanager
def under_load(*flags: str, workers: int = 2) -> Iterator[tuple[GatewayProcess, MixedLoad]]:
    """A gateway whose clients are all served, before and after; whoever has been told to end has ended in the end."""
    with Origin() as origin, GrpcOrigin() as calls, WebSocketOrigin() as sockets:
        said = configuration(origin.url, calls.url, sockets.url)
        with GatewayProcess(said, "--grace", "10m", *flags, workers=workers) as gateway:
            ports = gateway.port("clear"), gateway.port("web")
            with MixedLoad(*ports) as load:
                everybody_is_answered(load)
                yield gateway, load
                everybody_is_answered(load)
            load.all_went_well()
            assert (gateway.port("clear"), gateway.port("web")) == ports


def everybody_is_answered(load: MixedLoad) -> None:
    """Wait until each of the clients has been answered since now."""
    are_answered = load.all_are_answered_again()
    wait_until(lambda: load.wrong or are_answered(), LONGEST_SECONDS)
    assert load.wrong == []


def upgrade(gateway: GatewayProcess, *arguments: str) -> set[int]:
    """Give way to a successor; the workers that were there before."""
    before, owner = set(gateway.worker_pids()), gateway.owner()
    ended = gateway.command(*(arguments or ("upgrade",)), "--state-dir", str(gateway.state.path))
    assert ended.returncode == 0, (ended.stderr, gateway.said)
    wait_until(lambda: gateway.owner() != owner)
    assert not before & set(gateway.worker_pids())
    return before


def test_r7_upgrades_under_load_refuse_reset_and_lose_nothing() -> None:
    earlier: set[int] = set()
    with under_load() as (gateway, load):
        for _ in range(2):
            earlier |= upgrade(gateway)
            everybody_is_answered(load)
        last = gateway.worker_pids()
    # Its tunnels and streams are over, so the time to end is not waited for.
    wait_until(lambda: not any(is_process(pid) for pid in earlier | set(last)), LONGEST_SECONDS)


@pytest.mark.parametrize(("before", "after"), [(4, 1), (1, 3)])
def test_r8_another_number_of_workers_loses_nothing(before: int, after: int) -> None:
    with under_load(workers=before) as (gateway, load):
        upgrade(gateway, "scale", str(after))
        assert len(gateway.worker_pids()) == after
        everybody_is_answered(load)
        # Every one of them is given connections.
        wait_until(lambda: all(worker["requests"] for worker in gateway.status()["workers"]), LONGEST_SECONDS)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_r7_twenty_upgrades_under_load(capsys: pytest.CaptureFixture[str]) -> None:
    with under_load() as (gateway, load):
        for _ in range(20):
            upgrade(gateway)
            everybody_is_answered(load)
    with capsys.disabled():
        sys.stderr.write(
            f"\nR7, 20 upgrades under load: {load.answered()} answers, 0 refused, 0 reset, 0 lost: "
            f"{load.load.losses.answered} of HTTP/1.1, {load.tunnels.echoes} of tunnels, {load.done}; "
            f"handshakes of HTTP/3 that were cut and made again: {load.cut_handshakes}\n"
        )
