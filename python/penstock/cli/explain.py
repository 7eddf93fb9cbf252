"""`penstock explain`: what becomes of a request, and why."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from penstock.cli.command import FAILED, FINE, Command, add_output
from penstock.cli.configuration import add_configuration, print_problems, read_configuration


def add_options(parser: argparse.ArgumentParser) -> None:
    """The configuration and the request."""
    add_configuration(parser)
    parser.add_argument("method", metavar="METHOD", help="method of the request: GET")
    parser.add_argument("url", metavar="URL", help="http://host/path")
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
    add_output(parser, "text", "json")


def run(options: argparse.Namespace) -> int:
    """Print the explanation; fails if no route serves the request."""
    from penstock.runtime.explanation import explain

    configuration = read_configuration(options.configuration)
    if not configuration.is_usable:
        print_problems(configuration.problems, options.output)
        return FAILED
    request = {"method": options.method, "url": options.url, "headers": options.header}
    given = {"from": options.client, "listener": options.listener}
    try:
        explained = explain(
            configuration.compiled.plan, {**request, **{name: value for name, value in given.items() if value}}
        )
    except ValueError as problem:
        print(f"penstock: {problem}", file=sys.stderr)
        return FAILED
    print(json.dumps(explained, indent=2) if options.output == "json" else "\n".join(lines(explained)))
    # `OPTIONS *` is answered without a route.
    return FINE if explained["chosen"] or explained["status"] == HTTPStatus.OK else FAILED


def lines(explained: Mapping[str, Any]) -> Iterator[str]:
    """The explanation as people read it."""
    yield f"listener  {explained['listener']}"
    yield f"host      {explained['host']}"
    yield f"path      {explained['path']}"
    if explained["before"] is not None:
        yield f"before    {explained['before']} answers: no route is looked for"
    for route in explained["routes"]:
        yield f"route     {route['name']}: {route['verdict']}{_failed(route.get('failed'))}"
    chosen = explained["chosen"]
    if chosen:
        yield from _chosen(chosen)
    if explained.get("status"):
        yield f"status    {explained['status']} from the gateway itself"
    if explained["allow"]:
        yield f"allow     {explained['allow']}"


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
    return f"{step['name']}{'' if step['runs'] else ' (its condition does not hold)'}"


def _failed(failed: Mapping[str, Any] | None) -> str:
    if not failed:
        return ""
    name = f" {failed['name']}" if failed.get("name") else ""
    found = f", found {failed['found']}" if failed.get("found") is not None else ""
    return f" by {failed['condition']}{name}: expected {failed.get('expected')}{found}"


def _header(text: str) -> list[str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r}: write a header as 'name: value'")
    return [name.strip(), value.strip()]


COMMAND = Command(add_options, run)
