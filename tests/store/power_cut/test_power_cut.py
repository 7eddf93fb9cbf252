"""Whenever the power is cut, every acknowledged revision of the store in a file is there (R54)."""

import asyncio
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.store import Author, Store
from penstock.store.sqlite import open_sqlite_store
from tests.store.power_cut.disk import Disk, read_deeds

RECORDER = Path(__file__).parent / "recorder.c"
WRITER = """
import asyncio, os, random, sys
from pathlib import Path
from penstock.store import Author, Result, Retention, Transaction
from penstock.store.sqlite import open_sqlite_store

folder, lives, changes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
chance = random.Random(1)
told = os.open(folder / "told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

async def live():
    store = await open_sqlite_store(folder / "store.db", Retention(20))
    for _ in range(changes):
        revision = (await store.range()).revision + 1
        put = {f"key/{chance.randrange(40)}": f"{revision} " + "x" * chance.randrange(12_000) for _ in range(3)}
        change = await store.transaction(Transaction(Author("me", "test"), {**put, "last": str(revision)}))
        await store.note(change.revision, Result("node", 0.0))
        os.write(told, f"{change.revision} {change.digest}\\n".encode())
    await store.close()

for _ in range(lives):
    asyncio.run(live())
"""


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("cc"):
        pytest.skip("a C compiler is not installed")
    library = tmp_path_factory.mktemp("recorder") / "recorder.so"
    command = ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(library), str(RECORDER), "-lpthread"]
    subprocess.run(command, check=True)
    return library


def environment_of(recorder: Path, record: Path, written: Path) -> dict[str, str]:
    """That of a process of which is recorded what it does to a folder."""
    recorded = {"RECORDED_TO": str(record), "RECORDED_FOLDER": str(written)}
    return {**os.environ, "LD_PRELOAD": str(recorder), **recorded}


async def seen(store: Store) -> tuple[int, str]:
    """The revision that is there and the digest of all content; all kept history can be read."""
    snapshot = await store.range()
    history = await store.history(1_000)
    numbers = [change.revision for change in history]
    assert numbers == list(range(snapshot.revision, snapshot.revision - len(numbers), -1))
    if not snapshot.revision:
        return 0, ""
    assert snapshot.entries["last"].value == str(snapshot.revision)
    return snapshot.revision, history[0].digest


def look(folder: Path) -> tuple[int, str]:
    async def looked() -> tuple[int, str]:
        store = await open_sqlite_store(folder / "store.db")
        try:
            found = await seen(store)
            # It can go on being written to.
            assert (await store.put("more", "1", Author("me", "test"))).revision == found[0] + 1
        finally:
            await store.close()
        return found

    return asyncio.run(looked())


def check(recorder: Path, folder: Path, points: int, changes: int) -> str:
    """Write, cut the power at some moments of that, and look what is there each time; gives the figures."""
    record, written = folder / "record", folder / "written"
    written.mkdir()
    command = [sys.executable, "-c", WRITER, str(written), "3", str(changes)]
    subprocess.run(command, env=environment_of(recorder, record, written), check=True, timeout=110)
    deeds = list(read_deeds(record))
    digests = dict(line.split() for line in (written / "told").read_text().splitlines())
    assert len(digests) == 3 * changes
    chance = random.Random(points)
    moments = sorted(chance.sample(range(len(deeds)), points))
    disk, acknowledged, more, at = Disk(), 0, 0, 0
    for moment in moments:
        for deed in deeds[at:moment]:
            if deed.name == "told":
                acknowledged = int(deed.data.split()[0]) if deed.what == "write" else acknowledged
            else:
                disk.do(deed)
        at = moment
        after = folder / "after"
        after.mkdir()
        disk.cut(after, chance)
        revision, digest = look(after)
        # The one that was not yet acknowledged may be there.
        assert acknowledged <= revision <= acknowledged + 1, (moment, deeds[moment][:3])
        assert not revision or digests[str(revision)] == digest
        more += revision - acknowledged
        shutil.rmtree(after)
    syncs = sum(deed.what == "sync" for deed in deeds)
    return (
        f"\nR54: {points} cuts among {len(deeds)} writes and syncs ({syncs}) of {len(digests)} revisions; every "
        f"acknowledged one was there, {more} times one more that was on its way\n"
    )


def test_r54_whenever_the_power_is_cut_what_was_acknowledged_is_there(recorder: Path, tmp_path: Path) -> None:
    sys.stderr.write(check(recorder, tmp_path, 50, 40))


@pytest.mark.long
def test_r54_a_thousand_cuts_lose_nothing(recorder: Path, tmp_path: Path) -> None:
    sys.stderr.write(check(recorder, tmp_path, 1_000, 150))
