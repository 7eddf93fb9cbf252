"""Sends the requests of tests through a gateway of their own, whose upstreams are played; in the child that may."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from penstock.compiler.compiled import part_of
from penstock.runtime.embedded import start_worker
from penstock.runtime.trial.playing import PlayedUpstreams
from penstock.runtime.trial.sending import SOURCE, send

_UPSTREAM = "upstream/"
_NOWHERE = "unix:/nonexistent"
"""Where the endpoints of upstreams lie that no test should reach."""
_PROXIES = "ForwardProxy"
_GRACE_MS = 0


def run_all(
    parts: Mapping[str, Any], secrets: Mapping[str, Any], asked: Sequence[Mapping[str, Any]], state_folder: Path
) -> dict[str, Any]:
    """What becomes of each request, by the names of their tests."""
    reached = sorted({key for one in asked for key in _upstreams(parts, one)})
    with PlayedUpstreams(key.removeprefix(_UPSTREAM) for key in reached) as played:
        worker, urls = start_worker(dict(_played(parts, played.ports)), secrets, state_folder)
        try:
            return {one["name"]: _run(one, parts, played, urls) for one in asked}
        finally:
            worker.stop(_GRACE_MS)


def _run(
    asked: Mapping[str, Any], parts: Mapping[str, Any], played: PlayedUpstreams, urls: Mapping[str, str]
) -> dict[str, Any]:
    if asked["shows_certificate"]:
        return {"problem": "a client's certificate cannot be shown in a run; expect only what the router decides"}
    if any(step["filter"] == _PROXIES for step in _steps(parts, asked)):
        return {"problem": "a forward proxy asks whom it likes, and is not run; expect only what the router decides"}
    played.play(asked["answers"])
    answer = send(asked, urls[asked["listener"]])
    return {**answer, "arrivals": list(played.arrivals)}


def _steps(parts: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The steps that a request may meet."""
    listener = parts[f"listener/{asked['listener']}"]["body"]
    yield from (*listener["before"], *listener["after"])
    if asked["route"]:
        yield from parts[parts[f"route/{asked['route']}"]["body"]["pipeline"]]["body"]["steps"]


def _upstreams(parts: Mapping[str, Any], asked: Mapping[str, Any]) -> set[str]:
    """The upstreams that a request may be sent to."""
    return {key for step in _steps(parts, asked) for key in _texts(step["settings"]) if key in parts}


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str) and data.startswith(_UPSTREAM):
        yield data
    elif isinstance(data, dict | list):
        for item in data.values() if isinstance(data, dict) else data:
            yield from _texts(item)


def _played(parts: Mapping[str, Any], ports: Mapping[str, int]) -> Iterable[tuple[str, Any]]:
    """The parts with listeners that believe who the client is, and endpoints that are played."""
    for key, part in parts.items():
        body = part["body"]
        if key.startswith("listener/") and not {"tls", "tcp", "udp"} & set(body["protocols"]):
            trusted = [*body["trusted_proxies"], f"{SOURCE}/32"]
            changed = {"protocols": ["http1"], "proxy_protocol": "require", "trusted_proxies": trusted}
            yield key, _part({**body, **changed})
        elif key.startswith(_UPSTREAM):
            yield key, _part(_upstream(body, ports.get(key.removeprefix(_UPSTREAM))))
        elif not key.startswith(("telemetry/", "names/")):
            yield key, part


def _part(body: Any) -> Any:
    return part_of(body)


def _upstream(body: Mapping[str, Any], port: int | None) -> Any:
    address = f"127.0.0.1:{port}" if port else _NOWHERE
    endpoints = [{**endpoint, "address": address, "is_tls": False} for endpoint in body["endpoints"]]
    plain = {"protocol": "http1", "tls": None, "ping": None, "proxy_protocol": "off"}
    return {**body, **plain, "endpoints": endpoints}
