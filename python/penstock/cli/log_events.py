"""What a gateway tells of requests as they come, through upgrades and restarts of it."""

import argparse
import http.client
import json
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

from penstock.cli.answers import Refused
from penstock.cli.gateway_client import NoGateway, address_of

_SILENT_SECONDS = 30.0
"""A gateway says every few seconds that it is there."""
_AGAIN_SECONDS = 0.2
_PATIENCE_SECONDS = 30.0
"""Time for a gateway that has gone to come back."""


def events(options: argparse.Namespace, query: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Events by name, for as long as a gateway is there that tells any; one that has gone may come back.

    Raises: NoGateway, Refused.
    """
    gone: float | None = None
    while True:
        try:
            stream, answer = _opened(options, query)
        except NoGateway:
            if gone is None or time.monotonic() - gone > _PATIENCE_SECONDS:
                raise
        else:
            gone = None
            with stream, answer:
                yield from _events(answer)
            print("penstock: the gateway has ended the stream; asking again", file=sys.stderr)
        gone = time.monotonic() if gone is None else gone
        time.sleep(_AGAIN_SECONDS)


def _opened(options: argparse.Namespace, query: str) -> tuple[socket.socket, http.client.HTTPResponse]:
    """A stream that has begun.

    Raises: NoGateway, Refused.
    """
    address = address_of(options)
    stream = address.connect(_SILENT_SECONDS)
    try:
        stream.sendall(f"GET /api/v1/logs?{query} HTTP/1.1\r\n{address.head}\r\n".encode())
        answer = http.client.HTTPResponse(stream)
        answer.begin()
    except (OSError, http.client.HTTPException) as problem:
        stream.close()
        raise NoGateway(f"no gateway answers at {address}: {str(problem).lower() or 'it has gone'}") from None
    except BaseException:
        stream.close()
        raise
    if answer.status != http.HTTPStatus.OK:
        with stream, answer:
            raise Refused(_refusal(answer))
    return stream, answer


def _refusal(answer: http.client.HTTPResponse) -> dict[str, Any]:
    try:
        told = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        told = None
    return told if isinstance(told, dict) and "detail" in told else {"detail": f"{answer.status} {answer.reason}"}


def _events(answer: http.client.HTTPResponse) -> Iterator[tuple[str, dict[str, Any]]]:
    name = ""
    try:
        for line in answer:
            word, _, rest = line.decode().rstrip("\n").partition(": ")
            if word == "event":
                name = rest
            elif word == "data":
                yield name, json.loads(rest)
    except (OSError, http.client.HTTPException, ValueError):
        return  # it ended in the middle
