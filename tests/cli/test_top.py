"""`penstock top`, printed and in a real terminal."""

import fcntl
import http.client
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from penstock.cli.top_view import Choice, duration, frame, rate, share, size
from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.origin import Origin

SECONDS = 30.0
TOP = "/api/v1/top?window=15m"


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port(), timeout=30)
        for _ in range(20):
            connection.request("GET", "/a")
            connection.getresponse().read()
        connection.close()
        wait_until(lambda: [one["requests"] for one in gateway.ask("GET", TOP)[1]["items"]] == [20])
        yield gateway


class Terminal:
    """`penstock top` in a terminal of its own; what it writes is kept."""

    def __init__(
        self, gateway: GatewayProcess, *flags: str, term: str = "xterm", size: tuple[int, int] = (24, 100)
    ) -> None:
        self.own, self.its = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(self.its)
        command = [sys.executable, "-m", "penstock", "top", "--state-dir", str(gateway.state.path)]
        environment = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        self.process = subprocess.Popen(
            [*command, "--interval", "200ms", "--window", "15m", *flags],
            stdin=self.its,
            stdout=self.its,
            stderr=self.its,
            env={**environment, "TERM": term},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - a terminal is taken by the child
        )
        self.said = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.own)
        os.close(self.its)

    def state(self) -> str:
        return Path(f"/proc/{self.process.pid}/stat").read_text()

    def resize(self, lines: int, columns: int) -> None:
        fcntl.ioctl(self.own, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def press(self, keys: str) -> None:
        self.said = ""
        os.write(self.own, keys.encode())

    def wait_for(self, pattern: str) -> str:
        """What was written, as soon as a pattern is in it."""
        deadline = time.monotonic() + SECONDS
        while not re.search(pattern, self.said, re.DOTALL):
            assert time.monotonic() < deadline, f"{pattern!r} does not come: {self.said[-2000:]!r}"
            ready, _, _ = select.select([self.own], [], [], 0.1)
            if ready:
                self.said += os.read(self.own, 65536).decode()
        return self.said

    def ended(self) -> int:
        """Its exit code; what it still writes is read meanwhile."""
        deadline = time.monotonic() + SECONDS
        while self.process.poll() is None:
            assert time.monotonic() < deadline
            ready, _, _ = select.select([self.own], [], [], 0.1)
            if ready:
                self.said += os.read(self.own, 65536).decode()
        while select.select([self.own], [], [], 0)[0]:
            self.said += os.read(self.own, 65536).decode()
        return self.process.returncode

    def is_as_before(self) -> bool:
        return termios.tcgetattr(self.its) == self.before


def test_it_draws_follows_keys_and_gives_the_terminal_back(gateway: GatewayProcess) -> None:
    with Terminal(gateway) as terminal:
        said = terminal.wait_for(r"ROUTE .*\nall ")
        assert said.startswith("\x1b[?1049h\x1b[?25l\x1b[H")
        assert not terminal.is_as_before()
        for key, pattern in [
            ("2", r"endpoints by requests.*UPSTREAM +ENDPOINT"),
            ("5", r"workers by requests.*WORKER +PROCESS.*serving"),
            ("\t", r"routes by requests"),
            ("l", r"routes by latency"),
            ("e", r"routes by errors"),
            ("n", r"routes by name"),
            ("w", r"of 10s"),
        ]:
            terminal.press(key)
            terminal.wait_for(pattern)
        terminal.press("q")
        assert terminal.ended() == 0
        assert terminal.said.endswith("\x1b[?25h\x1b[?1049l")
        assert terminal.is_as_before()


def test_it_follows_the_size_of_the_terminal(gateway: GatewayProcess) -> None:
    with Terminal(gateway, size=(24, 100)) as terminal:
        terminal.wait_for(r"ROUTE .* OUT")
        terminal.resize(6, 30)
        terminal.said = ""
        # A frame that was drawn after it: from one beginning to the next.
        said = terminal.wait_for(r"\x1b\[H[^\x1b]{1,30}\x1b\[K.*\x1b\[J\x1b\[H")
        drawn = said.rpartition("\x1b[J")[0].rpartition("\x1b[H")[2]
        lines = [re.sub(r"\x1b\[\w+", "", line) for line in drawn.replace("\r", "").split("\n")]
        assert len(lines) <= 6
        assert max(map(len, lines)) <= 30


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_gives_the_terminal_back_too(gateway: GatewayProcess, number: signal.Signals) -> None:
    with Terminal(gateway) as terminal:
        terminal.wait_for(r"ROUTE ")
        terminal.process.send_signal(number)
        assert terminal.ended() == 128 + number
        assert terminal.said.endswith("\x1b[?25h\x1b[?1049l")
        assert terminal.is_as_before()


def test_stopped_it_gives_the_terminal_back_and_goes_on_later(gateway: GatewayProcess) -> None:
    with Terminal(gateway) as terminal:
        terminal.wait_for(r"ROUTE ")
        terminal.process.send_signal(signal.SIGTSTP)
        terminal.wait_for(r"\x1b\[\?1049l$")
        wait_until(lambda: terminal.state().rpartition(") ")[2].startswith("T"), SECONDS)
        terminal.said = ""
        terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_for(r"\x1b\[\?1049h.*ROUTE ")
        terminal.press("q")
        assert terminal.ended() == 0


def test_a_terminal_that_knows_lines_only_gets_lines(gateway: GatewayProcess) -> None:
    with Terminal(gateway, term="dumb") as terminal:
        said = terminal.wait_for(r"(?:ROUTE .*){2}")
        assert "\x1b" not in said
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.ended() == 130


def test_through_a_pipe_it_prints_once(gateway: GatewayProcess) -> None:
    told = gateway.command("top", "--state-dir", str(gateway.state.path), "--window", "15m")
    assert (told.returncode, told.stderr) == (0, "")
    assert re.search(r"^ROUTE +REQ/S +ERRORS +P50 ", told.stdout, re.MULTILINE)
    assert re.search(r"^all +[\d.]+ +0\.0 % ", told.stdout, re.MULTILINE)
    assert "\x1b" not in told.stdout


def test_as_json_it_is_the_answer_of_the_admin_api_and_the_workers(gateway: GatewayProcess) -> None:
    told = gateway.command("top", "--state-dir", str(gateway.state.path), "--window", "15m", "-o", "json")
    data = json.loads(told.stdout)
    assert [one["requests"] for one in data["routes"]] == [20]
    assert len(data["workers"]) == 2
    assert all(one["resident_bytes"] > 0 for one in data["workers"])


def test_without_a_gateway_it_is_one_line_and_exit_1() -> None:
    gateway = GatewayProcess("")
    try:
        ended = gateway.command("top", "--state-dir", str(gateway.state.path))
    finally:
        gateway.__exit__()
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)


