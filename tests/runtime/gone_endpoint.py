"""A gateway and an endpoint in two networks between which packets are lost from some moment on; run by a test."""

import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess, wait_until

NEAR, FAR, PORT = "10.77.0.1", "10.77.0.2", 8000
ESTABLISHED = "01"


def run(*command: str, inside: int | None = None) -> None:
    """Run a command, in the network of a process where one is given."""
    entering = ["nsenter", "--target", str(inside), "--net"] if inside else []
    subprocess.run([*entering, *command], check=True)


def connect(origin: int) -> None:
    """A cable between this network and that of a process."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(origin))
    run("ip", "address", "add", f"{NEAR}/24", "dev", "near")
    run("ip", "link", "set", "near", "up")
    run("ip", "address", "add", f"{FAR}/24", "dev", "far", inside=origin)
    run("ip", "link", "set", "far", "up", inside=origin)


def status(port: int) -> int:
    """What the gateway answers."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        answer.read()
        return int(answer.status)


def connections() -> int:
    """Established connections of this network to the endpoint."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[3] == ESTABLISHED and row[2].endswith(f":{PORT:04X}") for row in rows)


def story(origin: int) -> None:
    """A kept connection is found dead while nobody uses it, and the next request goes over a fresh one."""
    connect(origin)
    with GatewayProcess(forwarding(f"http://{FAR}:{PORT}"), workers=1) as gateway:
        port = gateway.port()
        wait_until(lambda: status(port) == 200 and connections() == 1)
        run("ip", "route", "add", "blackhole", f"{NEAR}/32", inside=origin)
        began = time.monotonic()
        wait_until(lambda: connections() == 0, 60, 0.1)
        sys.stderr.write(f"R22: a silent endpoint is found gone after {time.monotonic() - began:.1f} s\n")
        run("ip", "route", "delete", "blackhole", f"{NEAR}/32", inside=origin)
        assert status(port) == 200
        assert connections() == 1


def main() -> None:
    """Run the story with an endpoint that lives as long."""
    with subprocess.Popen(
        ["unshare", "--net", sys.executable, "-m", "http.server", "--protocol", "HTTP/1.1", str(PORT)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as origin:
        try:
            own = Path("/proc/self/ns/net").readlink()
            wait_until(lambda: Path(f"/proc/{origin.pid}/ns/net").readlink() != own)
            story(origin.pid)
        finally:
            origin.kill()


if __name__ == "__main__":
    main()
