"""Nodes that share a store in etcd serve the same, and go on serving whatever becomes of the store."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.store import Author, Retention, Store
from penstock.store.etcd import Access, open_etcd_store
from penstock.store.etcd.client import Client
from penstock.store.etcd.messages import TXN
from penstock.store.etcd.operations import put
from tests.servers.etcd import Etcd
from tests.servers.gateway_process import wait_until
from tests.servers.nodes import LISTENER, Node, route

STRANGER = Author("stranger", "elsewhere")
FILES = json.dumps(LISTENER) + "\n---\n" + json.dumps(route("hello", "from files"))


@pytest.fixture
def etcd() -> Iterator[Etcd]:
    with Etcd("3.4") as found:
        yield found


def write(etcd: Etcd, **entries: str | None) -> None:
    """What somebody writes into the store past every gateway."""

    async def story(store: Store) -> None:
        for name, text in entries.items():
            key = f"route/{name}"
            await (store.delete(key, STRANGER) if text is None else store.put(key, text, STRANGER))

    asyncio.run(_with_store(etcd, story))


async def _with_store(etcd: Etcd, story: "object") -> None:
    store = await open_etcd_store(Access(etcd.endpoints))
    try:
        await story(store)  # type: ignore[operator]
    finally:
        await store.close()


def put_raw(etcd: Etcd, key: str, value: bytes) -> None:
    """What somebody writes into etcd itself."""

    async def story() -> None:
        client = Client(Access(etcd.endpoints))
        client.open()
        await client.ask(TXN, {"success": [put(key.encode(), value)]})
        await client.close()

    asyncio.run(story())


def writes(node: Node) -> list[str]:
    """How often its store was asked to write, by result."""
    text = node.ask("GET", "/metrics")[1]
    begin = 'penstock_store_operations_total{operation="write"'
    return [line for line in text.splitlines() if line.startswith(begin)]


def test_r11_r47_nodes_serve_the_same_and_go_on_without_the_store_also_after_a_restart(etcd: Etcd) -> None:
    with Node("a", etcd, FILES) as one, Node("b", etcd) as two:
        assert one.fetch("/hello") == (200, "from files")
        wait_until(lambda: two.fetch("/hello") == (200, "from files"))
        assert two.api.ask("POST", "/api/v1/resources/route", route("more", "1")).status == 201
        one.wait_for(2)
        assert one.fetch("/more") == (200, "1")
        # What files own is changed there alone, whichever node is asked.
        refused = two.api.ask("PUT", "/api/v1/resources/route/hello", route("hello", "2"))
        assert (refused.status, refused.data["detail"]) == (409, "route/hello is owned by files: change it there")

        two.process.kill()  # type: ignore[union-attr]
        two.wait(10)
        for number in range(2, 5):
            assert one.api.ask("PUT", "/api/v1/resources/route/more", route("more", str(number))).status == 200
        etcd.kill(etcd.members[0])
        two.start()
        # What it had seen; nobody can tell it of more.
        assert two.fetch("/more") == (200, "1")
        assert two.fetch("/hello") == (200, "from files")
        assert "the store" in two.command("status", "--state-dir", str(two.state.path)).stdout
        answer = two.api.ask("PUT", "/api/v1/resources/route/more", route("more", "never"))
        assert (answer.status, answer.headers["retry-after"]) == (503, "2")
        assert two.api.ask("GET", "/api/v1/resources/route/more").status == 200
        # A change of files waits for the store too, and serving goes on.
        one.write(FILES.replace("from files", "changed"))
        wait_until(lambda: one.status()["is_refused"], 30)
        assert one.fetch("/hello") == (200, "from files")

        etcd.start(etcd.members[0])
        etcd.wait(etcd.members[0])
        for node in (one, two):
            node.wait_for(6, 60)
            assert (node.fetch("/more"), node.fetch("/hello")) == ((200, "4"), (200, "changed"))
            wait_until(lambda node=node: node.status()["changes"][0]["store_revision"] == 6)
            told = [one["store_revision"] for one in node.status()["changes"] if one["store_revision"]]
            # Each once and in order.
            assert told == [6, 5, 4, 3, 2, 1]
            assert not node.status()["is_refused"]


def test_i24_what_others_write_badly_is_left_out_and_the_last_good_goes_on(etcd: Etcd) -> None:
    with Node("a", etcd) as node:
        assert (
            node.api.ask("POST", "/api/v1/apply", [LISTENER, route("one", "good"), route("two", "good")]).status == 200
        )
        later = json.dumps({**route("two", "later"), "of_a_later_version": {"x": 1}})
        write(etcd, one="garbage \0", two=later, three="x" * 900_000, four=json.dumps(route("five", "misplaced")))
        node.wait_for(5)
        assert [node.fetch(f"/{name}")[0] for name in ("one", "two", "three", "four", "five")] == [
            200,
            200,
            404,
            404,
            404,
        ]
        assert (node.fetch("/one"), node.fetch("/two")) == ((200, "good"), (200, "good"))
        left_out = node.status()["left_out"]
        assert all(any(f"route/{name}" in told for told in left_out) for name in ("one", "two", "three", "four"))
        assert "ERROR left out: route/one" in node.said
        # Also after a start, and R12: what a later version has written stays as it wrote it.
        node.process.kill()  # type: ignore[union-attr]
        node.wait(10)
        node.start()
        assert (node.fetch("/one"), node.fetch("/two")) == ((200, "good"), (200, "good"))
        write(etcd, one=json.dumps(route("one", "mended")), three=None, four=None)
        wait_until(lambda: node.fetch("/one") == (200, "mended"))
        assert node.api.ask("PUT", "/api/v1/resources/route/six", route("six", "6")).status == 201

        async def kept(store: Store) -> None:
            assert (await store.range()).entries["route/two"].value == later

        asyncio.run(_with_store(etcd, kept))
        # The head itself, and a revision that nobody has written.
        for garbage in (b"\xff\0garbage", b"99999 0123456789012345678901234567890123456789 10"):
            put_raw(etcd, "/penstock/head", garbage)
            wait_until(lambda: node.status()["store"]["absence"], 30)
            assert node.fetch("/six") == (200, "6")
            assert node.api.ask("DELETE", "/api/v1/resources/route/six").status == 503


def test_r48_older_data_of_the_store_is_not_gone_on_with_until_somebody_confirms_it(etcd: Etcd) -> None:
    [member] = etcd.members
    backup = etcd.folder / "backup"
    with Node("a", etcd) as one, Node("b", etcd) as two:
        assert one.api.ask("POST", "/api/v1/apply", [LISTENER, route("one", "old")]).status == 200
        two.wait_for(1)
        etcd.kill(member)
        shutil.copytree(member.folder, backup)
        etcd.start(member)
        etcd.wait(member)

        def changed() -> bool:
            return one.api.ask("PUT", "/api/v1/resources/route/one", route("one", "new")).status == 200

        wait_until(changed, 60, 0.2)
        two.wait_for(2)
        two.process.kill()  # type: ignore[union-attr]
        two.wait(10)
        etcd.kill(member)
        shutil.rmtree(member.folder)
        shutil.copytree(backup, member.folder)
        etcd.start(member)
        etcd.wait(member)
        two.start()
        for node in (one, two):
            wait_until(lambda node=node: node.status()["store"]["older"], 60)
            assert node.fetch("/one") == (200, "new")
            assert node.status()["is_refused"]
            assert node.api.ask("PUT", "/api/v1/resources/route/one", route("one", "x")).status == 503
        assert "until `penstock confirm` says so" in one.said
        confirmed = two.command("confirm", "--state-dir", str(two.state.path))
        assert (confirmed.returncode, confirmed.stderr) == (0, "")
        for node in (one, two):
            wait_until(lambda node=node: node.fetch("/one") == (200, "old"), 30)
            wait_until(lambda node=node: not node.status()["is_refused"])
        assert one.api.ask("PUT", "/api/v1/resources/route/one", route("one", "newer")).status == 200
        assert two.command("confirm", "--state-dir", str(two.state.path)).returncode == 1


def test_what_runs_can_be_written_back_into_a_store_that_lost_everything(etcd: Etcd) -> None:
    [member] = etcd.members
    with Node("a", etcd) as node:
        assert node.api.ask("POST", "/api/v1/apply", [LISTENER, route("one", "kept")]).status == 200
        etcd.kill(member)
        shutil.rmtree(member.folder)
        etcd.start(member)
        etcd.wait(member)
        wait_until(lambda: node.status()["store"]["older"], 60)
        assert node.fetch("/one") == (200, "kept")
        kept = node.command("confirm", "--keep", "node", "--state-dir", str(node.state.path))
        assert kept.stdout == "all nodes go on with revision 1\n", kept.stderr
        assert node.fetch("/one") == (200, "kept")
        assert [one["name"] for one in node.api.ask("GET", "/api/v1/resources/route").data["items"]] == ["one"]


def test_r49_a_store_that_was_deaf_for_a_while_and_forgot_its_past_is_read_anew(etcd: Etcd) -> None:
    with Node("a", etcd, None, "--history", "3") as node:
        assert node.api.ask("POST", "/api/v1/apply", [LISTENER, route("one", "0")]).status == 200
        node.process.send_signal(19)  # type: ignore[union-attr]
        write(etcd, one=json.dumps(route("one", "1")), two=json.dumps(route("two", "2")))
        for number in range(10):
            write(etcd, one=json.dumps(route("one", str(number))))

        async def forget(store: Store) -> None:
            await store.collect()

        asyncio.run(_with_short_history(etcd, forget))
        node.process.send_signal(18)  # type: ignore[union-attr]
        wait_until(lambda: node.fetch("/one") == (200, "9"), 60)
        assert node.fetch("/two") == (200, "2")
        told = [one["store_revision"] for one in node.status()["changes"]]
        assert told == sorted(set(told), reverse=True)


async def _with_short_history(etcd: Etcd, story: "object") -> None:
    store = await open_etcd_store(Access(etcd.endpoints), Retention(2))
    await story(store)  # type: ignore[operator]
    await store.close()


def test_r46_without_a_majority_writes_are_refused_soon_and_then_at_once() -> None:
    with Etcd("3.4", 3) as etcd, Node("a", etcd) as node:
        assert node.api.ask("POST", "/api/v1/apply", [LISTENER, route("one", "1")]).status == 200
        for member in etcd.members[1:]:
            etcd.kill(member)
        refused = node.api.ask("PUT", "/api/v1/resources/route/one", route("one", "2"))
        assert (refused.status, refused.headers["retry-after"]) == (503, "2")
        wait_until(lambda: node.status()["store"]["absence"], 50)
        before = writes(node)
        again = [node.api.ask("PUT", "/api/v1/resources/route/one", route("one", "3")) for _ in range(20)]
        assert {(one.status, one.headers["retry-after"], "outcome" in one.data) for one in again} == {(503, "2", False)}
        # Nobody asked etcd for them.
        assert before
        assert writes(node) == before
        assert node.fetch("/one") == (200, "1")
        etcd.start(etcd.members[1])
        etcd.wait(etcd.members[1])
        wait_until(lambda: node.api.ask("PUT", "/api/v1/resources/route/one", route("one", "4")).status == 200, 50, 0.2)
        history = node.api.ask("GET", "/api/v1/history").data["items"]
        values = [one["revision"] for one in history]
        assert values == sorted(set(values), reverse=True)


def test_a_first_start_without_the_store_ends_with_a_line(etcd: Etcd) -> None:
    etcd.kill(etcd.members[0])
    node = Node("a", etcd)
    process = node.spawn()
    assert process.wait(30) == 1
    assert "nothing is known of the store" in node.said
    node.__exit__()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), "write -c FILE|DIR, or --etcd URL, or both"),
        (("--etcd", "127.0.0.1:1"), "write http://HOST:PORT or https://HOST:PORT"),
        (("--etcd", "http://a:1", "https://b:1"), "either all endpoints are https or none is"),
        (("--etcd", "http://a:1", "--etcd-user", "me"), "the password of me is missing"),
        (("--etcd", "http://a:1", "--etcd-prefix", "x"), "end it with a slash"),
        (("--etcd", "https://a:1", "--etcd-cert", "x"), "--etcd-cert and --etcd-key belong together"),
        (("--etcd", "http://a:1", "--etcd-ca", "nowhere.pem"), "nowhere.pem: no such file or directory"),
        (("-c", "x", "--etcd-user", "me"), "--etcd-user says more about --etcd, which is not there"),
        (("--etcd", "http://a:1", "--node", "Not A Name"), "not-a-name would be one"),
    ],
)
def test_flags_that_do_not_fit_are_told_in_one_line(flags: tuple[str, ...], said: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "penstock", "run", *flags, "--state-dir", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode in {1, 2}
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
