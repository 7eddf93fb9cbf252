"""Asks a child process what a plugin holds and whether settings fit it."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMPUTING_S = 5
"""How long a plugin may compute to be imported, however busy the machine is."""
TIME_S = 30.0
"""How long it may take, asleep or waiting too."""
_MOST_ERROR_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Asked:
    """What the child answered, or in one line why it did not."""

    answer: Mapping[str, Any]
    problem: str = ""


def ask(folder: Path, digest: str, checks: list[dict[str, Any]] | None = None) -> Asked:
    """What the copy of a plugin holds; with `checks`, what is wrong with the settings of steps."""
    command = [sys.executable, "-P", "-m", "penstock", "_examine", str(folder), "--digest", digest]
    text = json.dumps(checks) if checks is not None else ""
    # A session of its own: what the plugin starts ends with it.
    child = subprocess.Popen(  # noqa: S603 - our own module, no shell
        [*command, "--check"] if checks is not None else command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        with suppress(ProcessLookupError):
            # Not by the child before it is one: that is not safe where there are threads.
            resource.prlimit(child.pid, resource.RLIMIT_CPU, (COMPUTING_S, COMPUTING_S + 1))
        output, said = child.communicate(text, timeout=TIME_S)
    except subprocess.TimeoutExpired:
        _end(child)
        return Asked({}, f"importing it takes longer than {TIME_S:.0f} s")
    except BaseException:
        _end(child)
        raise
    return _answer(child.returncode, output, said)


def _answer(code: int, output: str, said: str) -> Asked:
    try:
        answer = json.loads(output) if code == 0 else None
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        return Asked(answer)
    if code == -signal.SIGXCPU:
        return Asked({}, f"importing it takes longer than {COMPUTING_S} s of computing")
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    last = said.strip()[-_MOST_ERROR_TEXT:].rpartition("\n")[2]
    return Asked({}, f"importing it ended the process with {how}" + (f": {last}" if last else ""))


def _end(child: subprocess.Popen[str]) -> None:
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        child.kill()
    child.communicate()
