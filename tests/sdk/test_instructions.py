"""What two filter calls cost, in instructions: exact where seconds are not."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RECORDED = {(3, 11): 3_500}
"""Instructions of both filters of the bench for one request, by version of Python, in a release build. Renew a figure
with the change that moves it, and say why in the commit."""
MOST_GROWTH = 1.05
EXCHANGES = 600
INSIDE = "*PythonFilter*::on_re*"
"""Where counting is on: from a filter's step to its outcome."""


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="needs valgrind")
@pytest.mark.skipif(sys.version_info[:2] not in RECORDED, reason="nothing is recorded for this Python")
def test_two_filters_take_no_more_instructions_than_recorded(tmp_path: Path) -> None:
    counts = tmp_path / "counts"
    options = ["--collect-atstart=no", f"--toggle-collect={INSIDE}", f"--callgrind-out-file={counts}"]
    counted = [sys.executable, "-m", "tests.sdk.counted", str(EXCHANGES)]
    subprocess.run(
        ["valgrind", "--quiet", "--tool=callgrind", *options, *counted],
        check=True,
        timeout=300,
        env=os.environ | {"PYTHONHASHSEED": "0"},
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )
    total = re.search(r"^totals: (\d+)", counts.read_text(), re.MULTILINE)
    assert total, "callgrind counted nothing: is the core built without symbols?"
    each, recorded = int(total[1]) // EXCHANGES, RECORDED[sys.version_info[:2]]
    assert each <= recorded * MOST_GROWTH, f"{each} instructions for both filters, {recorded} are recorded"
