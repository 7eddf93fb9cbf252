"""Measures the control plane of one gateway: commands, reads, lists, rest, and how soon a write has effect.

python -m bench.control [FIGURE...]
"""

import argparse
import http.client
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.processes import TICK_US, BenchError, family, memory_kib, running, stat_fields, usage

PENSTOCK = Path(sys.executable).parent / "penstock"
GATEWAY_CORE, CLIENT_CORE = 0, 1
_LIMIT_SECONDS = 30.0
_MANY = 10_000


@dataclass(frozen=True)
class Gateway:
    """A gateway under measurement; `process` is its supervisor, which `taskset` has become."""

    folder: Path
    process: int
    port: int

    def admin(self) -> http.client.HTTPConnection:
        """A connection to its admin socket."""
        return _OverSocket(self.folder / "state" / "admin.sock")

    def client(self) -> http.client.HTTPConnection:
        """A connection to its listener."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=_LIMIT_SECONDS)


class _OverSocket(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_LIMIT_SECONDS)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@contextmanager
def gateway(routes: int) -> Iterator[Gateway]:
    """A gateway with one worker and so many routes, as `penstock run` has it."""
    # A path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="control-") as name:
        folder, port = Path(name), _free_port()
        (folder / "gateway.yaml").write_text("---\n".join(_resources(port, routes)))
        command = [str(PENSTOCK), "run", "-c", str(folder / "gateway.yaml"), "--state-dir", str(folder / "state")]
        command += ["--admin", "off", "--workers", "1"]
        with running(command, core=GATEWAY_CORE, port=port, log=folder / "log") as process:
            found = Gateway(folder, process, port)
            with closing(found.admin()) as admin:
                _await_ready(admin)
            yield found


def _await_ready(admin: http.client.HTTPConnection) -> None:
    deadline = time.monotonic() + _LIMIT_SECONDS
    while time.monotonic() < deadline:
        admin.request("GET", "/-/ready")
        answer = admin.getresponse()
        answer.read()
        if answer.status == http.client.OK:
            return
        time.sleep(0.05)
    raise BenchError(f"the gateway is not ready after {_LIMIT_SECONDS:g} s")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _resources(port: int, routes: int) -> Iterator[str]:
    yield f"kind: Listener\nname: web\naddress: 127.0.0.1:{port}\n"
    yield "kind: Upstream\nname: origin\nendpoints: [http://127.0.0.1:9]\n"
    for number in range(routes):
        yield f"kind: Route\nname: route-{number}\npath: /route/{number}/*\nmethods: [GET]\nto: origin\n"


def of_help() -> list[str]:
    """How long `penstock --help` takes."""
    return [spread("penstock --help", _times(lambda: _run("--help"), 11), "ms")]


def of_get_routes() -> list[str]:
    """How long `penstock get routes` takes where there are 1,000."""
    with gateway(1000) as running_one:
        state = str(running_one.folder / "state")
        times = _times(lambda: _run("get", "routes", "--state-dir", state), 11)
        return [spread("penstock get routes, 1,000", times, "ms")]


def of_reads() -> list[str]:
    """How many resources a second are read over one connection, and what a read costs the supervisor."""
    with gateway(1000) as running_one, closing(running_one.admin()) as connection:
        for _ in range(200):
            _get(connection, "/api/v1/resources/route/route-7")
        before, started, reads = usage(running_one.process), time.monotonic(), 5000
        for number in range(reads):
            _get(connection, f"/api/v1/resources/route/route-{number % 1000}")
        seconds, used = time.monotonic() - started, (usage(running_one.process) - before).total_us
        return [f"reads: {reads / seconds:,.0f}/s over one connection, {used / reads:.0f} us of processor each"]


def of_list() -> list[str]:
    """How long a list of 10,000 resources takes."""
    with gateway(_MANY) as running_one, closing(running_one.admin()) as connection:

        def list_all() -> None:
            after, found = "", 0
            while True:
                page = json.loads(_get(connection, f"/api/v1/resources?limit=1000{after}"))
                found += len(page["items"])
                if not page.get("next"):
                    break
                after = f"&after={page['next']}"
            if found < _MANY:
                raise BenchError(f"{found} resources were listed")

        return [spread(f"list of {_MANY:,} resources in pages of 1,000", _times(list_all, 5), "ms")]


def of_rest() -> list[str]:
    """What a supervisor takes that has nothing to do, with 1,000 routes."""
    with gateway(1000) as running_one:
        time.sleep(3)
        workers = set(family(running_one.process)) - {running_one.process}
        before, seconds = _ticks_us(running_one.process), 20
        time.sleep(seconds)
        share = (_ticks_us(running_one.process) - before) / (seconds * 1e6)
        memory = memory_kib(running_one.process) - sum(memory_kib(worker) for worker in workers)
        return [f"supervisor at rest, 1,000 routes: {share:.2%} of a core, {memory / 1024:.1f} MB"]


def of_effect(routes: int = 1000, writes: int = 100) -> list[str]:
    """How long after a write is sent the first request is answered by it, and when the write is acknowledged."""
    with gateway(routes) as running_one, closing(running_one.admin()) as admin, closing(running_one.client()) as client:
        effects, acknowledged = [], []
        for number in range(writes):
            body = {"path": "/effect", "steps": [{"kind": "Respond", "status": 200, "body": str(number)}]}
            text = json.dumps({"kind": "Route", "name": "effect", **body})
            started = time.monotonic()
            admin.request("PUT", "/api/v1/resources/route/effect", text, {"content-type": "application/json"})
            _await_answer(client, str(number).encode())
            effects.append((time.monotonic() - started) * 1e3)
            answer = admin.getresponse()
            said = answer.read()
            acknowledged.append((time.monotonic() - started) * 1e3)
            if answer.status not in {200, 201}:
                raise BenchError(f"a write was answered {answer.status}: {said[:200]!r}")
        return [
            spread(f"write to effect, {routes:,} routes", effects, "ms"),
            spread("write to answer", acknowledged, "ms"),
        ]


def _await_answer(client: http.client.HTTPConnection, expected: bytes) -> None:
    deadline = time.monotonic() + _LIMIT_SECONDS
    while time.monotonic() < deadline:
        client.request("GET", "/effect")
        if client.getresponse().read() == expected:
            return
    raise BenchError(f"a write had no effect within {_LIMIT_SECONDS:g} s")


FIGURES: dict[str, Callable[[], list[str]]] = {
    "help": of_help,
    "get-routes": of_get_routes,
    "reads": of_reads,
    "list": of_list,
    "rest": of_rest,
    "effect": of_effect,
}


def _get(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != http.client.OK:
        raise BenchError(f"GET {path} was answered {answer.status}: {body[:200]!r}")
    return body


def _run(*words: str) -> None:
    command = ["taskset", "--cpu-list", str(CLIENT_CORE), str(PENSTOCK), *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _times(do: Callable[[], None], count: int) -> list[float]:
    """Milliseconds of each time that something was done."""
    found = []
    for _ in range(count):
        started = time.monotonic()
        do()
        found.append((time.monotonic() - started) * 1e3)
    return found


def spread(what: str, values: list[float], unit: str) -> str:
    """One line about many values."""
    shown = sorted(values)
    p99 = shown[min(len(shown) - 1, round(len(shown) * 0.99))]
    return (
        f"{what}: least {shown[0]:.1f}, median {statistics.median(shown):.1f}, "
        f"p99 {p99:.1f}, most {shown[-1]:.1f} {unit} of {len(shown)}"
    )


def _ticks_us(process: int) -> float:
    """Processor time of one process, without its children."""
    fields = stat_fields(process)
    return (int(fields[11]) + int(fields[12])) * TICK_US


def main(arguments: list[str] | None = None) -> int:
    """Measure the figures that are named, or all, and print a line for each."""
    parser = argparse.ArgumentParser(prog="bench.control", description=__doc__.splitlines()[0])
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"of: {', '.join(FIGURES)}; default: all")
    chosen = parser.parse_args(arguments).figures or list(FIGURES)
    if unknown := [name for name in chosen if name not in FIGURES]:
        print(f"no figure {unknown[0]}: there are {', '.join(FIGURES)}", file=sys.stderr)
        return 2
    try:
        for name in chosen:
            print("\n".join(FIGURES[name]()), flush=True)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
