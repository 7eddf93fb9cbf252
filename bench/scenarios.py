"""What is asked of a proxy while it is measured."""

import contextlib
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.enciphered import handshakes, idle_enciphered, slow_clients
from bench.load import Load, Sample
from bench.processes import BenchError, family, memory_kib, usage
from bench.proxies import PROXY_PORT, program

# What a browser sends: parsing has to be paid for.
HEADERS = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.5",
    "Accept-Encoding: gzip, deflate, br",
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark",
    "Cache-Control: no-cache",
    "X-Request-Id: 7f3c1d2e-98ab-4c55-8f00-1122aabbccdd",
)
CONNECTIONS = 64
MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def wrk(load: Load, path: str, options: Sequence[str]) -> str:
    """Run the load generator and give what it printed.

    Raises: BenchError if a request failed, for then the figures mean nothing.
    """
    headers = [word for header in HEADERS for word in ("-H", header)]
    command = [
        "taskset",
        "--cpu-list",
        str(load.core),
        program("wrk"),
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{load.seconds}",
        "--latency",
    ]
    url = path if "://" in path else f"http://127.0.0.1:{PROXY_PORT}{path}"
    report = subprocess.run([*command, *options, *headers, url], capture_output=True, text=True, check=False)
    if report.returncode or "Non-2xx" in report.stdout or "Socket errors" in report.stdout:
        complaint = re.search(r"Non-2xx.*|Socket errors.*", report.stdout)
        raise BenchError(complaint[0].strip() if complaint else report.stderr.strip() or "wrk failed")
    return report.stdout


def own_load(name: str, *numbers: int) -> Callable[[Load], str]:
    """A load by one of the bench's own programs, which are told the port, the seconds and these numbers.

    Raises, when it runs: BenchError if the program is missing, or not all was answered as it should be.
    """

    def run(load: Load) -> str:
        program = load.floor / name
        if not program.exists():
            raise BenchError(f"no {name} in {load.floor}: run it as `make bench`")
        command = ["taskset", "--cpu-list", str(load.core), str(program), str(PROXY_PORT), str(load.seconds)]
        try:
            report = subprocess.run(
                [*command, *map(str, numbers)], capture_output=True, text=True, check=False, timeout=load.seconds + 20
            )
        except subprocess.TimeoutExpired as error:
            raise BenchError(f"{name} was not answered") from error
        if report.returncode:
            raise BenchError(report.stderr.strip() or f"{name} failed")
        return report.stdout

    return run


def call_load(load: Load) -> str:
    """Calls of gRPC, 64 at a time on 8 connections."""
    message = b"\0\0\0\0\x20" + b"x" * 32
    fields = [word for field in ("content-type: application/grpc", "te: trailers") for word in ("-H", field)]
    with tempfile.NamedTemporaryFile(prefix="penstock-bench.") as body:
        body.write(message)
        body.flush()
        url = f"http://127.0.0.1:{PROXY_PORT}/bench.Service/Echo"
        return h2load(load, "-c8", "-m8", "-d", body.name, *fields, url)


def enciphered_load(load: Load) -> str:
    """The same for requests, 128 at a time on 8 connections of HTTP/2 over TLS."""
    headers = [word for header in HEADERS for word in ("-H", header)]
    return h2load(load, "-c8", "-m16", *headers, f"https://127.0.0.1:{PROXY_PORT}/")


def h2load(load: Load, *options: str) -> str:
    """Run that load generator and give what it printed in wrk's words.

    Raises: BenchError if a request was not answered.
    """
    command = ["taskset", "--cpu-list", str(load.core), program("h2load"), f"-D{load.seconds}", *options]
    report = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    counts = re.search(r"requests: (\d+) total, .* (\d+) succeeded, (\d+) failed", report)
    rate = re.search(r"([\d.]+) req/s", report)
    if not counts or not rate or counts[2] == "0" or counts[3] != "0":
        raise BenchError(report.strip().splitlines()[-1] if report.strip() else "h2load failed")
    mean = re.search(r"time for request: +\S+ +\S+ +([\d.]+)(us|ms|s)", report)
    waited = f"{mean[1]}{mean[2]}" if mean else "0ms"
    # A mean is all that it tells of waiting.
    return f"{counts[2]} requests in\nRequests/sec: {rate[1]}\n50% {waited}\n99% {waited}\n"


def number(pattern: str, text: str) -> float:
    """The number, or the time in milliseconds, that the pattern finds."""
    found = re.search(pattern, text)
    if found is None:
        raise BenchError(f"no {pattern!r} in what wrk printed")
    return float(found[1]) * (MILLISECONDS[found[2]] if found.lastindex == 2 else 1)  # noqa: PLR2004


