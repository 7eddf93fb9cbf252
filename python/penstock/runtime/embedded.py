"""The embedded gateway: one worker on a thread of the caller's process."""

import atexit
import json
import os
import socket
import tempfile
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from types import TracebackType
from typing import Any, Self, TypeGuard

from penstock._core import EmbeddedWorker
from penstock.base.problem import Problem, errors
from penstock.compiler import Compiled, compile_resources
from penstock.compiler.compiled import part_of
from penstock.compiler.plan_types import AccessLog as AccessLogPlan
from penstock.compiler.plan_types import TelemetryBody
from penstock.discovery.names import system_lookup
from penstock.filters.native import native_catalogue
from penstock.filters.plugins import plugin_catalogue
from penstock.model.kinds import resource_key
from penstock.model.loading import Text, load_texts, locate
from penstock.model.loading.loader import load_data
from penstock.runtime.change.authorities import with_authorities
from penstock.runtime.change.desired import hosts_of, with_names
from penstock.store.files import environment, read_texts

_RUNNING: "weakref.WeakSet[Gateway]" = weakref.WeakSet()
_BACKLOG = 1024


class ConfigError(Exception):
    """A configuration that cannot be served; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class ServedRequest:
    """A request that the gateway has answered."""

    method: str
    path: str
    status: int
    route: str


class Gateway:
    """Runs a gateway in this process for as long as the `with` block lasts.

    Shape: a configuration is the path of a file or folder, a text of several lines in YAML, or a list of resources as
    dictionaries. Listeners get free ports on loopback whatever they ask for; without a listener there is one. Each
    gateway has a thread, and Python filters share the caller's interpreter lock.
    Raises: ConfigError on entering.
    """

    def __init__(self, config: str | Path | Sequence[Mapping[str, Any]], *, grace: float = 5.0) -> None:
        self._config = config
        self._grace_ms = int(grace * 1000)
        self._worker: EmbeddedWorker | None = None
        self._state: tempfile.TemporaryDirectory[str] | None = None
        self._urls: dict[str, str] = {}
        self._requests: list[ServedRequest] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Address of the first listener, without a final slash.

        Raises: RuntimeError if the gateway was never started.
        """
        if not self._urls:
            message = "this gateway does not run yet; use it in a `with` block"
            raise RuntimeError(message)
        return next(iter(self._urls.values()))

    @property
    def urls(self) -> Mapping[str, str]:
        """Addresses of all listeners by name."""
        return dict(self._urls)

    @property
    def requests(self) -> list[ServedRequest]:
        """Every request answered so far, in order of their ends."""
        self._collect()
        return list(self._requests)

    def start(self) -> None:
        """Begin to serve."""
        if self._worker is not None:
            message = "this gateway is running already"
            raise RuntimeError(message)
        state = tempfile.TemporaryDirectory(prefix="penstock-")
        try:
            compiled = _compiled(self._config, Path(state.name))
            parts = _embedded(dict(compiled.plan["parts"]))
            self._worker, self._urls = start_worker(parts, compiled.secrets, Path(state.name))
        except BaseException:
            state.cleanup()
            raise
        self._state = state
        _RUNNING.add(self)

    def stop(self) -> None:
        """Let open requests finish and stop serving; a gateway that does not run is left alone."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        _RUNNING.discard(self)
        worker.stop(self._grace_ms)
        self._take(worker)
        if self._state is not None:
            self._state.cleanup()

    def _collect(self) -> None:
        if self._worker is not None:
            self._take(self._worker)

    def _take(self, worker: EmbeddedWorker) -> None:
        for line in worker.take_log().splitlines():
            entry = json.loads(line)
            self._requests.append(ServedRequest(entry["method"], entry["path"], entry["status"], entry["route"]))


def start_worker(
    parts: Mapping[str, Any], secrets: Mapping[str, Any], state_folder: Path
) -> tuple[EmbeddedWorker, dict[str, str]]:
    """A worker on a thread of this process that serves parts of a plan, and the addresses of its listeners by name.

    Shape: of the listeners in `parts` the addresses are replaced by free ports on loopback.
    """
    sockets = _listen(parts)
    urls = {name: _url(parts[resource_key("listener", name)], one) for name, one in sockets}
    plan = json.dumps({"parts": dict(parts)})
    listening = [(name, one.detach()) for name, one in sockets]
    return EmbeddedWorker(plan, json.dumps(dict(secrets)), listening, str(state_folder)), urls


def _compiled(config: str | Path | Sequence[Mapping[str, Any]], state_folder: Path) -> Compiled:
    """The plan.

    Raises: ConfigError.
    """
    texts: Sequence[Text] = ()
    if isinstance(config, str | Path):
        texts, unread = ([Text(dedent(config))], []) if _is_yaml(config) else read_texts(Path(config))
        loaded = load_texts(texts, environment()).beside(unread)
    else:
        loaded = load_data(config)
    catalogue = plugin_catalogue(native_catalogue(), loaded.readable, state_folder)
    compiled = compile_resources(loaded.resources, catalogue, unusable=loaded.unusable)
    problems = list(locate([*loaded.problems, *compiled.problems], texts))
    if refusing := errors(problems):
        raise ConfigError(refusing)
    return compiled


_IN_MEMORY: AccessLogPlan = {
    "to": {"file": {"path": "memory", "rotation": None}},
    "format": "json",
    "only": {"listeners": None, "routes": None},
    "skip": {"listeners": None, "routes": None},
    "when": None,
    "sample": None,
    "mask": {"client": False, "query": [], "patterns": []},
}
"""A log of everything, which is taken from where it waits and never written."""


def _is_yaml(config: str | Path) -> TypeGuard[str]:
    """Whether a text is a configuration itself: no path has several lines."""
    return isinstance(config, str) and "\n" in config


def _embedded(parts: dict[str, Any]) -> dict[str, Any]:
    """The parts as an embedded worker serves them: a listener at least, a log in memory, addresses for host names."""
    if not any(key.startswith("listener/") for key in parts):
        parts |= _default_listener()
    none: TelemetryBody = {"kind": "telemetry", "name": "embedded", "access_logs": [], "otlp": None, "tracing": None}
    recorded = next((part["body"] for key, part in parts.items() if key.startswith("telemetry/")), none)
    parts = {key: part for key, part in parts.items() if not key.startswith("telemetry/")}
    in_memory: TelemetryBody = {**recorded, "access_logs": [_IN_MEMORY]}
    parts[f"telemetry/{recorded['name']}"] = part_of(in_memory)
    named = with_names(parts, {host: system_lookup(host) for host in hosts_of(parts)})
    return dict(with_authorities(named))


def _default_listener() -> dict[str, Any]:
    loaded = load_data([{"kind": "Listener", "name": "default", "address": "127.0.0.1:80"}])
    return dict(compile_resources(loaded.resources, native_catalogue()).plan["parts"])


def _listen(parts: Mapping[str, Any]) -> list[tuple[str, socket.socket]]:
    """The sockets of listeners by name; of one that speaks HTTP/3 those of datagrams come first."""
    sockets: list[tuple[str, socket.socket]] = []
    for key, part in parts.items():
        if key.startswith("listener/"):
            body = part["body"]
            is_udp = "udp" in body["protocols"]
            opened = _datagrams() if is_udp else socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
            if "h3" in body["protocols"]:
                sockets.append((body["name"], _datagrams(opened.getsockname()[1])))
            sockets.append((body["name"], opened))
            body["address"] = "{}{}:{}".format("udp:" if is_udp else "", *opened.getsockname()[:2])
    return sockets


def _datagrams(port: int = 0) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind(("127.0.0.1", port))
    return opened


def _url(listener: Mapping[str, Any], listening: socket.socket) -> str:
    body = listener["body"]
    names = {"tls": ("tls", "tls"), "tcp": ("tcp", "tls"), "udp": ("udp", "udp")}.get(
        body["protocols"][0], ("http", "https")
    )
    scheme = names[bool(body["tls"])]
    return f"{scheme}://127.0.0.1:{listening.getsockname()[1]}"


def _stop_all() -> None:
    """Stop before the interpreter ends: a thread that needs it would otherwise never come back."""
    for gateway in list(_RUNNING):
        gateway.stop()


atexit.register(_stop_all)
os.register_at_fork(after_in_child=_RUNNING.clear)
