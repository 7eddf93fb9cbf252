"""`Probe`: does to a request whatever a test asks for."""

import ctypes
import hashlib
import os
import re
import sys
import threading
import time
from collections.abc import Callable

from penstock.sdk import Field, Filter, FilterConfig, Request, Response

KEPT: list[Request] = []
DENIED = Response(403, headers={"x-reason": "no"}, body="no\n")


class Probe(Filter):
    """Does what its step says."""

    class Config(FilterConfig):
        """What a step may set."""

        does: str = Field(description="Name of the action.")

    results = ("first", "second")

    def on_request(self, request: Request) -> Response | str | None:
        """Run the action."""
        return ACTIONS[self.config.does](request)


class Body(Filter):
    """Answers with what it knows of the body, or changes it."""

    buffers_body = True

    def on_request(self, request: Request) -> Response | None:
        """Look at the body."""
        if request.headers.get("x-change"):
            request.body = request.body[::-1]
            return None
        return Response(200, body=request.body + b"!")


class Stamp(Filter):
    """Works on the answer."""

    def on_response(self, request: Request, response: Response) -> Response | None:
        """Do what the query says."""
        wish = request.query.get("wish")
        response.headers["x-status"] = str(response.status)
        if wish == "body":
            response.status = 201
            response.body = "another body"
        if wish == "replace":
            return Response(418, body="short and stout")
        if wish == "fail":
            raise ValueError(wish)
        if wish == "read":
            response.headers["x-body"] = response.body.decode()
        return None


class Lenient(Filter):
    """Fails, and lets requests pass."""

    on_error = "continue"

    def on_request(self, request: Request) -> None:
        """Fail."""
        raise ValueError(request.path)


class Prepared(Filter):
    """Fails, and has an answer ready."""

    on_error = Response(503, headers={"retry-after": "1"}, body="later")

    def on_request(self, request: Request) -> None:
        """Fail."""
        raise ValueError(request.path)


def facts(request: Request) -> Response:
    """Everything that can be seen of a request."""
    seen = {
        "method": request.method,
        "path": request.path,
        "host": request.host,
        "client_ip": request.client_ip,
        "route": request.route,
        "query": [request.query.items(), request.query.get("a"), request.query.get_all("a"), "a" in request.query],
        "cookies": dict(request.cookies),
        "params": dict(request.params),
        "header": [request.headers.get("X-One"), request.headers.get_all("x-one"), "X-ONE" in request.headers],
        "missing": [request.headers.get("x-none"), request.headers.get("x-none", 7), 5 in request.headers],
        "latin": request.headers.get("x-latin"),
    }
    return Response(200, body=repr(seen))


def change(request: Request) -> None:
    """Sets, adds and removes headers."""
    headers = request.headers
    headers["X-One"] = "set"
    headers.add("x-two", "a")
    headers.add("x-two", "b\xe9")
    del headers["x-gone"]
    try:
        del headers["x-gone"]
    except KeyError:
        headers["x-missing"] = "KeyError"


def inject(request: Request) -> Response:
    """Tries to break out of a header."""
    tried: list[str] = []
    for name, value in INJECTIONS:
        for write in (request.headers.set, request.headers.add, request.headers.__setitem__, answer_with):
            try:
                write(name, value)
                tried.append(f"{name!r}: {value!r} was accepted")
            except ValueError:
                pass
    return Response(200, body="\n".join(tried))


def answer_with(name: str, value: str) -> None:
    """An answer with a header."""
    Response(200, headers=[(name, value)])


INJECTIONS = [
    *(("x-a", value) for value in ("a\r\nb: c", "a\nb", "a\rb", "a\0b", "\u2603", "\x7f")),
    *((name, "a") for name in ("x\r\ny", "x y", "", "x:", ":path", "x\0", "\xe9", "x\n")),
    *(
        (name, "1")
        for name in ("Content-Length", "transfer-encoding", "CONNECTION", "te", "Trailer", "upgrade", "Host")
    ),
]


