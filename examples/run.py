"""Starts the three example services and the gateway before them, and tells what to try. `make run` calls it."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PENSTOCK = Path(sys.executable).parent / "penstock"
CONFIGURATION = HERE / "penstock.yaml"
ADDRESS = ("127.0.0.1", 8080)
URL = f"http://localhost:{ADDRESS[1]}"
STARTING_S = 15.0

TO_TRY = f"""
The gateway listens on {URL} with three services behind it. Try, in another terminal:

  curl {URL}/hello
  curl -H 'Host: acme.example.com' {URL}/orders/7
  curl -H 'x-beta: 1' {URL}/catalogue/lamp
  curl -i {URL}/nothing-here
  .venv/bin/penstock explain -c examples/penstock.yaml GET {URL}/nothing-here

The last one tells why the one before found no route. Change examples/penstock.yaml or examples/filters/add_tenant.py
and try again: no restart. Ctrl-C ends it.
"""


def is_listening() -> bool:
    """True once the gateway accepts connections."""
    with contextlib.suppress(OSError), socket.create_connection(ADDRESS, 1):
        return True
    return False


def wait_for_gateway(*processes: subprocess.Popen[bytes]) -> bool:
    """Wait until the gateway listens; false when a process ended instead, having said why."""
    deadline = time.monotonic() + STARTING_S
    while all(process.poll() is None for process in processes) and time.monotonic() < deadline:
        if is_listening():
            return True
        time.sleep(0.05)
    return False


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and wait for it."""
    if process.poll() is None:
        process.terminate()
    process.wait()


def main() -> int:
    """Run both until Ctrl-C; gives the gateway's exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # A session of its own: Ctrl-C shall reach the gateway first, and the services serve while it drains.
    services = subprocess.Popen([sys.executable, HERE / "services.py"], start_new_session=True)
    gateway = subprocess.Popen([PENSTOCK, "run", "-c", CONFIGURATION])
    try:
        if not wait_for_gateway(services, gateway):
            return 1
        print(TO_TRY, flush=True)
        return gateway.wait()
    except KeyboardInterrupt:
        return gateway.wait()
    finally:
        stop(gateway)
        stop(services)


if __name__ == "__main__":
    sys.exit(main())
