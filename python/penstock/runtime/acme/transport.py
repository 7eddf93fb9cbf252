"""One request to an authority and its answer: over TLS, within a time, to nowhere else than where it was asked."""

import asyncio
import contextlib
import json
import re
import ssl
import threading
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException, HTTPMessage
from typing import IO, Any, TypeVar
from urllib.error import HTTPError, URLError

_SECONDS = 10.0
_LARGEST = 1024 * 1024
_LONGEST_PROBLEM = 500
_Result = TypeVar("_Result")


class Failed(Exception):  # noqa: N818 - says what is the case
    """An order that came to nothing; the text says why. `pause` is for how long nothing more is to be asked."""

    def __init__(self, message: str, kind: str = "", pause: float = 0.0) -> None:
        plain = "".join(one if one.isprintable() else " " for one in message)
        super().__init__(plain[:_LONGEST_PROBLEM])
        self.kind = kind
        self.pause = pause


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    fields: Mapping[str, str]
    text: str

    @property
    def data(self) -> dict[str, Any]:
        """The mapping that it is.

        Raises: Failed if it is none.
        """
        try:
            found = json.loads(self.text)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Failed("the authority answers with something else than a mapping")
        return found

    @property
    def pause(self) -> float:
        """For how long it asks to be left alone; 0 where it does not say so in seconds."""
        asked = self.fields.get("retry-after", "")
        return float(asked) if re.fullmatch(r"\d{1,7}", asked) else 0.0


class _NowhereElse(urllib.request.HTTPRedirectHandler):
    def redirect_request(  # noqa: PLR0913, PLR0917 - the signature of the method it replaces
        self,
        req: urllib.request.Request,  # noqa: ARG002
        fp: IO[bytes],  # noqa: ARG002
        code: int,  # noqa: ARG002
        msg: str,  # noqa: ARG002
        headers: HTTPMessage,  # noqa: ARG002
        newurl: str,  # noqa: ARG002
    ) -> None:
        return None


@dataclass(slots=True)
class Transport:
    """Asks an authority; `ca` are those who may have signed its certificate, absent: whom the machine trusts.

    Raises: Failed if those cannot be read.
    """

    ca: str | None
    _opener: urllib.request.OpenerDirector | None = None

    async def ask(self, method: str, url: str, body: bytes | None = None, accept: str = "application/json") -> Answer:
        """The answer to a request, good or not.

        Raises: Failed if there is none.
        """
        return await apart(lambda: self._ask(method, url, body, accept))

    def _ask(self, method: str, url: str, body: bytes | None, accept: str) -> Answer:
        if not url.startswith("https://"):
            raise Failed(f"the authority leads to {url[:80]!r}, which is not https")
        fields = {"accept": accept, "content-type": "application/jose+json", "user-agent": "penstock"}
        request = urllib.request.Request(url, body, fields, method=method)  # noqa: S310 - checked above
        try:
            with self._opened().open(request, timeout=_SECONDS) as answer:
                return _answer(answer.status, answer.headers, answer)
        except HTTPError as answer:
            with answer:
                return _answer(answer.code, answer.headers, answer)
        except (OSError, ValueError, HTTPException) as problem:
            raise Failed(f"{url}: {_words(problem)}") from None

    def _opened(self) -> urllib.request.OpenerDirector:
        if self._opener is None:
            try:
                context = ssl.create_default_context(cadata=self.ca)
            except ssl.SSLError:
                raise Failed("`ca` holds no certificates in PEM") from None
            self._opener = urllib.request.build_opener(_NowhereElse, urllib.request.HTTPSHandler(context=context))
        return self._opener


def _answer(status: int, fields: Message, body: IO[bytes]) -> Answer:
    text = body.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise ValueError("an answer of more than 1 MiB")
    return Answer(status, {name.lower(): value for name, value in fields.items()}, text.decode(errors="replace"))


def _words(problem: Exception) -> str:
    reason = problem.reason if isinstance(problem, URLError) else problem
    if isinstance(reason, TimeoutError):
        return f"no answer within {_SECONDS:g} s"
    return (reason.strerror if isinstance(reason, OSError) else None) or str(reason) or type(reason).__name__


async def apart(work: Callable[[], _Result]) -> _Result:
    """What some work gives that waits, on a thread of its own that holds up no end of the process."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_Result] = loop.create_future()

    def settle(result: _Result | None, problem: BaseException | None) -> None:
        if future.done():
            return
        if problem is not None:
            future.set_exception(problem)
        else:
            future.set_result(result)  # type: ignore[arg-type] # what the work gave

    def run() -> None:
        result, problem = None, None
        try:
            result = work()
        except Exception as found:  # noqa: BLE001 - whoever waits is told
            problem = found
        # Nobody waits any more where the loop has ended.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, problem)

    threading.Thread(target=run, name="acme", daemon=True).start()
    return await future
