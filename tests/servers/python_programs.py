"""Programs of others in Python that tests run: each in an environment of its own, kept in the user's cache."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest


def python_program(name: str, requirement: str) -> Path:
    """Where the program of a package is; the test is skipped where it cannot be installed.

    Nothing of it comes into the environment of the tests, whose versions it may not agree with.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "penstock" / "tools"
    place = cache / requirement
    found = place / "bin" / name
    if (place / "complete").exists():
        return found
    cache.mkdir(parents=True, exist_ok=True)
    venv.create(place, with_pip=True, clear=True)
    command = [
        str(place / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        requirement,
    ]
    installed = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if installed.returncode:
        pytest.skip(f"{name} could not be installed: {(installed.stderr.strip().splitlines() or [sys.platform])[-1]}")
    (place / "complete").touch()
    return found