def test_nothing_is_wider_or_longer_than_the_terminal() -> None:
    row = {"route": "r" * 60, "requests": 1, "requests_per_second": 0.1, "errors": 0, "error_ratio": 0.0}
    row |= {"latency_ms": None, "active": 0, "received_bytes": 5, "sent_bytes": 5}
    status = {"phase": "serving", "uptime_seconds": 3, "revision": 1, "connections": 0, "workers": []}
    told: dict[str, Any] = {
        "statistics": {"routes": [row] * 50, "window_seconds": 9.0},
        "status": status,
        "workers": [],
    }
    for columns, lines in [(1, 1), (20, 3), (80, 24), (200, 100)]:
        drawn = frame(told, Choice(keys="q quit"), columns, lines, is_marked=False)
        assert len(drawn) <= lines
        assert max(map(len, drawn)) <= columns


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (rate(None), "-"), (rate(0.0), "0.0"), (rate(99.94), "99.9"), (rate(12345.6), "12,346"),
        (share(0.0), "0.0 %"), (share(0.00001), "<0.1 %"), (share(0.5), "50.0 %"),
        (duration(None), "-"), (duration(0.25), "0.2 ms"), (duration(250), "250 ms"), (duration(1500), "1.5 s"),
        (duration(60_000), "60 s"), (size(0), "0 B"), (size(1536), "1.5 KiB"), (size(5 << 30), "5.0 GiB"),
    ],
)  # fmt: skip
def test_figures_have_units(shown: str, expected: str) -> None:
    assert shown == expected
