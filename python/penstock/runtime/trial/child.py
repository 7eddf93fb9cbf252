"""Asks a child process what becomes of requests: it may import plugins, which no supervisor does."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from penstock.runtime.trial.sending import SECONDS

_START_SECONDS = 20.0
_MOST_SECONDS = 120.0
"""For all tests together: whoever changes something waits for them."""
_MOST_ERROR_TEXT = 2000


def run_in_child(
    parts: Mapping[str, Any], secrets: Mapping[str, Any], asked: Sequence[Mapping[str, Any]], state_folder: Path
) -> dict[str, Any]:
    """What the child tells of each request, by the names of their tests."""
    told = {"parts": parts, "secrets": secrets, "asked": asked, "state_folder": str(state_folder)}
    seconds = min(_MOST_SECONDS, _START_SECONDS + SECONDS * len(asked))
    # A session of its own: what a filter starts ends with it.
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "penstock", "_trial"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, said = child.communicate(json.dumps(told), timeout=seconds)
    except subprocess.TimeoutExpired:
        return _all(asked, f"the tests take longer than {seconds:.0f} s")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    try:
        found: dict[str, Any] = json.loads(output)
    except ValueError:
        last = said.strip()[-_MOST_ERROR_TEXT:].rpartition("\n")[2]
        return _all(asked, f"the gateway of the tests ended with {child.returncode}: {last}")
    return found


def _all(asked: Sequence[Mapping[str, Any]], problem: str) -> dict[str, Any]:
    return {one["name"]: {"problem": problem} for one in asked}