def keep(request: Request) -> Response:
    """Keeps the request."""
    KEPT.append(request)
    return Response(200, body=request.path)


def use_kept(request: Request) -> Response:
    """Uses what was kept."""
    kept = KEPT[-1]
    said: list[str] = [str(kept is request)]
    for use in (
        lambda: kept.path,
        lambda: kept.headers["host"],
        lambda: kept.headers.set("x", "y"),
        lambda: kept.query["a"],
    ):
        try:
            use()
            said.append("worked")
        except RuntimeError as error:
            said.append(str(error))
    return Response(200, body="\n".join(said))


def objects(request: Request) -> Response:
    """Names the objects of this call, and counts all memory that Python holds."""
    return Response(200, body=f"{id(request)} {id(request.headers)} {id(request.query)} {sys.getallocatedblocks()}")


def empty(request: Request) -> Response:
    """Answers with a body where there must be none."""
    return Response(int(request.query["status"]), body="body")


def from_thread(request: Request) -> Response:
    """Uses the request in another thread."""
    said: list[str] = []

    def use() -> None:
        try:
            said.append(request.path)
        except RuntimeError as error:
            said.append(str(error))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    return Response(200, body=said[0])


def recurse(request: Request) -> None:
    """Never comes back."""
    recurse(request)


def loop(_: Request) -> None:
    """Never ends."""
    while True:
        pass


def loop_if_asked(request: Request) -> None:
    """Never ends, if a header says so."""
    if request.headers.get("x-loop"):
        loop(request)


def stubborn(_: Request) -> None:
    """Goes on whatever is raised, for a while."""
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        try:
            while time.monotonic() < end:
                pass
        except BaseException:  # noqa: BLE001 - what a careless filter does
            pass


def big_number(_: Request) -> str:
    """Works long in one operation."""
    return str(3**20_000_000 % 7)


def deaf(_: Request) -> None:
    """Works long in code that looks for no signal."""
    hashlib.pbkdf2_hmac("sha256", b"", b"", 200_000_000)


def interrupted(_: Request) -> None:
    """Says that somebody has pressed Ctrl-C."""
    raise KeyboardInterrupt


class UnspeakableError(Exception):
    """Cannot be shown."""

    def __str__(self) -> str:
        time.sleep(60)
        return ""


def unspeakable(_: Request) -> None:
    """Raises what cannot be shown."""
    raise UnspeakableError


def wrong_value(_: Request) -> str:
    """Returns what is no result."""
    return "third"


def wrong_type(_: Request) -> str:
    """Returns nonsense."""
    return 5  # type: ignore[return-value]


def read_body(request: Request) -> Response:
    """Reads what streams past."""
    return Response(200, body=request.body)


ACTIONS: dict[str, Callable[[Request], Response | str | None]] = {
    "facts": facts,
    "change": change,
    "inject": inject,
    "objects": objects,
    "empty": empty,
    "keep": keep,
    "use_kept": use_kept,
    "from_thread": from_thread,
    "recurse": recurse,
    "loop": loop,
    "loop_if_asked": loop_if_asked,
    "stubborn": stubborn,
    "sleep": lambda _: time.sleep(60),
    "regex": lambda _: str(re.match("(a+)+$", "a" * 40 + "b")),
    "big_number": big_number,
    "exit": lambda _: sys.exit(3),
    "interrupted": interrupted,
    "unspeakable": unspeakable,
    "deaf": deaf,
    "crash": lambda _: str(ctypes.string_at(0)),
    "end_process": lambda _: os._exit(3),
    "wrong_value": wrong_value,
    "wrong_type": wrong_type,
    "read_body": read_body,
    "denied": lambda _: DENIED,
    "first": lambda _: "first",
    "second": lambda _: "second",
    "nothing": lambda _: None,
}
