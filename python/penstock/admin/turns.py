"""Who may write next: floods of writes wait or are told to come again, and keep nobody else out (G14)."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from penstock.admin.access.permission import principal_of
from penstock.admin.access.principal import Principal
from penstock.admin.operation import Operation
from penstock.admin.problem_answer import problem_answer
from penstock.admin.verb import Verb

WRITES = frozenset({Verb.WRITE, Verb.DELETE})
"""What is done in turn; whoever drains, rolls back or takes rights away does not wait."""


class Crowded(Exception):  # noqa: N818 - says what is the case
    """So many writes wait that this one may not."""


@dataclass(slots=True)
class Turns:
    """Gives turns to writers, one after the other among those who want them, however many writes each has.

    What waits was not read yet, so that it takes no more than a connection. Where all places are taken, whoever has
    most of them loses one to somebody with fewer.
    """

    most: int = 8
    """Writes under way: they wait for each other and for the workers, so that few more at once do no more."""
    most_of_one: int = 4
    most_waiting: int = 512
    most_waiting_of_one: int = 128
    _under_way: Counter[str] = field(default_factory=Counter)
    _waiting: "dict[str, deque[asyncio.Future[None]]]" = field(default_factory=dict)
    """By writer; whose turn comes first is first."""

    @asynccontextmanager
    async def of(self, writer: str) -> AsyncIterator[None]:
        """A turn of a writer, as soon as there is one.

        Raises: Crowded.
        """
        coming = self._wait(writer)
        self._give()
        try:
            await coming
        except BaseException:
            self._leave(writer, coming)
            raise
        try:
            yield
        finally:
            self._under_way[writer] -= 1
            self._give()

    def _wait(self, writer: str) -> "asyncio.Future[None]":
        mine = self._waiting.setdefault(writer, deque())
        most = max(self._waiting, key=lambda one: len(self._waiting[one]))
        is_full = sum(map(len, self._waiting.values())) >= self.most_waiting
        if len(mine) >= self.most_waiting_of_one or (is_full and len(self._waiting[most]) <= len(mine) + 1):
            if not mine:
                del self._waiting[writer]
            raise Crowded
        if is_full:
            self._waiting[most].pop().set_exception(Crowded())
        coming: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        mine.append(coming)
        return coming

    def _give(self) -> None:
        while self._under_way.total() < self.most:
            writer = next((one for one in self._waiting if self._under_way[one] < self.most_of_one), None)
            if writer is None:
                return
            waiting = self._waiting.pop(writer)
            coming = waiting.popleft()
            if not coming.done():  # else whoever wanted it has gone
                coming.set_result(None)
                self._under_way[writer] += 1
            if waiting:
                # Behind all others.
                self._waiting[writer] = waiting

    def _leave(self, writer: str, coming: "asyncio.Future[None]") -> None:
        """Whoever was told to come again, or wants no turn any more."""
        if coming.done() and not coming.cancelled() and coming.exception() is None:
            self._under_way[writer] -= 1
            self._give()
            return
        waiting = self._waiting.get(writer)
        if waiting is not None:
            with suppress(ValueError):
                waiting.remove(coming)
            if not waiting:
                del self._waiting[writer]


def in_turn(operation: Operation, turns: Turns) -> Operation:
    """The operation, done in turn where it writes."""
    if operation.verb not in WRITES:
        return operation

    async def answer(request: Request) -> Response:
        try:
            async with turns.of(_writer(principal_of(request))):
                return await operation.answer(request)
        except Crowded:
            detail = "too many writes wait already; send this one again"
            return problem_answer(HTTPStatus.TOO_MANY_REQUESTS, detail, headers={"retry-after": "1"})

    return replace(operation, answer=answer)


def _writer(principal: Principal) -> str:
    """Whose writes are counted together: those of a namespace's are one, by whichever token."""
    return f"namespace {principal.within[0]}" if principal.within else f"{principal.way} {principal.name}"
