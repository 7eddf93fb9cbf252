"""Three machines, each with a member of etcd and a gateway, while packets between them are lost and machines die.

What a gateway has acknowledged is there once, whatever happened; and requests are served by every machine that lives.
"""

import asyncio
import contextlib
import http.client
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from penstock.runtime.worker.takeover import find_earlier
from penstock.store import Unavailable
from penstock.store.etcd import Access
from penstock.store.etcd.client import Client
from tests.runtime.members.test_rate_limits import parts
from tests.servers.asking import write
from tests.servers.etcd import Etcd, Member
from tests.servers.gateway_process import wait_until
from tests.servers.network import Machine, Network
from tests.servers.nodes import Node, route
from tests.store.etcd.test_faults import STATUS

PORT = 8080
LISTENER = {"kind": "Listener", "name": "web", "address": f"0.0.0.0:{PORT}"}
DOWN_SECONDS = 3.0
"""How long a fault lasts, in rounds: longer than an election."""


@dataclass
class Site:
    """Three machines with etcd and a gateway each, and one from which clients ask."""

    network: Network
    etcd: Etcd
    nodes: list[Node]

    @property
    def machines(self) -> list[Machine]:
        return self.network.machines[:3]

    @property
    def client(self) -> Machine:
        return self.network.machines[3]

    def leader(self) -> int:
        """Which machine's member leads; asked from itself."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for number, member in enumerate(self.etcd.members):
                if member.process and self.machines[number].do(partial(_leads, member)):
                    return number
        pytest.fail("nobody leads")


def _leads(member: Member) -> bool:
    async def story() -> bool:
        client = Client(Access((f"http://{member.host}:{member.port}",), patience_seconds=0.5))
        client.open()
        try:
            status = await client.ask(STATUS, {})
        except Unavailable:
            return False
        finally:
            await client.close()
        return bool(status["leader"] and status["leader"] == status["header"]["member_id"])

    return asyncio.run(story())


@pytest.fixture
def site() -> Iterator[Site]:
    with ExitStack() as stack:
        network = stack.enter_context(Network(4))
        etcd = stack.enter_context(Etcd("3.4", 3, ("--pre-vote",), machines=network.machines[:3]))
        nodes = []
        for name, machine in zip("abc", network.machines, strict=False):
            node = Node(name, etcd, None, "--history", "100000")
            node.before = machine.inside
            stack.callback(node.__exit__)
            nodes.append(node)
        nodes[0].start()
        assert write(nodes[0], "POST", "/api/v1/apply", [LISTENER, route("one", "1")])[0] == 200
        for node in nodes[1:]:
            node.start()
            node.wait_for(1)
        yield Site(network, etcd, nodes)


@dataclass
class Writer(threading.Thread):
    """Writes one thing after another at a gateway, and remembers what was answered to each."""

    node: Node
    ending: threading.Event
    pause: float
    done: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    """Nobody could say what became of these."""

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        number = 0
        while not self.ending.is_set():
            number += 1
            message = f"{self.node.name}-{number}"
            path = f"/api/v1/resources/route/w-{self.node.name}?message={message}&deadline=1s"
            status, data = write(self.node, "PUT", path, route(f"w-{self.node.name}", message))
            if status in {200, 201}:
                self.done.append(message)
            elif status == 503 and "outcome" not in data:
                self.refused.append(message)
            else:
                self.open.append(message)
            self.ending.wait(self.pause)


@dataclass
class Asking(threading.Thread):
    """Asks every gateway for a route again and again, from a machine of its own; what was not answered is counted."""

    site: Site
    ending: threading.Event
    asked: dict[str, int] = field(default_factory=dict)
    lost: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        self.site.client.do(self._ask)

    def _ask(self) -> None:
        while not self.ending.is_set():
            for node, machine in zip(self.site.nodes, self.site.machines, strict=True):
                self.asked[node.name] = self.asked.get(node.name, 0) + 1
                if said := ask_from_here(machine):
                    self.lost.setdefault(node.name, []).append(said)
            self.ending.wait(0.02)


def ask_from_here(machine: Machine) -> str:
    """What is wrong with the answer of a machine's gateway; nothing if all is well."""
    connection = http.client.HTTPConnection(machine.address, PORT, timeout=20)
    try:
        connection.request("GET", "/one")
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as problem:
        return repr(problem)
    finally:
        connection.close()
    return "" if (answer.status, body) == (200, b"1") else f"{answer.status} {body!r}"


