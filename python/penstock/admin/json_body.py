"""Reads what is sent as JSON, strictly and within bounds (I11)."""

import asyncio
from http import HTTPStatus
from typing import Any

from starlette.requests import ClientDisconnect, Request

from penstock.admin.problem_answer import Bad
from penstock.model.loading.tree import Malformed
from penstock.model.loading.tree import read_json as read_strictly

_SECONDS = 60.0
"""Time for a body to come."""
LARGEST = 10 * 1024 * 1024
"""Bytes of a body, as of a configuration file."""


async def read_json(request: Request, *media_types: str, largest: int = LARGEST) -> Any:
    """The data of a request's body.

    Raises: Bad if it is of another type, too large, or no JSON that means one thing only.
    """
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in media_types:
        raise Bad(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send the body as {' or '.join(media_types)}")
    return parse(await _body(request, largest))


def parse(body: bytes) -> Any:
    """The data that a text of JSON stands for, read as strictly as configuration files are.

    Raises: Bad.
    """
    try:
        return read_strictly(body.decode())
    except UnicodeDecodeError:
        raise Bad(HTTPStatus.BAD_REQUEST, "the body is not UTF-8 text") from None
    except Malformed as problem:
        raise Bad(HTTPStatus.BAD_REQUEST, f"the body cannot be read: {problem.message}") from None


async def _body(request: Request, largest: int) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > largest:
                    told = f"{largest // 1024 // 1024} MiB" if largest == LARGEST else f"{largest} bytes"
                    raise Bad(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {told}")
    except TimeoutError:
        raise Bad(HTTPStatus.REQUEST_TIMEOUT, f"a body comes within {_SECONDS:g} s") from None
    except ClientDisconnect:
        raise Bad(HTTPStatus.BAD_REQUEST, "the body is not whole") from None
    return bytes(body)
