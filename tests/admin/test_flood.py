"""A flood of writes (G14): it waits or is told to come again; others write and are served, and memory stays."""

import asyncio
import http.client
import json
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from tests.admin.api import Api, api_of
from tests.runtime.configurations import many_routes
from tests.servers.gateway_process import GatewayProcess
from tests.servers.load import Load, percentile
from tests.servers.processes import resident_kib

NOWHERE = "http://127.0.0.1:1"
CROWD = 200
"""Connections that write at once: more than one writer may have waiting."""

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Told:
    """What the answers to writes were."""

    statuses: Counter[int] = field(default_factory=Counter)
    later: set[str] = field(default_factory=set)
    """What `Retry-After` said where there was no place."""
    seconds: list[float] = field(default_factory=list)


def route(team: str, number: int, turn: int) -> dict[str, object]:
    answer = {"kind": "Respond", "status": 200, "body": str(turn)}
    name, host = f"{team}.r{number}", f"{team}.test"
    return {
        "kind": "Route",
        "name": name,
        "listeners": ["web"],
        "hosts": [host],
        "path": f"/{number}",
        "steps": [answer],
    }


async def asked(connection: Connection, request: bytes) -> str:
    """The head of the answer to a request."""
    reader, writer = connection
    writer.write(request)
    answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    await reader.readexactly(int(fields_of(answer)["content-length"]))
    return answer


def fields_of(answer: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in answer.split("\r\n")[1:-2])


async def write_all(api: Api, team: str, crowd: int, rounds: int) -> Told:
    """Write to a route for each connection, again and again, without a pause."""
    told = Told()

    async def write(number: int) -> None:
        connection: Connection | None = None
        for turn in range(rounds):
            body = json.dumps(route(team, number, turn)).encode()
            head = (
                f"PUT /api/v1/resources/route/{team}.r{number} HTTP/1.1\r\nhost: localhost\r\n"
                f"authorization: Bearer {api.token}\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\n\r\n"
            )
            began, answer = time.monotonic(), ""
            while not answer:
                connection = connection or await asyncio.open_connection("127.0.0.1", api.port)
                try:
                    answer = await asked(connection, head.encode() + body)
                except (ConnectionError, asyncio.IncompleteReadError):
                    # Idle connections make room for others; clients then ask on a new one.
                    connection[1].close()
                    connection = None
            told.seconds.append(time.monotonic() - began)
            status = int(answer.split()[1])
            told.statuses[status] += 1
            if status == http.client.TOO_MANY_REQUESTS:
                told.later.add(fields_of(answer)["retry-after"])
        if connection:
            connection[1].close()

    await asyncio.gather(*(write(number) for number in range(crowd)))
    return told


def team_of(admin: Api, team: str) -> Api:
    """The admin API for a team with a namespace of its own."""
    assert (
        admin.ask("PUT", f"/api/v1/namespaces/{team}", {"hosts": [f"{team}.test"], "listeners": ["web"]}).status == 201
    )
    made = admin.ask("POST", "/api/v1/tokens", {"name": f"of-{team}", "role": "operator", "namespace": team})
    assert made.status == 201, made.text
    return Api(admin.port, made.data["token"])


def check(routes: int, rounds: int) -> str:
    """Flood a gateway of so many routes; gives the figures."""
    with GatewayProcess(many_routes(routes, "first", NOWHERE), "--admin", "127.0.0.1:0") as gateway:
        admin = api_of(gateway)
        flooding, other = team_of(admin, "flood"), team_of(admin, "quiet")
        workers, port = gateway.worker_pids(), gateway.port()
        with Load(port, path="/probe") as before:
            for turn in range(3):
                asyncio.run(write_all(other, "quiet", 1, 1 + turn))
        memory = resident_kib(gateway.owner())
        began = time.monotonic()
        with Load(port, path="/probe") as load, ThreadPoolExecutor(1) as thread:
            flood = thread.submit(asyncio.run, write_all(flooding, "flood", CROWD, rounds))
            quiet = asyncio.run(write_all(other, "quiet", 1, 3))
            was_flooded = not flood.done()
            told = flood.result()
        seconds = time.monotonic() - began
        assert was_flooded, "the other one waited until the flood was over"
        assert quiet.statuses.keys() <= {200, 201}, quiet.statuses
        assert told.statuses.keys() <= {200, 201, 429}, told.statuses
        assert told.statuses.total() == CROWD * rounds
        assert told.statuses[429] > 0
        assert told.later == {"1"}
        assert (load.losses.lost, load.losses.dropped) == ([], 0)
        assert load.losses.answered > 0
        assert gateway.worker_pids() == workers
        after = resident_kib(gateway.owner())
        assert after < memory * 1.5 + 50_000, (memory, after)
        slow = [percentile(one.losses.seconds, 0.99) * 1000 for one in (before, load)]
        return (
            f"\nG14, {routes} routes: {told.statuses.total() / seconds:.0f} writes a second tried, "
            f"{(told.statuses.total() - told.statuses[429]) / seconds:.0f} made, {told.statuses[429]} told to come "
            f"again; a write of another namespace takes {max(quiet.seconds) * 1000:.0f} ms at most; probes p99 "
            f"{slow[0]:.1f} ms with few writes, {slow[1]:.1f} ms in the flood, none lost of {load.losses.answered}; "
            f"the supervisor has {memory} KiB before, {after} KiB after\n"
        )


@pytest.mark.timeout(300)
def test_g14_a_flood_of_writes_keeps_nobody_out_and_is_told_to_come_again(capsys: pytest.CaptureFixture[str]) -> None:
    figures = check(routes=500, rounds=5)
    with capsys.disabled():
        sys.stderr.write(figures)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_g14_a_flood_beside_ten_thousand_routes(capsys: pytest.CaptureFixture[str]) -> None:
    figures = check(routes=10_000, rounds=50)
    with capsys.disabled():
        sys.stderr.write(figures)
