"""Asks a running gateway: over its socket, or where a context says."""

import argparse
import json
import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any

from penstock.cli.gateway_address import Address, NoGateway, checked_server, token_of_environment

__all__ = [
    "NoGateway",
    "add_gateway",
    "add_store_key",
    "address_of",
    "ask",
    "exchange",
    "is_elsewhere",
    "place_of",
    "store_key",
]
_SECONDS = 30.0
_TESTED_SECONDS = 150.0
"""Longer than the tests of a configuration may take, for which a change waits."""
_SOCKET = "admin.sock"
_WHERE_TOKENS_ARE = "it is read from $PENSTOCK_TOKEN, or the `token_file` of the context"
_ELSEWHERE = "one that was started with --state-dir is found by the same flag"


def add_gateway(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say which gateway is meant; with neither, the only one that runs."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("-c", "--configuration", type=Path, metavar="FILE|DIR", help="the configuration it runs with")
    which.add_argument("--state-dir", type=Path, metavar="DIR", help="the state folder it runs with")
    which.add_argument("--context", metavar="NAME", help="the context that names it; see `penstock context`")
    which.add_argument("--server", metavar="URL", help="its address; the token is in $PENSTOCK_TOKEN")
    parser.add_argument(
        "--authority", type=Path, metavar="FILE", help="certificates that may have signed the gateway's"
    )


def add_store_key(parser: argparse.ArgumentParser) -> None:
    """Adds the flag that names the keys of the store."""
    parser.add_argument(
        "--store-key", type=Path, metavar="FILE", help="keys that seal the store; default: $PENSTOCK_STORE_KEY, or none"
    )


def store_key(options: argparse.Namespace) -> Path | None:
    """The file of the store's keys, if there is one and the command asks for it."""
    named = getattr(options, "store_key", None) or os.environ.get("PENSTOCK_STORE_KEY")
    return Path(named) if named else None


def ask(
    options: argparse.Namespace,
    method: str,
    path: str,
    data: Any = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Any:
    """The data that the gateway answers with; what is sent to it, if anything, is sent as JSON, bytes as they are.

    Raises: NoGateway.
    """
    address = address_of(options)
    answer = exchange(address, method, path, data, headers)
    if not address.path and isinstance(answer, dict) and answer.get("status") == HTTPStatus.UNAUTHORIZED:
        return {**answer, "detail": f"{answer['detail']}; {_WHERE_TOKENS_ARE}"}
    return answer


def address_of(options: argparse.Namespace) -> Address:
    """Where the gateway is that is meant: as flags say, else the environment, else the context in use, else what runs.

    Raises: NoGateway.
    """
    far = _far(options)
    if far is None:
        return Address(_place(options))
    token = token_of_environment()
    authority = getattr(options, "authority", None)
    return replace(far, token=token or far.token, authority=authority or far.authority)


def place_of(options: argparse.Namespace) -> Path:
    """The state folder of the gateway that is meant, whether it runs or not.

    Raises: NoGateway if none is named and not exactly one runs.
    """
    from penstock.runtime.state_folder import default_state_folder

    if options.configuration:
        return default_state_folder(["run", str(options.configuration.absolute())])
    far = _far(options)
    if far is not None:
        raise NoGateway(f"what is asked for lies in the state folder, and {far} is elsewhere; name one by --state-dir")
    return _place(options).parent


def is_elsewhere(options: argparse.Namespace) -> bool:
    """Whether the gateway that is meant is reached otherwise than over its socket or its store.

    Raises: NoGateway.
    """
    return not getattr(options, "etcd", None) and _far(options) is not None


def _far(options: argparse.Namespace) -> Address | None:
    """The address of a gateway that is reached otherwise than by a socket of this machine."""
    if options.configuration or options.state_dir:
        return None
    server = getattr(options, "server", None) or os.environ.get("PENSTOCK_SERVER", "")
    name = getattr(options, "context", None)
    try:
        if server and not name:
            return Address(server=checked_server(server))
    except ValueError as problem:
        raise NoGateway(str(problem)) from None
    name = name or os.environ.get("PENSTOCK_CONTEXT", "")
    if not name and os.environ.get("PENSTOCK_STATE_DIR"):
        return None
    from penstock.cli.contexts import contexts_file, read_contexts

    if not name and not contexts_file().exists():
        return None
    contexts = read_contexts()
    name = name or contexts.current
    return contexts.named(name).address() if name else None


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
        configuration = exchange(Address(place), "GET", "/-/status")["configuration"]
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


def exchange(
    address: Address, method: str, path: str, data: Any = None, headers: Mapping[str, str] = MappingProxyType({})
) -> Any:
    """The data that a gateway answers with.

    Raises: NoGateway.
    """
    content = data if isinstance(data, bytes) else b"" if data is None else json.dumps(data).encode()
    described = "" if data is None else f"content-length: {len(content)}\r\n"
    described += "" if data is None or isinstance(data, bytes) else "content-type: application/json\r\n"
    described += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"{method} {path} HTTP/1.1\r\n{address.head}{described}\r\n"
    try:
        with address.connect(_TESTED_SECONDS if "test=true" in path else _SECONDS) as stream:
            stream.sendall(request.encode() + content)
            with stream.makefile("rb") as answered:
                head, _, body = answered.read().partition(b"\r\n\r\n")
    except OSError as problem:
        raise NoGateway(f"no gateway answers at {address}: {(problem.strerror or str(problem)).lower()}") from None
    try:
        return json.loads(body)
    except ValueError:
        status_line = head.decode("latin-1").partition("\r\n")[0]
        raise NoGateway(f"{address}: {status_line or 'it has answered nothing'}") from None
