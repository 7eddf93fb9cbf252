"""What a change leaves behind in the supervisor: nothing (R4)."""

import asyncio
import gc
from pathlib import Path

from penstock.filters.native import native_catalogue
from penstock.runtime.change.compilation import Compilation
from penstock.runtime.change.entries import Entries, read_plugins
from penstock.runtime.change.source import FileSource
from penstock.store import MemoryStore
from tests.runtime.configurations import many_routes

ROUTES = 40
CYCLE = 35
SLACK = ROUTES // 2
"""Objects that come and go by themselves; one route left behind by each change would be far more."""


def test_r4_changes_leave_no_objects_behind(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    compilation = Compilation(native_catalogue(), tmp_path)
    source, entries = FileSource(file, compilation), Entries()
    store = MemoryStore(kept_changes=4)

    async def change(number: int) -> None:
        # Every part moves now and then: one route changes, some are new, some are gone.
        text = many_routes(ROUTES - number % 7, f"m{number}", f"http://127.0.0.1:{1 + number % 5}")
        file.write_text(text if number % 5 else text + "---\nkind: Rout\n")
        reading = source.read()
        if reading.is_usable:
            await reading.write(store, entries)
        snapshot = await store.range()
        placed, _ = entries.read(snapshot)
        values = {key: entry.value for key, entry in snapshot.entries.items()}
        compilation.compile(placed, plugins=read_plugins(values))
        gc.collect()

    async def story() -> None:
        counts: dict[int, list[int]] = {}
        for number in range(5 * CYCLE):
            await change(number)
            # The same point of the cycle each time.
            counts.setdefault(number % CYCLE, []).append(len(gc.get_objects()))
        first, last = counts[CYCLE - 1][1], counts[CYCLE - 1][-1]
        assert last - first < SLACK, (first, last)

    asyncio.run(story())
