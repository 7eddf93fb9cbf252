"""What the admin API can be asked: one list, from which routes and their description are made."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from penstock.admin.problem_answer import Bad
from penstock.admin.verb import Verb
from penstock.runtime.supervisor import Supervisor

Schema = Mapping[str, Any]
TEXT: Schema = {"type": "string"}
LARGEST_NUMBER = 2**53
"""The largest number that every reader of JSON knows exactly."""
_LONGEST_NUMBER = 18
FLAG: Schema = {"type": "string", "enum": ["true", "false"]}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query, or a field of the head."""

    name: str
    description: str
    schema: Schema = field(default_factory=lambda: TEXT)
    place: str = "query"


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing to ask for. What is `is_open` needs no token, or none on loopback.

    Whoever may do something with some resources only, those of a namespace for one, is let through where it
    `is_scoped`: then it asks for each resource itself.

    Shape: `verb` is what whoever asks must be allowed to do, nothing where being known is enough; `answers` are the
    statuses that it may answer with, and what each means; `body` is the schema of what is sent.
    """

    method: str
    path: str
    summary: str
    answer: Callable[[Request], Awaitable[Response]]
    answers: Mapping[int, str]
    parameters: tuple[Parameter, ...] = ()
    body: Schema | None = None
    body_type: str = "application/json"
    verb: Verb | None = field(kw_only=True)
    is_scoped: bool = False
    is_open: bool = False
    is_open_on_loopback: bool = False


def supervisor_of(request: Request) -> Supervisor:
    """The gateway that is asked."""
    found: Supervisor = request.app.state.supervisor
    return found


def flag(request: Request, name: str) -> bool:
    """A parameter that says yes or no.

    Raises: Bad if it says neither.
    """
    text = request.query_params.get(name, "false")
    if text not in {"true", "false"}:
        raise Bad(HTTPStatus.BAD_REQUEST, f"{name}: write true or false")
    return text == "true"


def number(request: Request, name: str, usual: int) -> int:
    """A parameter that is a number.

    Raises: Bad if it is none.
    """
    given = request.query_params.get(name)
    return usual if given is None else parsed_number(given, name)


def parsed_number(text: str, name: str) -> int:
    """The number that a text is.

    Raises: Bad if it is none.
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER) or int(text) > LARGEST_NUMBER:
        raise Bad(HTTPStatus.BAD_REQUEST, f"{name}: write a number")
    return int(text)


def bounded(query: Mapping[str, str], name: str, usual: int, most: int) -> int:
    """A parameter of a query that is a number from 1 to the most there may be.

    Raises: Bad if it is none.
    """
    text = query.get(name, str(usual))
    is_number = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER
    if not is_number or not 1 <= int(text) <= most:
        raise Bad(HTTPStatus.BAD_REQUEST, f"{name}: write a number from 1 to {most}")
    return int(text)
