"""`penstock explain`: what becomes of a request, and why."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from penstock.cli.colours import complain
from penstock.cli.command import FAILED, FINE, Command
from penstock.cli.configuration import Configuration, add_configuration, print_problems, read_rehearsal
from penstock.cli.output import add_output, show
from penstock.cli.table import table
from penstock.cli.words import counted

_MOST_ROUTES = 30
"""Routes that are all told: about a screen."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The configuration and the request."""
    add_configuration(parser)
    parser.add_argument("method", metavar="METHOD", help="method of the request: GET")
    parser.add_argument(
        "url",
        metavar="URL",
        help="/path, http://host/path, https://host/path, tls://host:port, tcp://host:port or udp://host:port",
    )
    parser.add_argument(
        "-H",
        "--header",
        type=_header,
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="a header; may repeat",
    )
    parser.add_argument("--from", dest="client", metavar="IP", help="the client's address; default: 127.0.0.1")
    parser.add_argument("--listener", metavar="NAME", help="the listener; default: the one with the URL's port")
    _add_handshake(parser)
    add_output(parser)


def _add_handshake(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tls-name", metavar="HOST", help="the host asked for in the handshake; default: the URL's")
    parser.add_argument("--tls-version", choices=("1.2", "1.3"), help="the version of TLS; default: 1.3")
    parser.add_argument(
        "--tls-protocol",
        metavar="NAME",
        help="the protocol offered: h3, h2 or http/1.1; default: what the listener prefers",
    )
    parser.add_argument(
        "--tls-client",
        type=_client_field,
        action="append",
        default=[],
        metavar="FIELD=TEXT",
        help="what the client's certificate says, as in subject=CN=alice; may repeat",
    )


def run(options: argparse.Namespace) -> int:
    """Print the explanation; fails if no route serves the request."""
    from penstock.runtime.explanation import explain

    configuration = read_rehearsal(options.configuration)
    if not configuration.is_usable:
        print_problems(configuration.problems, options.output)
        return FAILED
    request = {"method": options.method, "url": options.url, "headers": options.header}
    given = {"from": options.client, "listener": options.listener, "tls": _handshake(options)}
    try:
        explained = explain(
            configuration.compiled.plan, {**request, **{name: value for name, value in given.items() if value}}
        )
    except ValueError as problem:
        complain(problem)
        return FAILED
    if note := _elsewhere(configuration, options, explained["listener"]):
        complain(note)
    show(options, explained, lambda: lines(explained))
    # `OPTIONS *` is answered without a route.
    return FINE if explained["chosen"] or explained["status"] == HTTPStatus.OK else FAILED


def _handshake(options: argparse.Namespace) -> dict[str, Any]:
    said = {
        "name": options.tls_name,
        "version": options.tls_version,
        "protocol": options.tls_protocol,
        "client": options.tls_client or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def lines(explained: Mapping[str, Any]) -> Iterator[str]:
    """The explanation as people read it: the request, the routes that were tried, and what the chosen one does."""
    yield f"listener  {explained['listener']}"
    if explained["tls"]:
        yield from _shaken(explained["tls"])
    yield from (f"{name:8}  {explained[name]}" for name in ("host", "path") if explained[name])
    if explained["before"] is not None:
        yield f"before    {explained['before']} answers: no route is looked for"
    yield ""
    if explained["routes"]:
        yield from _routes(explained["routes"])
        yield ""
    yield from _outcome(explained)


def _outcome(explained: Mapping[str, Any]) -> Iterator[str]:
    """What becomes of it."""
    chosen = explained["chosen"]
    if not explained["path"]:
        carried = f"route     {chosen['route']} carries its bytes as they are" if chosen else ""
        yield carried or "closed    no route carries it"
    if chosen:
        yield from _chosen(chosen)
    if explained.get("status"):
        yield f"status    {explained['status']} from the gateway itself"
    if explained["allow"]:
        yield f"allow     {explained['allow']}"


def _shaken(tls: Mapping[str, Any]) -> Iterator[str]:
    """The handshake: what was asked for, what is shown and agreed on, or why it is refused."""
    asked = tls["name"] or "no name"
    if tls["refused"]:
        yield f"tls       {asked}: the handshake is refused, {tls['refused']}"
    else:
        agreed = f"TLS {tls['version']}" + (f", {tls['protocol']}" if tls["protocol"] else "")
        yield f"tls       {asked}: certificate {tls['certificate']}, {agreed}"


def _routes(routes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The routes as a table; of very many, those that are for another host or path are only counted."""
    from penstock.runtime.explanation import why_not

    shown = routes if len(routes) <= _MOST_ROUTES else [route for route in routes if not _is_elsewhere(route)]
    yield from table(
        ("ROUTE", "VERDICT", "WHY"), [(route["name"], route["verdict"], why_not(route)) for route in shown]
    )
    if len(shown) < len(routes):
        yield f"{counted(len(routes) - len(shown), 'route')} for other hosts and paths; `-o json` lists all"


def _is_elsewhere(route: Mapping[str, Any]) -> bool:
    return (route.get("failed") or {}).get("condition") in {"host", "path"}


def _elsewhere(configuration: Configuration, options: argparse.Namespace, listener: str) -> str:
    """What is to be said where no listener has the URL's port; empty otherwise."""
    try:
        port = urlsplit(options.url).port
    except ValueError:
        return ""
    body = configuration.compiled.plan["parts"][f"listener/{listener}"]["body"]
    address = body["address"] if body["kind"] == "listener" else ""
    if options.listener or port is None or address.endswith(f":{port}"):
        return ""
    return f"no listener is on port {port}; this is what {listener} on {address} would do"


def _chosen(chosen: Mapping[str, Any]) -> Iterator[str]:
    for name, value in (chosen.get("params") or {}).items():
        yield f"parameter {name} = {value}"
    for step in chosen.get("steps") or ():
        yield f"step      {_step(step)}"
    if chosen.get("upstream"):
        yield f"upstream  {chosen['upstream']}"
    if chosen.get("endpoint"):
        yield f"endpoint  {chosen['endpoint']}"


def _step(step: Mapping[str, Any]) -> str:
    does = f": {step['destination']}" if step.get("destination") else ""
    return f"{step['name']}{does}{'' if step['runs'] else ' (its condition does not hold)'}"


def _header(text: str) -> list[str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r}: write a header as 'name: value'")
    return [name.strip(), value.strip()]


def _client_field(text: str) -> list[str]:
    field, equals, value = text.partition("=")
    if not equals or not field:
        raise argparse.ArgumentTypeError(f"{text!r}: write it as FIELD=TEXT")
    return [field, value]


COMMAND = Command(add_options, run)
