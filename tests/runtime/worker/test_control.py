"""What a supervisor says to workers of other versions (R12)."""

import asyncio
from pathlib import Path

import pytest

from penstock.runtime.worker.control import PROTOCOL, Control
from penstock.runtime.worker.frames import Broken
from tests.runtime.worker.worker_fake import WorkerFake


async def farewell(path: Path, protocol: int) -> str:
    """How a worker of some protocol is told to finish for the sake of others."""
    fake = WorkerFake(path)
    fake.protocol = protocol
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(fake.serve())
        await asyncio.sleep(0)
        control = await Control.connect(path)
        try:
            await control.hello()
            await control.retire(1)
        finally:
            control.close()
            serving.cancel()
    return fake.farewell


@pytest.mark.parametrize(("protocol", "word"), [(PROTOCOL, "retire"), (PROTOCOL - 1, "drain")])
def test_r12_a_worker_of_the_version_before_is_told_to_finish_in_its_own_words(
    tmp_path: Path, protocol: int, word: str
) -> None:
    assert asyncio.run(farewell(tmp_path / "w.sock", protocol)) == word


@pytest.mark.parametrize("protocol", [PROTOCOL - 2, PROTOCOL + 1])
def test_r12_a_worker_of_any_other_protocol_is_not_talked_to(tmp_path: Path, protocol: int) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(farewell(tmp_path / "w.sock", protocol))
    assert caught.value.subgroup(Broken)
