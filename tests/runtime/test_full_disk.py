"""The state folder on a disk that is full (R53): what runs goes on, what cannot be kept is told, and it recovers."""

import contextlib
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penstock.runtime.state_folder import StateFolder
from tests.runtime.test_reload import mark
from tests.servers.gateway_process import START_SECONDS, GatewayProcess, wait_until

MOUNTED = ("unshare", "--mount", "sh", "-c")
CONFIGURATION = """
kind: Listener
name: web
address: 127.0.0.1:0
---
kind: Plugin
name: house
python: stamp.py
---
kind: Route
name: all
path: /*
steps: [{kind: Stamp}, {kind: Respond, status: 200, body: "%s"}]
"""
STAMP = """
\"\"\"Stamps answers.\"\"\"
from penstock.sdk import Filter, Request, Response


class Stamp(Filter):
    \"\"\"Says which version it is.\"\"\"

    def on_response(self, request: Request, response: Response) -> None:
        response.headers["x-mark"] = "%s"
"""


@contextmanager
def on_a_small_disk() -> Iterator[tuple[GatewayProcess, Path]]:
    """A gateway whose state folder is a file system of its own, and that folder as others can reach it."""
    gateway = GatewayProcess(CONFIGURATION % "first", workers=1)
    state = gateway.state.path
    state.mkdir()
    mount = f'mount -t tmpfs -o size=256k none {state} && exec "$0" "$@"'
    if subprocess.run([*MOUNTED, mount, "true"], check=False, capture_output=True).returncode:
        gateway.__exit__()
        pytest.skip("no file system can be mounted here")
    (gateway.folder / "stamp.py").write_text(STAMP % "one")
    gateway.before = (*MOUNTED, mount)
    process = gateway.spawn()
    inside = Path(f"/proc/{process.pid}/root{state}")
    gateway.state = StateFolder(inside)
    try:
        wait_until(lambda: gateway.status().get("phase") == "serving", START_SECONDS)
        yield gateway, inside
    finally:
        # Nobody could find its workers once it is gone, and the file system with it.
        gateway.signal(signal.SIGQUIT)
        gateway.wait(10)
        gateway.__exit__()


def fill(folder: Path) -> Path:
    """Leave no room in a folder's file system."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as opened, contextlib.suppress(OSError):
        while True:
            opened.write(b"x" * 1024)
    return filler


def test_r53_with_a_full_state_folder_all_is_served_and_a_plugin_that_cannot_be_kept_is_refused() -> None:
    with on_a_small_disk() as (gateway, folder):
        port, stamp = gateway.port(), gateway.folder / "stamp.py"
        filler = fill(folder)
        gateway.write(CONFIGURATION % "second")
        wait_until(lambda: gateway.status()["revision"] == 2)
        assert mark(port) == "one"
        stamp.write_text(STAMP % "two")
        wait_until(lambda: "the configuration is not applied" in gateway.said)
        assert re.search(r"gateway\.yaml:8:\d+: plugin/house: .*[Nn]o space left on device", gateway.said), gateway.said
        assert (mark(port), gateway.status()["revision"]) == ("one", 2)
        filler.unlink()
        stamp.write_text(STAMP % "two, again")
        wait_until(lambda: mark(port) == "two, again")
        assert gateway.status()["restarts"] == 0


@pytest.mark.long
def test_r53_a_plan_that_cannot_be_kept_is_told_and_a_later_one_is_kept() -> None:
    with on_a_small_disk() as (gateway, folder):
        filler = fill(folder)
        gateway.write(CONFIGURATION % "second")
        wait_until(lambda: "the last good plan cannot be kept" in gateway.said, 30)
        assert "space left on device" in gateway.said
        assert mark(gateway.port()) == "one"
        filler.unlink()
        gateway.write(CONFIGURATION % "third")
        wait_until(gateway.state.last_good.exists, 30)
        assert b"third" in gateway.state.last_good.read_bytes()
