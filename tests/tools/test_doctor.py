"""A tool that is missing is one line that says what to install."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.repository import ROOT

PYTHON = os.path.realpath(sys.executable)
THERE = {"python3": f'exec "{PYTHON}" "$@"', "cc": "exit 0", "cargo": "echo 'cargo 1.88.0 (x 2025-06-01)'"}
"""Programs as the doctor meets them: what each does when it is called."""
NO_VENV = f'case "$2" in *venv*) exit 1;; esac; exec "{PYTHON}" "$@"'

SICK: list[tuple[dict[str, str | None], str]] = [
    ({"python3": None}, "needs Python 3.11 or newer: install python3 (Debian: apt-get install python3 python3-venv)"),
    ({"python3": "exit 1"}, "needs Python 3.11 or newer: install python3"),
    ({"python3": NO_VENV}, "needs Python's venv module: install it (Debian: apt-get install python3-venv)"),
    ({"cc": None}, "needs a C compiler to link with: install one (Debian: apt-get install gcc libc6-dev)"),
    ({"cargo": None}, "needs Rust 1.88 or newer: install cargo and rustc"),
    ({"cargo": "echo 'cargo 1.87.0 (x)'"}, "needs Rust 1.88 or newer, this is 1.87.0: rustup update"),
    ({"cargo": "exit 1"}, "needs Rust 1.88 or newer, this is a cargo that does not run: rustup update"),
]


def doctor(programs: dict[str, str | None], folder: Path) -> subprocess.CompletedProcess[str]:
    """What the doctor says of a machine that has these programs and no others."""
    cut = shutil.which("cut")
    assert cut is not None
    (folder / "cut").symlink_to(cut)
    for name, does in programs.items():
        if does is not None:
            (folder / name).write_text(f"#!/bin/sh\n{does}\n")
            (folder / name).chmod(0o755)
    command = ["/bin/sh", str(ROOT / "tools/doctor.sh")]
    return subprocess.run(command, env={"PATH": str(folder)}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("different", "expected"), SICK, ids=[line[:40] for _, line in SICK])
def test_a_missing_tool_is_one_line_that_says_what_to_install(
    different: dict[str, str | None], expected: str, tmp_path: Path
) -> None:
    told = doctor({**THERE, **different}, tmp_path)
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.startswith(f"penstock: {expected}")
    assert told.stderr.count("\n") == 1


def test_a_machine_that_has_all_gives_the_python_to_use(tmp_path: Path) -> None:
    told = doctor({**THERE}, tmp_path)
    assert (told.returncode, told.stdout, told.stderr) == (0, "python3\n", "")