def requests(pid: int, load: Load, generate: Callable[[Load], str], what: str = "request") -> Sample:
    """Processor time a request, in microseconds, or of whatever else is generated."""
    before, started = usage(pid), time.monotonic()
    report = generate(load)
    used, elapsed = usage(pid) - before, time.monotonic() - started
    count = number(r"(\d+) requests in", report)
    details = {
        "user_us": used.user_us / count,
        "requests_per_s": number(r"Requests/sec:\s+([\d.]+)", report),
        "p50_ms": number(r"50%\s+([\d.]+)(us|ms|s)", report),
        "p99_ms": number(r"99%\s+([\d.]+)(us|ms|s)", report),
        "busy": used.total_us / 1e6 / elapsed,
        "memory_mib": memory_kib(pid) / 1024,
    }
    value = used.total_us / count
    line = f"{value:7.2f} us a {what}, {details['requests_per_s']:7.0f}/s, busy {details['busy']:.2f}"
    return Sample(value, line, details)


def open_connection() -> socket.socket:
    """A connection that has had one answer."""
    connection = socket.create_connection(("127.0.0.1", PROXY_PORT), 10)
    fields = "\r\n".join(HEADERS)
    connection.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}\r\n\r\n".encode())
    received = 0
    while received <= 1024:  # noqa: PLR2004 - the body alone has so many bytes
        count = len(connection.recv(65536))
        if not count:
            connection.close()
            raise BenchError("closed a connection without a whole answer")
        received += count
    return connection


def idle(pid: int, load: Load) -> Sample:
    """Memory of a connection that waits, in KiB."""
    before = memory_kib(pid)
    with contextlib.ExitStack() as connections:
        for _ in range(load.idle_connections):
            connections.enter_context(open_connection())
        time.sleep(1)
        after = memory_kib(pid)
    value = (after - before) / load.idle_connections
    line = f"{value:7.2f} KiB a connection, {before / 1024:.1f} MiB before, {after / 1024:.1f} MiB after"
    return Sample(value, line, {"before_mib": before / 1024, "after_mib": after / 1024})


def system_calls(pid: int, load: Load) -> Sample:
    """System calls a request under load, counted by strace (which slows the proxy down)."""
    attach = [word for member in family(pid) for word in ("-p", str(member))]
    command = [program("strace"), "-f", "-c", "-o", "/dev/stdout", *attach]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as tracer:
        time.sleep(0.5)
        try:
            count = number(r"(\d+) requests in", wrk(load, "/", ()))
        finally:
            tracer.send_signal(signal.SIGINT)
        table, _ = tracer.communicate()
    calls = {name: calls / count for name, calls in strace_table(table).items()}
    often = sorted((item for item in calls.items() if item[1] >= 0.01), key=lambda item: -item[1])  # noqa: PLR2004
    value = sum(calls.values())
    line = f"{value:7.2f} calls a request: {', '.join(f'{name} {rate:.2f}' for name, rate in often)}"
    return Sample(value, line, calls)


def strace_table(text: str) -> dict[str, int]:
    """Calls by name, from the table of `strace -c`."""
    rows = (line.split() for line in text.splitlines())
    return {row[-1]: int(row[3]) for row in rows if len(row) >= 5 and row[3].isdigit() and row[-1] != "total"}  # noqa: PLR2004


def asking(path: str, *options: str) -> Callable[[Load], str]:
    """A load of requests for one path."""
    return lambda load: wrk(load, path, options)


@dataclass(frozen=True)
class Scenario:
    """A way to measure, and what its figure counts."""

    unit: str
    measure: Callable[[int, Load], Sample]


SCENARIOS: dict[str, Scenario] = {
    "h1": Scenario("us/request", lambda pid, load: requests(pid, load, asking("/"))),
    "h1-100k": Scenario("us/request", lambda pid, load: requests(pid, load, asking("/100k"))),
    "h1-close": Scenario("us/request", lambda pid, load: requests(pid, load, asking("/", "-H", "Connection: close"))),
    "websocket": Scenario(
        "us/message", lambda pid, load: requests(pid, load, own_load("websocket_load", CONNECTIONS), "message")
    ),
    "grpc": Scenario("us/call", lambda pid, load: requests(pid, load, call_load, "call")),
    "h2": Scenario("us/request", lambda pid, load: requests(pid, load, enciphered_load)),
    "h3": Scenario("us/request", lambda pid, load: requests(pid, load, own_load("http3_load", 8, 16))),
    "idle": Scenario("KiB/connection", idle),
    "tls-new": Scenario("us/handshake", handshakes),
    # The load generator goes on with its sessions, and shakes hands as anew only on its first connections.
    "tls-resumed": Scenario(
        "us/handshake",
        lambda pid, load: requests(
            pid, load, asking(f"https://127.0.0.1:{PROXY_PORT}/", "-H", "Connection: close"), "handshake"
        ),
    ),
    "tls-idle": Scenario("KiB/connection", idle_enciphered),
    "tls-slow": Scenario("KiB/connection", slow_clients),
    "sys": Scenario("calls/request", system_calls),
}


WITHOUT_WRK = frozenset({"grpc", "h2", "h3", "idle", "tls-idle", "tls-new", "tls-slow", "websocket"})


def floor_programs(folder: Path) -> Path:
    """The folder, if the floor programs are there.

    Raises: BenchError if they have not been built.
    """
    if not (folder / "floor_relay").exists():
        raise BenchError(f"no floor_relay in {folder}: run it as `make bench`")
    return folder
