"""Tags of what was seen, and requests that hold only where nothing has changed since (I14)."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from penstock.admin.operation import Parameter
from penstock.admin.problem_answer import Bad
from penstock.store import Conflict

ABSENT = 0
"""The revision of what is not there."""
IF_MATCH = Parameter("if-match", "The tag of what was seen: 412 where it has changed since.", place="header")
ABSENT_ONLY = Parameter("if-none-match", "`*`: 412 where there is one already.", place="header")
_ATTEMPTS = 5


def tag(revision: int) -> str:
    """The tag of something that a revision has changed last."""
    return f'"{revision}"'


def expected(request: Request, key: str) -> dict[str, int]:
    """The revision at which an entry has to be for a request to hold, if it says so.

    Raises: Bad.
    """
    given = request.headers.get("if-match")
    if request.headers.get("if-none-match") == "*":
        return {key: ABSENT}
    if given is None:
        return {}
    number = given.strip('"')
    if not (number.isascii() and number.isdecimal()) or len(number) > len(str(2**63)):
        raise Bad(HTTPStatus.BAD_REQUEST, 'If-Match: write the tag that was given, such as "12"')
    return {key: int(number)}


async def until_kept(request: Request, change: Callable[[], Awaitable[Response]]) -> Response:
    """The answer to a change; one that asks for nothing in particular is made upon what others made at the same moment.

    Raises: Conflict.
    """
    attempts = 1 if {"if-match", "if-none-match"} & set(request.headers) else _ATTEMPTS
    for _ in range(attempts - 1):
        try:
            return await change()
        except Conflict:
            continue
    return await change()
