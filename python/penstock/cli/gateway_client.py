"""Asks a running gateway over its socket."""

import argparse
import json
import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_SECONDS = 30.0
_SOCKET = "admin.sock"
_ELSEWHERE = "one that was started with --state-dir is found by the same flag"


class NoGateway(Exception):  # noqa: N818 - says what is the case
    """No gateway to ask; the text says why in one line."""


def add_gateway(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say which gateway is meant; with neither, the only one that runs."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("-c", "--configuration", type=Path, metavar="FILE|DIR", help="the configuration it runs with")
    which.add_argument("--state-dir", type=Path, metavar="DIR", help="the state folder it runs with")


def add_store_key(parser: argparse.ArgumentParser) -> None:
    """Adds the flag that names the keys of the store."""
    parser.add_argument(
        "--store-key", type=Path, metavar="FILE", help="keys that seal the store; default: $PENSTOCK_STORE_KEY, or none"
    )


def store_key(options: argparse.Namespace) -> Path | None:
    """The file of the store's keys, if there is one and the command asks for it."""
    named = getattr(options, "store_key", None) or os.environ.get("PENSTOCK_STORE_KEY")
    return Path(named) if named else None


def ask(options: argparse.Namespace, method: str, path: str, data: Any = None) -> Any:
    """The data that the gateway answers with; what is sent to it, if anything, is sent as JSON.

    Raises: NoGateway.
    """
    return _exchange(_place(options), method, path, data)


def place_of(options: argparse.Namespace) -> Path:
    """The state folder of the gateway that is meant, whether it runs or not.

    Raises: NoGateway if none is named and not exactly one runs.
    """
    from penstock.runtime.state_folder import default_state_folder

    if options.configuration:
        return default_state_folder(["run", str(options.configuration.absolute())])
    return _place(options).parent


def _place(options: argparse.Namespace) -> Path:
    from penstock.runtime.state_folder import default_state_folder

    if options.state_dir:
        return Path(options.state_dir / _SOCKET)
    if options.configuration:
        place = default_state_folder(["run", str(options.configuration.absolute())]) / _SOCKET
        if not place.exists():
            raise NoGateway(f"no gateway runs with {options.configuration}; {_ELSEWHERE}")
        return place
    if os.environ.get("PENSTOCK_STATE_DIR"):
        return default_state_folder([]) / _SOCKET
    running = sorted(_running(default_state_folder([]).parent.glob(f"*/{_SOCKET}")))
    if not running:
        raise NoGateway(f"no gateway runs; {_ELSEWHERE}")
    if len(running) > 1:
        known = "\n".join(f"  {_described(place)}" for place in running)
        raise NoGateway(f"{len(running)} gateways run; name one by -c or --state-dir:\n{known}")
    return running[0]


def _described(place: Path) -> str:
    """The flag by which a gateway is named."""
    try:
        configuration = _exchange(place, "GET", "/-/status")["configuration"]
    except (NoGateway, KeyError, TypeError):
        configuration = None
    return f"-c {configuration}" if configuration else f"--state-dir {place.parent}"


def _running(places: Iterable[Path]) -> Iterable[Path]:
    for place in places:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(place))
            except OSError:
                continue
        yield place


def _exchange(place: Path, method: str, path: str, data: Any = None) -> Any:
    content = b"" if data is None else json.dumps(data).encode()
    described = "" if data is None else f"content-type: application/json\r\ncontent-length: {len(content)}\r\n"
    request = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{described}\r\n"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
            stream.settimeout(_SECONDS)
            stream.connect(str(place))
            stream.sendall(request.encode() + content)
            with stream.makefile("rb") as answered:
                head, _, body = answered.read().partition(b"\r\n\r\n")
    except OSError as problem:
        raise NoGateway(f"no gateway answers at {place}: {(problem.strerror or str(problem)).lower()}") from None
    try:
        return json.loads(body)
    except ValueError:
        status_line = head.decode("latin-1").partition("\r\n")[0]
        raise NoGateway(f"{place}: {status_line}") from None
