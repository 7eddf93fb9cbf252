"""Programs of others that tests run, built once with Go and kept in the user's cache."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def go_program(name: str, module: str) -> Path:
    """Where the program of a module is, under a name of our own; the test is skipped where it cannot be built."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "penstock" / "tools"
    found = cache / name
    if found.exists():
        return found
    if not shutil.which("go"):
        pytest.skip(f"{name} is built with Go, which is not installed")
    apart = cache / f"{name}.build"
    environment = {**os.environ, "GOBIN": str(apart), "GOFLAGS": "-mod=mod"}
    built = subprocess.run(
        ["go", "install", module], env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    if built.returncode:
        pytest.skip(f"{name} could not be built: {built.stderr.strip().splitlines()[-1]}")
    [program] = apart.iterdir()
    program.replace(found)
    apart.rmdir()
    return found
