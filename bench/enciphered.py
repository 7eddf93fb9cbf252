"""Connections that speak TLS: what a handshake costs, what those cost that wait, and what others have of them."""

import contextlib
import itertools
import re
import select
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from functools import partial

from bench.load import Load, Sample
from bench.processes import BenchError, memory_kib, usage
from bench.proxies import PROXY_PORT, program

HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: shop.test\r\nX-Slow: "
REQUEST = b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n"
BODY_BYTES = 1024
CALLERS = 8
"""Clients at once that shake hands again and again."""
TRICKLE_EVERY = 10
"""Requests of the good client for each byte of a slow one: some hundred bytes a second, as 5,000 clients send that
send one every ten seconds."""


def settings() -> ssl.SSLContext:
    """Those of a client that believes anybody: certificates are not what is measured."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


def connect(context: ssl.SSLContext, port: int = PROXY_PORT) -> ssl.SSLSocket:
    """A connection after its handshake.

    Raises: BenchError if there is none.
    """
    try:
        plain = socket.create_connection(("127.0.0.1", port), 10)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return context.wrap_socket(plain, server_hostname="shop.test")
    except OSError as error:
        raise BenchError(f"no handshake: {error}") from error


def ask(stream: ssl.SSLSocket) -> float:
    """Seconds that one request takes.

    Raises: BenchError if it is not answered.
    """
    began = time.perf_counter()
    try:
        stream.sendall(REQUEST)
        answer = b""
        while b"\r\n\r\n" not in answer or len(answer.partition(b"\r\n\r\n")[2]) < BODY_BYTES:
            piece = stream.recv(65536)
            if not piece:
                raise BenchError("closed a connection without a whole answer")
            answer += piece
    except OSError as error:
        raise BenchError(f"not served: {error}") from error
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise BenchError(f"not served: {answer[:40]!r}")
    return time.perf_counter() - began


def percentile_ms(seconds: Sequence[float], percent: float) -> float:
    """The time within which so many in a hundred ended, in milliseconds."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000


@contextlib.contextmanager
def many(count: int, port: int, opening: bytes = b"") -> Iterator[list[ssl.SSLSocket]]:
    """Connections that have sent a beginning, or where that is empty have had an answer."""
    context = settings()
    with contextlib.ExitStack() as kept:
        streams = []
        for _ in range(count):
            streams.append(kept.enter_context(connect(context, port)))
            if opening:
                streams[-1].sendall(opening)
            else:
                ask(streams[-1])
        yield streams


def idle_enciphered(pid: int, load: Load, port: int = PROXY_PORT) -> Sample:
    """Memory of a connection that waits for its next request, in KiB."""
    before = memory_kib(pid)
    with many(load.idle_connections, port):
        time.sleep(1)
        after = memory_kib(pid)
    value = (after - before) / load.idle_connections
    line = f"{value:7.2f} KiB a connection, {before / 1024:.1f} MiB before, {after / 1024:.1f} MiB after"
    return Sample(value, line, {"before_mib": before / 1024, "after_mib": after / 1024})


def slow_clients(pid: int, load: Load, port: int = PROXY_PORT) -> Sample:
    """Memory of a client that has sent half a head, in KiB, and what a good client has of many such."""
    with connect(settings(), port) as good:
        alone = good_client(good, load.seconds)
        before = memory_kib(pid)
        with many(load.idle_connections, port, HALF_A_HEAD) as slow:
            time.sleep(1)
            after = memory_kib(pid)
            beside = good_client(good, load.seconds, slow)
            dropped = len(ready(slow))
    if dropped:
        raise BenchError(f"{dropped} slow clients were dropped before their time")
    value = (after - before) / load.idle_connections
    p99 = percentile_ms(alone, 99), percentile_ms(beside, 99)
    details = {
        "p99_alone_ms": p99[0],
        "p99_beside_ms": p99[1],
        "p50_alone_ms": percentile_ms(alone, 50),
        "p50_beside_ms": percentile_ms(beside, 50),
        "failed": 0,
    }
    shown = (
        f"p99 of a good client {p99[0]:.3f} ms without, {p99[1]:.3f} ms with them ({p99[1] / p99[0]:.2f} x), 0 failed"
    )
    return Sample(value, f"{value:7.2f} KiB a client, {shown}", details)


def handshakes(pid: int, load: Load, port: int = PROXY_PORT) -> Sample:
    """Processor time of a whole handshake with one request, in microseconds: no session goes on.

    Raises: BenchError if a client was not served.
    """
    before, began = usage(pid), time.monotonic()
    count = sum(whole_handshakes(load, port))
    used, elapsed = usage(pid) - before, time.monotonic() - began
    value, busy = used.total_us / count, used.total_us / 1e6 / elapsed
    details = {"user_us": used.user_us / count, "requests_per_s": count / elapsed, "busy": busy}
    return Sample(value, f"{value:7.2f} us a handshake, {count / elapsed:7.0f}/s, busy {busy:.2f}", details)


def whole_handshakes(load: Load, port: int) -> Iterator[int]:
    """How many each of some clients made that ask on one connection after the other."""
    place = ["taskset", "--cpu-list", str(load.core), program("openssl"), "s_time", "-connect", f"127.0.0.1:{port}"]
    command = [*place, "-new", "-www", "/", "-time", str(load.seconds)]
    with contextlib.ExitStack() as kept:
        start = partial(subprocess.Popen, command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        clients = [kept.enter_context(start()) for _ in range(CALLERS)]
        for client in clients:
            report, complaint = client.communicate(timeout=load.seconds + 20)
            counted = re.search(r"^(\d+) connections in \d+ real seconds", report, re.MULTILINE)
            if client.returncode or not counted or counted[1] == "0":
                raise BenchError(complaint.strip() or "openssl s_time was not served")
            yield int(counted[1])


def good_client(stream: ssl.SSLSocket, seconds: float, slow: Sequence[ssl.SSLSocket] = ()) -> list[float]:
    """Seconds that each request takes of a client that sends one after the other, while slow ones trickle."""
    turns = itertools.cycle(slow)
    found: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found.append(ask(stream))
        if slow and len(found) % TRICKLE_EVERY == 0:
            trickle(next(turns))
    return found


def trickle(stream: ssl.SSLSocket) -> None:
    """Send one byte more of a head.

    Raises: BenchError if the connection is gone.
    """
    try:
        stream.sendall(b"x")
    except OSError as error:
        raise BenchError(f"a slow client was dropped before its time: {error}") from error


def ready(streams: Sequence[ssl.SSLSocket]) -> list[int]:
    """Those to which something was said, or that were closed: nothing is to be said to half a head."""
    poller = select.poll()
    for stream in streams:
        poller.register(stream, select.POLLIN)
    waiting = {stream.fileno(): stream for stream in streams}
    return [number for number, _ in poller.poll(0) if is_told(waiting[number])]


def is_told(stream: ssl.SSLSocket) -> bool:
    """Whether there is more than what a session says of itself, as tickets."""
    stream.settimeout(0)
    try:
        stream.recv(1)
    except ssl.SSLWantReadError:
        return False
    except OSError:
        return True
    return True
