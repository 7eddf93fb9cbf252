"""`penstock run --cluster`: gateways that bring etcd along, and let each other in."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from penstock.runtime.cluster.certificates import fingerprint, issue, make_authority, make_key, public_of
from penstock.runtime.cluster.door import CannotJoin, Door, join
from penstock.runtime.cluster.place import Address, ClusterPlace
from penstock.runtime.cluster.token import Invitation, Invitations, read_invitation
from penstock.store import Unavailable
from penstock.store.etcd import Access
from penstock.store.etcd.client import Client
from penstock.store.etcd.members import etcd_members
from tests.servers.asking import fetch, write
from tests.servers.etcd import etcd_program
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.nodes import LISTENER, route


class ClusterNode(GatewayProcess):
    """A gateway that brings etcd along."""

    def __init__(self, name: str, port: int, programs: Path, *flags: str) -> None:
        super().__init__(None, "--cluster", f"127.0.0.1:{port}", "--node", name, *flags, workers=1)
        self.name, self.programs = name, programs
        self.before = ("env", f"PATH={programs}:{os.environ['PATH']}")

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        with contextlib.suppress(OSError, ValueError):
            os.kill(self.etcd, signal.SIGKILL)
        super().__exit__()

    @property
    def etcd(self) -> int:
        """The process of its etcd."""
        return int((self.state.cluster / "etcd.pid").read_text())


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs/etcd").symlink_to(etcd_program("3.4"))
    return tmp_path / "programs"


@pytest.fixture
def ports() -> Iterator[int]:
    """A port with two free ones behind it, again and again."""

    def found() -> Iterator[int]:
        while True:
            with ExitStack() as held:
                first = held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
                try:
                    for behind in (1, 2):
                        held.enter_context(socket.create_server(("127.0.0.1", first + behind)))
                except OSError:
                    continue
            yield first

    return found()


def test_three_gateways_without_anything_else_are_a_cluster_that_loses_one(
    programs: Path, ports: Iterator[int], tmp_path: Path
) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(ClusterNode("a", next(ports), programs))
        assert "a new cluster begins with this node" in first.said
        assert write(first, "POST", "/api/v1/apply", [LISTENER, route("one", "1")])[0] == 200
        nodes = [first]
        for name in "bc":
            invited = nodes[-1].command("invite", "--state-dir", str(nodes[-1].state.path))
            assert invited.returncode == 0, invited.stderr
            word = tmp_path / f"word-{name}"
            word.write_text(invited.stdout)
            # Whoever has joined can let others in.
            nodes.append(stack.enter_context(ClusterNode(name, next(ports), programs, "--join", str(word))))
            wait_until(lambda: nodes[-1].status()["listeners"], 30)
            assert fetch(nodes[-1], "/one") == (200, "1")
        wait_until(lambda: len(first.ask("GET", "/api/v1/members")[1]["items"]) == 3)
        # The same word does not open twice.
        late = ClusterNode("d", next(ports), programs, "--join", str(tmp_path / "word-c"))
        assert late.spawn().wait(60) == 1
        assert "the invitation is used" in late.said
        late.__exit__()

        # etcd that dies is started again; a supervisor that dies finds its etcd running.
        before = nodes[1].etcd
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: nodes[1].etcd != before, 30)
        nodes[2].process.kill()  # type: ignore[union-attr]
        nodes[2].wait(10)
        kept = nodes[2].etcd
        nodes[2].start()
        assert nodes[2].etcd == kept
        assert fetch(nodes[2], "/one") == (200, "1")

        # Without the first of them, all goes on.
        wait_until(lambda: write(nodes[1], "PUT", "/api/v1/resources/route/one", route("one", "2"))[0] == 200, 60)
        gone = first.etcd
        first.signal(signal.SIGTERM)
        assert first.wait(40) == 0
        assert not Path(f"/proc/{gone}").exists(), "it ends with the gateway"
        wait_until(lambda: write(nodes[1], "PUT", "/api/v1/resources/route/one", route("one", "3"))[0] == 200, 60)
        wait_until(lambda: fetch(nodes[2], "/one") == (200, "3"), 30)
        first.start()
        wait_until(lambda: fetch(first, "/one") == (200, "3"), 60)


def join_at(node: ClusterNode, name: str, port: int, folder: Path) -> ClusterNode:
    """A node that joins by a word of another one."""
    word = folder / f"word-{name}-{port}"
    word.write_text(node.command("invite", "--state-dir", str(node.state.path)).stdout)
    return ClusterNode(name, port, node.programs, "--join", str(word))


def remove(node: ClusterNode, name: str) -> "tuple[int, str]":
    """How taking out a node ends, and what is said."""
    ended = node.command("members", "remove", name, "--state-dir", str(node.state.path))
    return ended.returncode, ended.stdout + ended.stderr


def test_a_node_that_is_dead_is_taken_out_and_another_comes_in_its_place(
    programs: Path, ports: Iterator[int], tmp_path: Path
) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(ClusterNode("a", next(ports), programs))
        assert write(first, "POST", "/api/v1/apply", [LISTENER, route("one", "1")])[0] == 200
        second, third = (stack.enter_context(join_at(first, name, next(ports), tmp_path)) for name in "bc")
        for node in (second, third):
            wait_until(lambda node=node: node.status()["listeners"], 30)
        assert first.command("drain", "c", "--state-dir", str(first.state.path)).returncode == 0

        for name, said in (
            ("a", "the node that is asked"),
            ("c", "c lives: end its gateway"),
            ("nobody", "no node of the cluster is called nobody; its nodes: a, b, c"),
        ):
            code, told = remove(first, name)
            assert (code, said in told) == (1, True), told
        third.process.kill()  # type: ignore[union-attr]
        third.wait(10)
        wait_until(lambda: len(first.ask("GET", "/api/v1/members")[1]["items"]) == 2, 60)
        # Its gateway is gone, and its etcd still counts.
        assert "c lives" in remove(first, "c")[1]
        os.kill(third.etcd, signal.SIGKILL)

        # Without a majority nothing is decided, and it is said whom to start.
        kept = second.etcd
        second.signal(signal.SIGSTOP)
        os.kill(kept, signal.SIGSTOP)
        code, told = remove(first, "c")
        assert (code, "1 of 3 nodes answer, and 2 have to" in told) == (1, True), told
        for process in (kept, second.process.pid):  # type: ignore[union-attr]
            os.kill(process, signal.SIGCONT)
        removed: list[tuple[int, str]] = []

        def is_removed() -> bool:
            removed.append(remove(first, "c"))
            return removed[-1][0] == 0

        wait_until(is_removed, 60, 0.5)
        assert removed[-1][1].startswith("c counts no more"), removed

        # Another node of its name, which is not drained.
        with join_at(second, "c", next(ports), tmp_path) as other:
            wait_until(lambda: other.status()["listeners"], 60)
            assert fetch(other, "/one") == (200, "1")
            wait_until(lambda: len(first.ask("GET", "/api/v1/members")[1]["items"]) == 3, 30)
            messages = [one["message"] for one in first.ask("GET", "/api/v1/history")[1]["items"]]
            assert messages.count("node c taken out") == 1
            # The one of before learns that it is none any more, and serves what it knows.
            third.start()
            wait_until(lambda: "this node was taken out of the cluster" in third.said, 60)


def test_i21_who_speaks_in_clear_text_or_has_another_authority_is_refused(programs: Path, ports: Iterator[int]) -> None:
    port = next(ports)
    with ClusterNode("a", port, programs) as node:
        place = ClusterPlace(node.state.cluster)
        good = place.access(Address("127.0.0.1", port))
        other, key = make_authority(), make_key()
        wrong = {"certificate": issue(other, public_of(key), "a", "127.0.0.1"), "key": key}

        async def asked(access: Access) -> str:
            client = Client(access)
            client.open()
            try:
                return (await etcd_members(client))[0].name
            except Unavailable:
                return "refused"
            finally:
                await client.close()

        def with_(**changes: object) -> Access:
            return replace(good, patience_seconds=1.0, **changes)  # type: ignore[arg-type]

        assert asyncio.run(asked(with_())) == "a"
        for access in (
            with_(endpoints=(f"http://127.0.0.1:{port}",)),
            with_(certificate="", key=""),
            with_(**wrong),
            with_(authorities=other.certificate),
        ):
            assert asyncio.run(asked(access)) == "refused"
        # Neither do members of etcd talk to others, nor the port at which nodes join.
        for behind in (1, 2):
            with socket.create_connection(("127.0.0.1", port + behind), 10) as clear:
                clear.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert b"200 OK" not in clear.makefile("rb").read()
        context = ssl.create_default_context(cadata=good.authorities)
        with socket.create_connection(("127.0.0.1", port + 1), 10) as peer, pytest.raises(OSError, match="certificate"):
            _get(context.wrap_socket(peer, server_hostname="127.0.0.1"))
        files = [path for path in node.state.cluster.iterdir() if path.suffix in {".key", ".pem"}]
        assert [oct(path.stat().st_mode & 0o77) for path in files] == ["0o0"] * len(files)


def _get(connection: ssl.SSLSocket) -> bytes:
    with connection:
        connection.sendall(b"GET /members HTTP/1.0\r\n\r\n")
        return connection.recv(100)


def test_whoever_joins_believes_only_the_authority_of_its_invitation(tmp_path: Path, ports: Iterator[int]) -> None:
    port = next(ports)
    place, mine = ClusterPlace(tmp_path / "a"), ClusterPlace(tmp_path / "b")
    place.begin("a", "127.0.0.1")

    async def story() -> None:
        door = Door(place, Address("127.0.0.1", port), Client(Access(("https://127.0.0.1:1",))))
        await door.open()
        own = Address("127.0.0.1", port + 10)
        invitation = door.invite()
        foreign = Invitation("127.0.0.1", port + 2, fingerprint(make_authority().certificate), invitation.secret)
        with pytest.raises(CannotJoin, match="not of the cluster"):
            await join(mine, foreign, "b", own)
        # It was sent to nobody, and still opens: what follows fails later, at etcd, which is not there.
        assert door.invitations.take(invitation.secret)
        with pytest.raises(CannotJoin, match="used, too old or none"):
            await join(mine, invitation, "b", own)
        assert not mine.is_made
        door.close()

    asyncio.run(story())


@pytest.mark.parametrize("word", ["", "x", "penstock-join-", "penstock-join-e30", "penstock-join-WzEsMiwzXQ", "é" * 9])
def test_what_is_no_invitation_is_told_and_not_repeated(word: str) -> None:
    with pytest.raises(ValueError, match="no word that `penstock invite` has printed") as problem:
        read_invitation(word)
    assert not word or word not in str(problem.value)


def test_an_invitation_comes_back_from_its_word_and_opens_once() -> None:
    invitations = Invitations()
    invitation = Invitation("10.0.0.1", 2381, "ab" * 32, invitations.make())
    assert read_invitation(f" {invitation.to_text()}\n") == invitation
    assert invitation.secret not in repr(invitation)
    assert [invitations.take(one) for one in ("", "x", invitation.secret, invitation.secret)] == [
        False,
        False,
        True,
        False,
    ]


def test_without_etcd_it_is_told_what_to_install(tmp_path: Path, ports: Iterator[int]) -> None:
    node = ClusterNode("a", next(ports), tmp_path)
    node.before = ("env", f"PATH={tmp_path}")
    if shutil.which("etcd", path=str(tmp_path)):
        pytest.fail("there is one")
    process = node.spawn()
    assert process.wait(30) == 1
    assert "needs etcd 3.4 or later on the PATH" in node.said
    node.__exit__()
