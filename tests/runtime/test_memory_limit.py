"""Memory near its limit (R58): new requests are told to come again, those begun finish, and nobody is killed."""

import http.client
import re
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.memory_group import memory_group

MEBIBYTE = 1 << 20
LIMIT = 384 * MEBIBYTE
BODIES = 2 * LIMIT // MEBIBYTE
"""Twice what there is memory for, a mebibyte each."""
BODY = b"x" * MEBIBYTE
SHORT = {"shedding", "closed"}
STEP = 16
"""Bodies that are sent before memory is looked at again."""
ENOUGH_WAITING = 3

GATHER = """
from penstock.sdk import Filter


class Gather(Filter):
    \"\"\"Needs whole bodies.\"\"\"

    buffers_body = True

    def on_request(self, request):
        return None
"""


def gathering(folder: Path) -> str:
    """A configuration whose only route gathers bodies; `/small` does not."""
    (folder / "gather.py").write_text(GATHER)
    return f"""
kind: Listener
name: web
address: 127.0.0.1:0
---
kind: Plugin
name: house
python: {folder}/gather.py
---
kind: Route
name: all
path: /*
steps: [{{kind: Gather}}, {{kind: Respond, status: 200, body: kept}}]
---
kind: Route
name: small
path: /small
steps: [{{kind: Respond, status: 200, body: small}}]
"""


class Upload:
    """An upload that asks before it sends, stops before its last byte, and ends when it is told to."""

    def __init__(self, port: int) -> None:
        self.stream = socket.create_connection(("127.0.0.1", port), 20)
        self.answer = b""
        head = f"POST /up HTTP/1.1\r\nhost: gateway.test\r\ncontent-length: {len(BODY)}\r\nexpect: 100-continue\r\n\r\n"
        self.stream.sendall(head.encode())

    def begin(self, is_closed: Callable[[], bool]) -> str:
        """What became of it: `held`, `refused`, or `waiting` where nobody accepts it."""
        # On a busy machine an answer may take its time.
        while not select.select([self.stream], [], [], 0.5)[0]:
            if is_closed():
                return "waiting"
        try:
            told = self._read()
            if told.startswith(b"HTTP/1.1 100 "):
                self.stream.settimeout(60)
                self.stream.sendall(BODY[:-1])
                return "held"
        except OSError:
            # Given up in the middle: the answer may be lost with the connection.
            return "refused"
        self.answer = told
        return "refused"

    def end(self) -> int:
        """The status of its answer; 0 where the connection was lost."""
        try:
            self.stream.settimeout(60)
            self.stream.sendall(BODY[-1:])
            self.answer = self._read()
            return int(self.answer.split()[1])
        except (OSError, IndexError):
            return 0
        finally:
            self.stream.close()

    def _read(self) -> bytes:
        told = b""
        while b"\r\n\r\n" not in told:
            part = self.stream.recv(65536)
            if not part:
                break
            told += part
        return told


@contextmanager
def limited_by_group(folder: Path) -> Iterator[tuple[GatewayProcess, Any]]:
    with memory_group(LIMIT) as group:
        gateway = GatewayProcess(gathering(folder))
        gateway.before = group.command
        with gateway:
            yield gateway, lambda: group.killed


@contextmanager
def limited_by_flag(folder: Path) -> Iterator[tuple[GatewayProcess, Any]]:
    with GatewayProcess(gathering(folder), "--memory-limit", f"{LIMIT // MEBIBYTE}MiB") as gateway:
        yield gateway, lambda: 0


def memory_of(gateway: GatewayProcess) -> dict[str, Any]:
    memory: dict[str, Any] = gateway.status()["memory"]
    return memory


def is_seen(memory: dict[str, Any], least: int) -> bool:
    """Whether what is held is known by now."""
    return memory["level"] in SHORT or int(memory["used_bytes"]) >= least


def fill(gateway: GatewayProcess, port: int) -> dict[str, list[Upload]]:
    """Brings twice the bodies that there is memory for."""
    outcomes: dict[str, list[Upload]] = {"held": [], "refused": [], "waiting": []}
    for number in range(BODIES):
        upload = Upload(port)
        outcomes[upload.begin(lambda: memory_of(gateway)["level"] == "closed")].append(upload)
        if number % STEP == 0:
            least = len(outcomes["held"]) * MEBIBYTE * 3 // 4
            wait_until(lambda least=least: is_seen(memory_of(gateway), least), 30)
        if len(outcomes["waiting"]) == ENOUGH_WAITING:
            # All that follow would wait as well.
            break
    return outcomes


def refusals(gateway: GatewayProcess) -> int:
    pattern = r'^penstock_failures_total\{reason="out_of_memory",blame="gateway"\} (\d+)'
    found = re.search(pattern, str(gateway.ask("GET", "/metrics")[1]), re.MULTILINE)
    assert found is not None
    return int(found[1])


def small(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", "/small")
        return connection.getresponse().status
    finally:
        connection.close()


def round_of_load(gateway: GatewayProcess, port: int) -> None:
    """Memory is filled beyond its limit, and let go of again."""
    with ExitStack() as stack:
        before, outcomes = refusals(gateway), fill(gateway, port)
        for upload in (upload for uploads in outcomes.values() for upload in uploads):
            stack.callback(upload.stream.close)
        memory = memory_of(gateway)
        assert memory["limit_bytes"] == LIMIT
        assert memory["used_bytes"] < LIMIT
        assert len(outcomes["held"]) >= 64, "it refuses though there is memory"
        assert outcomes["refused"] or outcomes["waiting"]
        told = [upload.answer for upload in outcomes["refused"] if upload.answer]
        for answer in told:
            assert answer.startswith(b"HTTP/1.1 503 "), answer
            assert b"\r\nretry-after: 5\r\n" in answer.lower()
        ended = [upload.end() for upload in outcomes["held"]]
        # Those whose bodies came when there was no room at all are given up; each is counted.
        lost = len(ended) - ended.count(200)
        assert ended.count(200) >= 64, ended
        assert refusals(gateway) >= before + len(outcomes["refused"]) + lost
    wait_until(lambda: memory_of(gateway)["level"] not in SHORT, 60)
    wait_until(lambda: small(port) == 200)


LIMITED = pytest.mark.parametrize("limited", [limited_by_group, limited_by_flag], ids=["group", "flag"])


@LIMITED
def test_r58_twice_what_there_is_memory_for_is_told_to_come_again_and_nobody_is_killed(
    limited: Any, tmp_path: Path
) -> None:
    with limited(tmp_path) as (gateway, killed):
        port, workers = gateway.port(), gateway.worker_pids()
        assert memory_of(gateway)["level"] not in SHORT
        round_of_load(gateway, port)
        assert killed() == 0
        assert gateway.worker_pids() == workers
        said = r"MiB of 384 MiB of memory are used: (new requests are refused|no connection is accepted)\n"
        assert re.search(said, gateway.said), gateway.said
        assert " of 384 MiB of memory used" in gateway.command("status", "--state-dir", str(gateway.state.path)).stdout


@pytest.mark.long
@LIMITED
def test_r58_ten_minutes_of_it(limited: Any, tmp_path: Path) -> None:
    with limited(tmp_path) as (gateway, killed):
        port, workers = gateway.port(), gateway.worker_pids()
        until = time.monotonic() + 600
        while time.monotonic() < until:
            round_of_load(gateway, port)
        assert killed() == 0
        assert gateway.worker_pids() == workers
