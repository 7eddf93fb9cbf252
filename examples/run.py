"""Starts the three example services and the gateway before them, and tells what to try. `make run` calls it."""

import contextlib
import ctypes
import os
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
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
"""From `linux/prctl.h`."""

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


def ends_with(parent: int) -> None:
    """Let this process, just begun, be told to end when the one that begins it is gone, however it went."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def is_orphan(parent: int) -> bool:
    """Whether who started this is gone without a word, as a `make` that was killed."""
    return os.getppid() != parent


def wait_for_end(gateway: subprocess.Popen[bytes], parent: int) -> int:
    """Wait until the gateway has ended, or nobody is left to end it; gives its exit code."""
    while not is_orphan(parent):
        with contextlib.suppress(subprocess.TimeoutExpired):
            return gateway.wait(1)
    return 1


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
    if is_listening():
        print(f"port {ADDRESS[1]} is in use already: end what listens there, then try again", file=sys.stderr)
        return 1
    parent = os.getppid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # A session of their own: Ctrl-C shall reach the gateway first, and the services serve while it drains. Their
    # standard input ends with this process, however it ends, and they with it.
    command = [sys.executable, str(HERE / "services.py"), "--until-input-ends"]
    services = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    this = os.getpid()
    # No thread runs here that could hold a lock while the process is copied.
    gateway = subprocess.Popen([PENSTOCK, "run", "-c", CONFIGURATION], preexec_fn=lambda: ends_with(this))  # noqa: PLW1509
    try:
        if not wait_for_gateway(services, gateway):
            return 1
        print(TO_TRY, flush=True)
        return wait_for_end(gateway, parent)
    except KeyboardInterrupt:
        return gateway.wait()
    finally:
        # Told twice, as by `make` and by the terminal, is told once.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        stop(gateway)
        stop(services)


if __name__ == "__main__":
    sys.exit(main())
