"""`penstock status` and `penstock reload` find their gateway."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from penstock.cli.status import lines
from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess
from tests.servers.origin import Origin


def test_status_tells_what_runs() -> None:
    with Origin() as origin, GatewayProcess(forwarding(origin.url)) as gateway:
        port = gateway.port()
        told = gateway.command("status", "--state-dir", str(gateway.state.path))
        assert told.returncode == 0
        assert told.stdout.startswith(f"serving {gateway.file} for ")
        assert f"LISTENER  ADDRESS\nweb       127.0.0.1:{port}\n" in told.stdout
        assert told.stdout.count("  serving\n") == 2
        assert "files  revision 1  listener/web, route/all\n" in told.stdout
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


def test_no_gateway_with_a_configuration_is_one_line_that_says_how_others_are_found() -> None:
    gateway = GatewayProcess("")
    try:
        ended = gateway.command("status", "-c", str(gateway.file))
    finally:
        gateway.__exit__()
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"penstock: no gateway runs with {gateway.file}; "
        "one that was started with --state-dir is found by the same flag\n"
    )


STATUS: dict[str, Any] = {
    "phase": "serving", "configuration": "/etc/gateway.yaml", "uptime_seconds": 200.4, "pid": 7, "revision": 4,
    "requests": 1234, "connections": 1, "restarts": 1, "log_lines_dropped": 0,
    "listeners": [{"name": "web", "bound": "127.0.0.1:80"}, {"name": "inside", "bound": "unix:/run/a.sock"}],
    "workers": [
        {"index": 0, "pid": 8, "is_alive": True, "revision": 4, "requests": 1230, "connections": 1},
        {"index": 1, "pid": 19, "is_alive": True, "revision": None, "requests": 4, "connections": 0},
        {"index": 2, "pid": 9, "is_alive": False, "revision": 3, "requests": 0, "connections": 0},
    ],
    "filters": [
        {"pipeline": "route.a", "step": "Guard", "overruns": 2, "is_suspended": False},
        {"pipeline": "listener:web:before", "step": "Tag", "overruns": 1003, "is_suspended": True},
    ],
    "changes": [
        {"time": "2026-01-02T03:04:06Z", "source": "files", "problems": ["a", "b"], "revision": None,
         "put": [], "put_count": 0, "deleted": [], "deleted_count": 0},
        {"time": "2026-01-02T03:04:05Z", "source": "files", "problems": [], "revision": 4,
         "put": ["route/a", "route/b"], "put_count": 2, "deleted": ["route/c", "route/d"], "deleted_count": 2},
    ],
    "left_out": [], "is_refused": True, "problems": ["a.yaml:1:1: wrong\n    write it right"],
}  # fmt: skip
SHOWN = """\
serving /etc/gateway.yaml for 3 min 20 s, process 7
revision 4, 1,234 requests, 1 open connection, 1 worker replaced

LISTENER  ADDRESS
web       127.0.0.1:80
inside    unix:/run/a.sock

WORKER  PROCESS  REVISION  REQUESTS  CONNECTIONS  STATE
     0        8         4     1,230            1  serving
     1       19         -         4            0  starting
     2        9         3         0            0  dead

FILTER  PIPELINE             OVERRUNS  STATE
Guard   route.a                     2  called
Tag     listener:web:before     1,003  suspended

CHANGED               BY     RESULT               WHAT
2026-01-02T03:04:06Z  files  refused: 2 problems
2026-01-02T03:04:05Z  files  revision 4           route/a, route/b, route/c (gone) and 1 more

the configuration as it is now is not applied:
  a.yaml:1:1: wrong
      write it right"""


def test_the_status_is_a_page_that_can_be_read_at_a_glance() -> None:
    assert "\n".join(lines(STATUS)) == SHOWN


def test_a_worker_that_has_finished_while_the_gateway_ends_is_not_called_dead() -> None:
    shown = "\n".join(lines({**STATUS, "phase": "draining"}))
    assert ("ended" in shown, "dead" in shown) == (True, False)


def test_gateways_are_named_by_what_they_serve_where_more_than_one_runs() -> None:
    with Origin() as origin:
        gateways = [GatewayProcess(forwarding(origin.url), workers=1) for _ in range(2)]
        home = gateways[0].folder
        try:
            for name, gateway in zip(("one", "two"), gateways, strict=True):
                gateway.state = type(gateway.state)(home / "penstock" / name)
                gateway.flags = (*gateway.flags[:-1], str(gateway.state.path))
                gateway.start()
            environment = {**os.environ, "XDG_STATE_HOME": str(home), "PENSTOCK_STATE_DIR": ""}
            command = [sys.executable, "-m", "penstock", "status"]
            ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20, check=False)
        finally:
            # The first one's folder holds the states of both.
            for gateway in reversed(gateways):
                gateway.__exit__()
    named = "".join(f"  -c {gateway.file}\n" for gateway in gateways)
    assert (ended.returncode, ended.stderr) == (
        1, f"penstock: 2 gateways run; name one by -c or --state-dir:\n{named}"
    )  # fmt: skip


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
