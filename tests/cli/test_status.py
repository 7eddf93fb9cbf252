"""`penstock status` and `penstock reload` find their gateway."""

import json
import os
import subprocess
import sys

import pytest

from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess
from tests.servers.origin import Origin


def test_status_tells_what_runs() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        port = gateway.port()
        told = gateway.command("status", "--state-dir", str(gateway.state.path))
        assert told.returncode == 0
        assert f"listener web: 127.0.0.1:{port}" in told.stdout
        assert told.stdout.count("worker ") == 2
        assert "by configuration (files): revision 1, 2 put: listener/web, route/all\n" in told.stdout
        told = gateway.command("status", "--state-dir", str(gateway.state.path), "-o", "json")
        status = json.loads(told.stdout)
        assert status["phase"] == "serving"
        assert gateway.process is not None
        assert status["pid"] == gateway.process.pid


@pytest.mark.parametrize("command", ["status", "reload"])
def test_no_gateway_is_one_line(command: str) -> None:
    gateway = GatewayProcess("")
    try:
        ended = gateway.command(command, "--state-dir", str(gateway.state.path))
    finally:
        gateway.__exit__()
    assert ended.returncode == 1
    assert ended.stderr == (
        f"penstock: no gateway answers at {gateway.state.admin_socket}: no such file or directory\n"
    )


def test_the_only_gateway_is_found_without_being_named() -> None:
    with Origin() as origin:
        gateway = GatewayProcess(forwarding(origin.url))
        home = gateway.folder
        # The same shape as the default: a folder of state folders.
        gateway.state = type(gateway.state)(home / "penstock" / "one")
        gateway.flags = (*gateway.flags[:-1], str(gateway.state.path))
        environment = {**os.environ, "XDG_STATE_HOME": str(home), "PENSTOCK_STATE_DIR": ""}
        command = [sys.executable, "-m", "penstock", "status"]

        def status() -> subprocess.CompletedProcess[str]:
            return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20, check=False)

        try:
            ended = status()
            assert (ended.returncode, "no gateway runs" in ended.stderr) == (1, True)
            gateway.start()
            assert status().returncode == 0
        finally:
            gateway.__exit__()