@contextlib.contextmanager
def under_way(site: Site, pause: float = 0.05) -> Iterator[tuple[Asking, list[Writer]]]:
    """Requests and writes while something happens, and afterwards what must hold of them."""
    ending = threading.Event()
    asking, writers = Asking(site, ending), [Writer(node, ending, pause) for node in site.nodes]
    for one in (asking, *writers):
        one.start()
    try:
        yield asking, writers
    finally:
        ending.set()
        for one in (asking, *writers):
            one.join(60)
    check(site, writers)


def check(site: Site, writers: list[Writer]) -> None:
    """R46: nothing acknowledged is lost, nothing is there twice, and all nodes end up with the same."""
    writable(site.nodes[:1], "last")
    history = whole_history(site.nodes[0])
    newest = history[0]["revision"]
    assert [one["revision"] for one in history] == list(range(newest, 0, -1))
    found = [one["message"] for one in history if "-" in one["message"]]
    assert len(found) == len(set(found)), "a write was done twice"
    for writer in writers:
        lost = [message for message in writer.done if message not in set(found)]
        assert not lost, f"acknowledged and not there: {lost}"
        done = set(writer.refused) & set(found)
        assert not done, f"refused and there: {done}"
        # What was told to be open may be there or not; and what is there is in the order in which it was asked for.
        mine = [int(message.partition("-")[2]) for message in reversed(found) if message.startswith(writer.node.name)]
        assert mine == sorted(mine)
    for node in site.nodes:
        node.wait_for(newest, 60)
        told = [one["store_revision"] for one in node.status()["changes"]]
        assert told == sorted(set(told), reverse=True), "a node went back"


def whole_history(node: Node) -> list[dict[str, Any]]:
    """Every change, newest first."""
    found: list[dict[str, Any]] = []
    before = ""
    while page := node.ask("GET", f"/api/v1/history?limit=1000{before}")[1]["items"]:
        found += page
        before = f"&before={page[-1]['revision']}"
        if page[-1]["revision"] == 1:
            break
    return found


def writable(nodes: list[Node], text: str) -> float:
    """How long it takes until something can be written at one of some nodes."""
    began = time.monotonic()
    said: tuple[int, Any] = 0, {}
    deadline = began + 50  # ten times the figure
    while time.monotonic() < deadline:
        for node in nodes:
            said = write(node, "PUT", "/api/v1/resources/route/round?wait=none", route("round", text), 10)
            if said[0] in {201, 202}:
                return time.monotonic() - began
    pytest.fail(f"nothing can be written any more: {said}")


def kill(site: Site, number: int) -> None:
    """A member of etcd is killed."""
    site.etcd.kill(site.etcd.members[number])


def revive(site: Site, number: int) -> None:
    site.etcd.start(site.etcd.members[number])
    site.etcd.wait(site.etcd.members[number])


def part(site: Site, number: int) -> None:
    """A machine hears of the others no more, nor they of it; clients reach it."""
    site.network.part(site.machines[number], [one for one in site.machines if one is not site.machines[number]])


def deafen(site: Site, number: int) -> None:
    """What the others send to a machine is lost; what it sends arrives."""
    for other in site.machines:
        if other is not site.machines[number]:
            site.network.lose(other, site.machines[number])


def mend(site: Site, _number: int) -> None:
    site.network.mend()


