"""Whenever the power is cut, every act that was answered for is in the audit log."""

import random
import shutil
import subprocess
import sys
from pathlib import Path

from penstock.admin.access.audit import Audit
from tests.store.power_cut.disk import Disk, read_deeds
from tests.store.power_cut.test_power_cut import environment_of, recorder

__all__ = ["recorder"]
WRITER = """
import asyncio, os, sys
from pathlib import Path
from penstock.admin.access.audit import Audit

folder = Path(sys.argv[1])
told = os.open(folder / "told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

async def act(audit, number):
    audit.write({"time": float(number), "path": "/" + "x" * (number * 37 % 900)})
    await audit.synced()
    os.write(told, f"{number}\\n".encode())

async def live(first):
    audit = Audit(folder)
    for number in range(first, first + 60, 3):
        await asyncio.gather(*(act(audit, one) for one in range(number, number + 3)))

for life in range(3):
    asyncio.run(live(life * 60))
"""


def test_i22_whenever_the_power_is_cut_what_was_answered_for_is_noted(recorder: Path, tmp_path: Path) -> None:
    record, written = tmp_path / "record", tmp_path / "written"
    written.mkdir()
    command = [sys.executable, "-c", WRITER, str(written)]
    subprocess.run(command, env=environment_of(recorder, record, written), check=True, timeout=110)
    deeds = list(read_deeds(record))
    chance = random.Random(1)
    moments = sorted(chance.sample(range(len(deeds)), 60))
    disk, answered, at = Disk(), set[float](), 0
    for moment in moments:
        for deed in deeds[at:moment]:
            if deed.name != "told":
                disk.do(deed)
            elif deed.what == "write":
                answered.add(float(deed.data))
        at = moment
        after = tmp_path / "after"
        after.mkdir()
        disk.cut(after, chance)
        audit = Audit(after)
        audit.write({"time": 1_000.0})
        noted = {entry["time"] for entry in audit.every()}
        assert answered | {1_000.0} <= noted, (moment, deeds[moment][:3])
        shutil.rmtree(after)
    assert len(answered) > 100
