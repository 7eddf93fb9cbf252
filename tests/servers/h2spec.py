"""The conformance suite h2spec, built once with Go and kept in the user's cache."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

MODULE = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"


def program() -> Path:
    """Where it is; the test is skipped on a machine that cannot build it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "penstock" / "tools"
    found = cache / "h2spec"
    if found.exists():
        return found
    if not shutil.which("go"):
        pytest.skip("h2spec is built with Go, which is not installed")
    environment = {**os.environ, "GOBIN": str(cache), "GOFLAGS": "-mod=mod"}
    built = subprocess.run(
        ["go", "install", MODULE], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    if built.returncode:
        pytest.skip(f"h2spec could not be built: {built.stderr.strip().splitlines()[-1]}")
    return found


def run(port: int, *options: str) -> tuple[int, int, str]:
    """How many cases there were, how many of them failed, and what it printed."""
    command = [str(program()), "--strict", "--host", "127.0.0.1", "--port", str(port), "--timeout", "3", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    total = re.search(r"(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed", ended.stdout)
    assert total, ended.stdout + ended.stderr
    return int(total[1]), int(total[3]) + int(total[4]), ended.stdout[ended.stdout.find("Failures:") :]
