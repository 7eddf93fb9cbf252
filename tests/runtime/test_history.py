"""History outlives the gateway: who changed what, and what became of it, is told after a restart too."""

import signal
from pathlib import Path

from tests.servers.gateway_process import GatewayProcess, wait_until

CONFIGURATION = """
kind: Listener
name: web
address: 127.0.0.1:0
---
kind: Route
name: all
path: /*
steps: [{kind: Respond, status: 200, body: "%s"}]
"""


def told(gateway: GatewayProcess) -> list[tuple[int, str, int]]:
    return [
        (change["store_revision"], change["result"], change["put_count"])
        for change in gateway.status()["changes"]
        if change["store_revision"]
    ]


def test_changes_are_told_after_the_gateway_was_killed_and_started_again() -> None:
    with GatewayProcess(CONFIGURATION % "first", workers=1) as gateway:
        gateway.write(CONFIGURATION % "second")
        wait_until(lambda: gateway.status()["revision"] == 2)
        # The revision is there a moment before what is told of it.
        wait_until(lambda: told(gateway) == [(2, "applied", 1), (1, "applied", 2)])
        before = gateway.status()["changes"]
        gateway.signal(signal.SIGKILL)
        gateway.wait(10)
        gateway.spawn()
        wait_until(lambda: gateway.status().get("phase") == "serving")
        # The files say what they said: no revision comes of that.
        assert gateway.status()["changes"] == before
        gateway.write(CONFIGURATION % "third")
        wait_until(lambda: told(gateway)[0][0] == 3)
        assert told(gateway) == [(3, "applied", 1), (2, "applied", 1), (1, "applied", 2)]


def test_r55_a_damaged_store_keeps_no_gateway_from_serving_its_files() -> None:
    with GatewayProcess(CONFIGURATION % "first", workers=1) as gateway:
        gateway.signal(signal.SIGTERM)
        gateway.wait(10)
        store: Path = gateway.state.store
        store.write_bytes(b"\xff" * store.stat().st_size)
        gateway.spawn()
        wait_until(lambda: gateway.status().get("phase") == "serving")
        assert "the store is damaged" in gateway.said
        assert gateway.status()["store_revision"] == 1
        assert store.with_name("store.db.damaged-1").exists()
