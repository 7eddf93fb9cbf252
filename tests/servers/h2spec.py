"""The conformance suite h2spec."""

import re
import subprocess
from pathlib import Path

from tests.servers.go_programs import go_program

PATIENCE_SECONDS = 10
"""For one answer: a busy machine has taken more than three."""
MODULE = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"


def program() -> Path:
    """Where it is; the test is skipped on a machine that cannot build it."""
    return go_program("h2spec", MODULE)


def run(port: int, *options: str) -> tuple[int, int, str]:
    """How many cases there were, how many of them failed, and what it printed."""
    command = [
        str(program()),
        "--strict",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--timeout",
        str(PATIENCE_SECONDS),
        *options,
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    total = re.search(r"(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed", ended.stdout)
    assert total, ended.stdout + ended.stderr
    return int(total[1]), int(total[3]) + int(total[4]), ended.stdout[ended.stdout.find("Failures:") :]
