"""Reads what is sent as JSON, strictly and within bounds (I11)."""

import json
from http import HTTPStatus
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect, Request

from penstock.admin.problem_answer import Bad

LARGEST = 10 * 1024 * 1024
"""Bytes of a body, as of a configuration file."""
_DEEPEST = 64
"""Levels of lists and mappings in each other; no resource has ten."""


async def read_json(request: Request, *media_types: str) -> Any:
    """The data of a request's body.

    Raises: Bad if it is of another type, too large, or no JSON that means one thing only.
    """
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in media_types:
        raise Bad(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send the body as {' or '.join(media_types)}")
    return parse(await _body(request))


def parse(body: bytes) -> Any:
    """The data that a text of JSON stands for.

    Raises: Bad.
    """
    try:
        data = json.loads(
            body.decode(), object_pairs_hook=_mapping, parse_constant=_no_number, parse_float=_finite, parse_int=_number
        )
    except UnicodeDecodeError:
        raise Bad(HTTPStatus.BAD_REQUEST, "the body is not UTF-8 text") from None
    except RecursionError:
        _too_deep()
    except ValueError as problem:
        raise Bad(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {problem}") from None
    _check_depth(data, _DEEPEST)
    return data


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST:
                raise Bad(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {LARGEST // 1024 // 1024} MiB")
    except ClientDisconnect:
        raise Bad(HTTPStatus.BAD_REQUEST, "the body is not whole") from None
    return bytes(body)


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:80]!r} is there twice")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise ValueError(f"the number {text[:80]} is too large")
    return number


def _number(text: str) -> int:
    # Long ones take a time that grows faster than they do.
    if len(text) > len(str(2**64)):
        raise ValueError(f"the number {text[:80]} is too large")
    return int(text)


def _check_depth(data: Any, left: int) -> None:
    if not isinstance(data, dict | list):
        return
    if left == 0:
        _too_deep()
    for item in data.values() if isinstance(data, dict) else data:
        _check_depth(item, left - 1)


def _too_deep() -> NoReturn:
    raise Bad(HTTPStatus.BAD_REQUEST, f"lists and mappings lie in each other more than {_DEEPEST} deep")