FAULTS = ((kill, revive), (part, mend), (deafen, mend))


def rounds(site: Site, count: int) -> list[float]:
    """Faults of the leader's machine, one after the other; how long each time nothing could be written elsewhere."""
    took = []
    for number in range(count):
        fault, remedy = FAULTS[number % len(FAULTS)]
        leader = site.leader()
        fault(site, leader)
        took.append(writable([one for at, one in enumerate(site.nodes) if at != leader], str(number)))
        time.sleep(random.uniform(0, DOWN_SECONDS))
        remedy(site, leader)
        writable([site.nodes[leader]], f"{number} again")
    return took


def test_r46_the_leader_is_killed_parted_and_deafened_and_nothing_is_lost(site: Site) -> None:
    with under_way(site) as (asking, writers):
        rounds(site, len(FAULTS))
    assert asking.lost == {}, asking.lost
    assert all(asking.asked[node.name] > 10 for node in site.nodes)
    assert all(writer.done for writer in writers)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_r46_two_hundred_rounds(site: Site) -> None:
    with under_way(site, pause=0.5) as (asking, _):
        took: list[float] = []
        for _ in range(200 // len(FAULTS) + 1):
            took += rounds(site, len(FAULTS))
    took.sort()
    median, worst = took[len(took) // 2], took[-len(took) // 100]
    sys.stdout.write(f"writable again: median {median:.1f} s, p99 {worst:.1f} s, {len(took)} rounds\n")
    assert asking.lost == {}, asking.lost


def test_r50_the_smaller_side_serves_on_and_takes_no_writes(site: Site) -> None:
    cut, others = 0, site.nodes[1:]
    with under_way(site) as (asking, writers):
        part(site, cut)
        wait_until(lambda: writers[cut].refused, 60)
        before = len(writers[cut].done)
        writable(others, "while parted")
        for writer in writers[1:]:
            had = len(writer.done)
            wait_until(lambda writer=writer, had=had: len(writer.done) > had, 60)
        assert len(writers[cut].done) == before, "both sides have taken writes"
        wait_until(lambda: site.nodes[cut].status()["store"]["absence"], 60)
        # It keeps its part of rates; the others divide the whole among themselves.
        wait_until(lambda: [parts(node) for node in others] == [2, 2], 60)
        assert parts(site.nodes[cut]) == 3
        site.network.mend()
        wait_until(lambda: len(writers[cut].done) > before, 60)
        wait_until(lambda: [parts(node) for node in site.nodes] == [3, 3, 3], 60)
    assert asking.lost == {}, asking.lost


def test_r45_a_machine_dies_and_who_knows_two_addresses_loses_nothing(site: Site) -> None:
    leader = site.leader()
    alive = [one for number, one in enumerate(site.machines) if number != leader]
    ending = threading.Event()
    lost: list[tuple[str, str]] = []
    asked: list[int] = []

    def ask_two() -> None:
        while not ending.is_set():
            first = ask_from_here(site.machines[leader])
            asked.append(bool(first))
            if first and (second := ask_from_here(alive[0])):
                lost.append((first, second))
            ending.wait(0.01)

    client = threading.Thread(target=lambda: site.client.do(ask_two), daemon=True)
    client.start()
    wait_until(lambda: len(asked) > 20)
    kill(site, leader)
    node = site.nodes[leader]
    assert node.process is not None
    node.process.kill()
    for one in find_earlier(node.state):
        signal.pidfd_send_signal(one.process, signal.SIGKILL)
    site.machines[leader].run("ip", "link", "set", "lo", "down")
    writable([one for one in site.nodes if one is not node], "after a death")
    wait_until(lambda: sum(asked) > 20, 60)
    ending.set()
    client.join(60)
    assert lost == []
    wait_until(lambda: len(site.nodes[leader - 1].ask("GET", "/api/v1/members")[1]["items"]) == 2, 60)
