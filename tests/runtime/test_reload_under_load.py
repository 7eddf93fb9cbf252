"""Reloading under load (R1): what clients see, and what it costs."""

import http.client
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import pytest

from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess
from tests.servers.load import Load, percentile
from tests.servers.origin import Origin
from tests.servers.processes import resident_kib
from tests.servers.tunnels import Tunnels

UPLOAD_BYTES = 10 * 1024 * 1024
LONGEST_SECONDS = 10.0
"""Ten times what a change takes on a busy machine: a hang."""


class SlowUpload(threading.Thread):
    """Sends 10 MB, a little at a time, for some seconds or until told to finish."""

    def __init__(self, port: int, seconds: float) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.seconds = seconds
        self.may_finish = threading.Event()
        self.answer = b""

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.putrequest("POST", "/upload")
        connection.putheader("content-length", str(UPLOAD_BYTES))
        connection.endheaders()
        piece = bytes(64 * 1024)
        count = UPLOAD_BYTES // len(piece)
        for _ in range(count):
            connection.send(piece)
            self.may_finish.wait(self.seconds / count)
        self.answer = connection.getresponse().read()
        connection.close()


class Watcher:
    """Sees when a change takes effect, over one kept connection."""

    def __init__(self, port: int, path: str = "/mark") -> None:
        self._path = path
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
        self._connection.connect()
        self._stream = self._connection.sock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def sees(self, mark: str) -> bool:
        """Whether an answer carries the mark."""
        self._connection.request("GET", self._path)
        answer = self._connection.getresponse()
        answer.read()
        assert self._connection.sock is self._stream, "the connection was closed"
        return answer.getheader("x-mark") == mark

    def wait_for(self, mark: str, step: float = 0.001) -> float:
        """The time until an answer carries the mark, in seconds."""
        began = time.monotonic()
        while not self.sees(mark):
            assert time.monotonic() - began < LONGEST_SECONDS, "the change takes no effect"
            time.sleep(step)
        return time.monotonic() - began


@dataclass(frozen=True)
class Form:
    """How long and how hard a run is."""

    reloads: int
    pause: float
    tunnels: int


SHORT = Form(reloads=20, pause=0.1, tunnels=10)
LONG = Form(reloads=200, pause=0.85, tunnels=100)


@dataclass
class Figures:
    """What a run has shown; times in seconds, memory in KiB."""

    answered: int
    latencies: Sequence[float]
    effects: Sequence[float]
    memory: tuple[int, int]


def run(form: Form, *, is_reloading: bool) -> Figures:
    """One run; nothing may be lost, closed or broken in it."""
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        port, pids = gateway.port(), gateway.worker_pids()
        effects: list[float] = []
        with Tunnels(port, form.tunnels) as tunnels, Load(port) as load, Watcher(port) as watcher:
            upload = SlowUpload(port, form.reloads * form.pause)
            upload.start()
            memory: list[int] = []
            for number in range(form.reloads):
                if is_reloading:
                    gateway.write(forwarding(origin.url, mark=f"m{number}"))
                    effects.append(watcher.wait_for(f"m{number}"))
                if number >= form.reloads // 10:
                    memory.append(sum(resident_kib(pid) for pid in pids))
                time.sleep(form.pause)
            upload.may_finish.set()
            upload.join(30)
        assert upload.answer == str(UPLOAD_BYTES).encode()
        assert load.losses.lost == []
        assert (load.losses.closed, load.losses.dropped) == (0, 0)
        assert tunnels.broken == []
        assert tunnels.echoes >= form.tunnels
        assert load.losses.answered > form.reloads
        assert gateway.status()["restarts"] == 0
        assert gateway.worker_pids() == pids
    return Figures(load.losses.answered, load.losses.seconds, effects, (memory[0], memory[-1]))


def test_r1_reloads_under_load_lose_no_request_and_close_no_connection() -> None:
    figures = run(SHORT, is_reloading=True)
    assert len(figures.effects) == SHORT.reloads


@pytest.mark.long
@pytest.mark.timeout(900)
def test_r1_two_hundred_reloads_under_load(capsys: pytest.CaptureFixture[str]) -> None:
    calm = run(LONG, is_reloading=False)
    figures = run(LONG, is_reloading=True)
    before, after = figures.memory
    with capsys.disabled():
        sys.stderr.write(
            f"\nR1, {LONG.reloads} reloads, {LONG.tunnels} tunnels: {figures.answered} requests, 0 lost, 0 closed; "
            f"p99 {percentile(figures.latencies, 0.99) * 1000:.1f} ms, "
            f"{percentile(figures.latencies, 0.99) / percentile(calm.latencies, 0.99):.2f} times that without reloads; "
            f"write to effect p50 {percentile(figures.effects, 0.5) * 1000:.0f} ms, "
            f"p99 {percentile(figures.effects, 0.99) * 1000:.0f} ms; "
            f"memory of the workers {before} to {after} KiB, {(after / before - 1) * 100:+.1f} %\n"
        )
    assert after <= before * 1.05
