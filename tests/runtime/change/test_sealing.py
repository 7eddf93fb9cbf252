"""Values are sealed with keys from outside the store: who has only the store reads none of them."""

import asyncio
import io
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from penstock.runtime.change.opening import open_in_folder
from penstock.runtime.change.sealing import SealedValues, read_values
from penstock.runtime.state_folder import StateFolder
from penstock.store import Author, Damaged, MemoryStore, Sealed, Store, Transaction
from penstock.store.archive import read_archive
from penstock.store.sqlite import open_sqlite_store
from tests.servers.gateway_process import GatewayProcess

ME = Author("me", "test")
SECRET = "a private key that nobody may read"
KEYS = {name: name.encode().hex().ljust(64, "0") for name in ("one", "two")}


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    folder = StateFolder(tmp_path / "state")
    folder.create()
    return folder


def keys(tmp_path: Path, *names: str) -> Path:
    path = tmp_path / "keys"
    path.write_text("# the newest first\n\n" + "".join(f"{KEYS[name]}\n" for name in names))
    path.chmod(0o600)
    return path


def with_store(folder: StateFolder, key: Path | None, story: Callable[[Store], Awaitable[None]]) -> None:
    async def told() -> None:
        store = await open_in_folder(folder, 1_000, key)
        try:
            await story(store)
        finally:
            await store.close()

    asyncio.run(told())


async def write(store: Store) -> None:
    await store.put("certificate/shop", SECRET, ME)


async def read(store: Store) -> None:
    assert (await store.range()).entries["certificate/shop"].value == SECRET


def holds_the_secret(folder: StateFolder) -> bool:
    return any(SECRET.encode() in file.read_bytes() for file in folder.path.glob("store.db*"))


def test_what_is_sealed_is_read_with_its_key_and_with_no_other(folder: StateFolder, tmp_path: Path) -> None:
    with_store(folder, keys(tmp_path, "one"), write)
    assert not holds_the_secret(folder)
    with_store(folder, keys(tmp_path, "one"), read)
    for wrong in (None, keys(tmp_path, "two")):
        # It is neither taken for damaged, nor begun anew.
        with pytest.raises(Sealed):
            with_store(folder, wrong, read)
    assert [file.name for file in folder.path.glob("store.db*")] == ["store.db"]
    with_store(folder, keys(tmp_path, "one"), read)


def test_a_store_is_sealed_from_when_it_has_a_key_and_again_with_each_new_one(
    folder: StateFolder, tmp_path: Path
) -> None:
    async def count(store: Store) -> None:
        await read(store)
        counts.append((await store.range()).revision)

    counts: list[int] = []
    with_store(folder, None, write)
    for names in (("one",), ("one",), ("two", "one"), ("two",)):
        with_store(folder, keys(tmp_path, *names), count)
    # Sealed, left as it is, sealed anew, and the old key is no longer needed for what is there now.
    assert counts == [2, 2, 3, 3]


def test_history_with_an_old_key_is_told_with_it_and_the_gateway_does_without(
    folder: StateFolder, tmp_path: Path
) -> None:
    with_store(folder, keys(tmp_path, "one"), write)
    with_store(folder, keys(tmp_path, "two", "one"), read)

    async def look(store: Store) -> None:
        await read(store)
        with pytest.raises(Sealed):
            await store.at(1)

    with_store(folder, keys(tmp_path, "two"), look)


def test_what_is_attached_is_sealed_too_and_again_with_a_new_key(folder: StateFolder, tmp_path: Path) -> None:
    large = SECRET.encode() * 100_000

    async def attach(store: Store) -> None:
        await store.transaction(Transaction(ME, {"large": "1"}, attached={"large": large}))

    async def look(store: Store) -> None:
        assert await store.attachment((await store.range()).entries["large"]) == large

    with_store(folder, keys(tmp_path, "one"), attach)
    assert not holds_the_secret(folder)
    for names in (("one",), ("two", "one"), ("two",)):
        with_store(folder, keys(tmp_path, *names), look)


def test_a_backup_stays_sealed(folder: StateFolder, tmp_path: Path) -> None:
    async def story() -> None:
        values = read_values(keys(tmp_path, "one"))
        store = await open_sqlite_store(folder.store, values=values)
        await write(store)
        output = io.BytesIO()
        await store.backup(output)
        await store.close()
        archive = read_archive(io.BytesIO(output.getvalue()))
        assert not any(SECRET.encode() in blob for blob in archive.blobs.values())
        assert SECRET.encode() not in output.getvalue()
        other = await open_sqlite_store(tmp_path / "other.db", values=values)
        await other.restore(archive)
        await read(other)
        await other.close()
        # Whoever moves backups about needs no key.
        keyless = MemoryStore()
        assert await keyless.restore(archive) == 1
        with pytest.raises(Sealed):
            await keyless.range()

    asyncio.run(story())


def test_a_sealed_value_under_another_name_or_changed_is_damage(tmp_path: Path) -> None:
    values = read_values(keys(tmp_path, "one"))
    assert isinstance(values, SealedValues)
    name, other = values.name(b"a"), values.name(b"b")
    blob = values.close(name, b"a")
    assert values.open(name, blob) == b"a"
    for wrong_name, wrong in (
        (other, blob),
        (name, blob[:-1] + bytes([blob[-1] ^ 1])),
        (name, b"a"),
        (name, blob[:20]),
    ):
        with pytest.raises(Damaged):
            values.open(wrong_name, wrong)


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        ("", 0o600, "no key; `openssl rand"),
        ("# none\n", 0o600, "no key"),
        (f"{'0' * 64}\nabc\n", 0o600, ":2: a key is 64"),
        ("0" * 62 + "\n", 0o600, ":1: a key is 64"),
        ("0" * 64, 0o640, "others can read"),
    ],
)
def test_what_is_no_file_of_keys_is_told(tmp_path: Path, content: str, mode: int, said: str) -> None:
    path = tmp_path / "keys"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(ValueError, match=said):
        read_values(path)
    with pytest.raises(ValueError, match="no such file"):
        read_values(tmp_path / "nothing")


def test_a_gateway_seals_its_store_and_does_not_start_without_the_key(tmp_path: Path) -> None:
    configuration = (
        "kind: Listener\nname: web\naddress: 127.0.0.1:0\n---\nkind: Route\nname: all\npath: /*\n"
        f"steps: [{{kind: Respond, status: 200, body: {SECRET}}}]\n"
    )
    with GatewayProcess(configuration, "--store-key", str(keys(tmp_path, "one")), workers=1) as gateway:
        where = ("--state-dir", str(gateway.state.path))
        assert not holds_the_secret(gateway.state)
        refused = gateway.command("show", "1", *where)
        assert (refused.returncode, "the store is sealed: name the file" in refused.stderr) == (1, True)
        assert SECRET in gateway.command("show", "1", *where, "--store-key", str(tmp_path / "keys")).stdout
        assert gateway.process is not None
        gateway.process.terminate()
        gateway.wait(20)
        gateway.flags = gateway.flags[: gateway.flags.index("--store-key")]
        gateway.spawn()
        assert gateway.wait(20) == 1
        assert "penstock: the store is sealed: name the file of its keys" in gateway.said
        os.environ["PENSTOCK_STORE_KEY"] = str(tmp_path / "keys")
        try:
            gateway.start()
        finally:
            del os.environ["PENSTOCK_STORE_KEY"]
