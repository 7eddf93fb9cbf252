"""What the admin API can be asked: one list, from which routes and their description are made."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from penstock.runtime.supervisor import Supervisor

Schema = Mapping[str, Any]
TEXT: Schema = {"type": "string"}
LARGEST_NUMBER = 2**53
"""The largest number that every reader of JSON knows exactly."""
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

    Shape: `answers` are the statuses that it may answer with, and what each means; `body` is the schema of what is
    sent.
    """

    method: str
    path: str
    summary: str
    answer: Callable[[Request], Awaitable[Response]]
    answers: Mapping[int, str]
    parameters: tuple[Parameter, ...] = ()
    body: Schema | None = None
    body_type: str = "application/json"
    is_open: bool = False
    is_open_on_loopback: bool = False


def supervisor_of(request: Request) -> Supervisor:
    """The gateway that is asked."""
    found: Supervisor = request.app.state.supervisor
    return found
