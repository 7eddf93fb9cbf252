"""Starts the examples as `make run` does, tries what they tell to try, and ends them one way or the other."""

import contextlib
import fcntl
import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

from tests.servers.gateway_process import wait_until

PORTS = (8080, 9001, 9002, 9003)
LAST_WORDS = "Ctrl-C ends it."
SET_FLAGS, UP = 0x8914, 0x1
"""`SIOCSIFFLAGS` and `IFF_UP` of `linux/sockios.h` and `linux/if.h`."""
# Stands for `make`: it starts the script and waits for it.
PARENT = "import subprocess, sys; sys.exit(subprocess.run([sys.executable, 'examples/run.py']).returncode)"


def raise_loopback() -> None:
    """A fresh network has a loopback device that is down."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH14x", b"lo", UP))


def is_listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
        return True
    return False


def ask(path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("localhost", PORTS[0], timeout=10)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text


def try_all(told: str) -> None:
    """The five commands that are told."""
    assert told.count("  curl ") + told.count("  .venv/bin/penstock ") == 5, told
    assert ask("/hello")[::2] == (200, "hello from the gateway\n")
    status, headers, text = ask("/orders/7", host="acme.example.com")
    assert (status, headers["x-served-by"]) == (200, "penstock")
    assert (json.loads(text)["service"], json.loads(text)["headers"]["x-tenant"]) == ("orders", "acme")
    status, _, text = ask("/catalogue/lamp", x_beta="1")
    assert (status, json.loads(text)["service"]) == (200, "catalogue-next")
    assert ask("/nothing-here")[0] == 404
    penstock = [str(Path(sys.executable).with_name("penstock")), "explain", "-c", "examples/penstock.yaml"]
    ended = subprocess.run(
        [*penstock, "GET", "http://localhost:8080/nothing-here"], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, "status    404" in ended.stdout) == (1, True), ended


def child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def main(ending: str) -> None:
    """Tell the story once."""
    raise_loopback()
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert parent.stdout is not None
    told = ""
    for line in parent.stdout:
        told += line
        if LAST_WORDS in line:
            break
    script = child_of(parent.pid)
    try:
        try_all(told)
        end(ending, parent, script)
        wait_until(lambda: not any(map(is_listening, PORTS)), 30)
    finally:
        for pid in (parent.pid, script):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
    parent.wait(30)


def end(ending: str, parent: subprocess.Popen[str], script: int) -> None:
    """End it."""
    match ending:
        case "interrupt":
            os.killpg(parent.pid, signal.SIGINT)
        case "end":
            os.kill(script, signal.SIGTERM)
        case "kill":
            os.kill(script, signal.SIGKILL)
        case "kill_parent":
            parent.kill()


if __name__ == "__main__":
    main(sys.argv[1])
