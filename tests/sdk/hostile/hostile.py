"""`Hostile`: does what no filter should, and what careless ones do."""

import asyncio
import builtins
import contextlib
import gc
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

from penstock.sdk import Field, Filter, FilterConfig, Headers, Request, Response

KEPT: list[Headers] = []


def be_busy() -> None:
    """Wants the interpreter all the time."""
    while True:
        pass


class Hostile(Filter):
    """Does what its step says."""

    class Config(FilterConfig):
        """What a step may set."""

        does: str = Field(description="Name of the action.")

    def on_request(self, request: Request) -> Response | None:
        """Run the action."""
        return ACTIONS[self.config.does](request)


class HostileOut(Filter):
    """Writes into the answer what must not be in one."""

    def on_response(self, request: Request, response: Response) -> None:
        """Try to break out of the answer's headers."""
        accepted = []
        for name, value in INJECTIONS:
            for write in (response.headers.set, response.headers.add, response.headers.__setitem__):
                with contextlib.suppress(ValueError):
                    write(name, value)
                    accepted.append(f"{name!r}: {value!r}")
            with contextlib.suppress(ValueError, KeyError):
                del response.headers[name]
                accepted.append(f"del {name!r}")
        for status in (0, 99, 100, 101, 600, 65535):
            with contextlib.suppress(ValueError):
                response.status = status
                accepted.append(str(status))
        for status in (-1, 1 << 70):
            with contextlib.suppress(OverflowError):
                response.status = status
                accepted.append(str(status))
        response.body = request.path + "".join(accepted)


INJECTIONS = [
    *(("x-a", value) for value in ("a\r\nb: c", "a\n", "\rb", "a\0b", "\u2603", "\ud800", "\x7f", "\x1b[0m")),
    *((name, "a") for name in ("x\r\ny", "x y", "", "x:", ":status", "x\0", "\xe9", "\udc80")),
    *(
        (name, "1")
        for name in ("content-length", "Transfer-Encoding", "connection", "trailer", "upgrade", "keep-alive")
    ),
]


def huge_headers(request: Request) -> Response:
    """Writes headers without end."""
    said = []
    for write in (request.headers.set, request.headers.add):
        try:
            for number in range(100):
                write(f"x-{number}", "a" * 65_536)
        except ValueError as problem:
            said.append(str(problem))
    try:
        Response(200, headers={"x-a": "a" * 2_000_000})
    except ValueError as problem:
        said.append(str(problem))
    return Response(200, body="\n".join(said))


def long_header(request: Request) -> Response:
    """Answers with a header as long as one may be."""
    del request
    return Response(200, headers={"x-long": "a" * 60_000})


def memory(_: Request) -> Response:
    """Asks for more memory than there is."""
    return Response(200, body=bytes(1 << 46))


def fork(_: Request) -> Response:
    """Makes a copy of the worker, which goes on as if it were one."""
    os.fork()  # noqa: TID251 - that is what is tested
    return Response(200, body=str(os.getpid()))


def patch(request: Request) -> Response:
    """Changes what everybody uses."""
    del request
    json.dumps = builtins.print = sys.excepthook = Request.__repr__ = None  # type: ignore[assignment]
    sys.setswitchinterval(10)
    sys.setrecursionlimit(1 << 30)
    sys.stderr = sys.stdout = None
    gc.disable()
    return Response(200, body="patched")


def deaf_to_signals(_: Request) -> None:
    """Takes the watchdog's signal away and never ends."""
    signal.signal(signal.SIGRTMAX - 2, signal.SIG_IGN)
    be_busy()


def deep(_: Request) -> None:
    """Recurses without a limit."""
    sys.setrecursionlimit(1 << 30)
    deep(_)


def threads(_: Request) -> Response:
    """Starts threads that never end, one of which nobody may wait for."""
    for daemon in (True, False):
        threading.Thread(target=be_busy, daemon=daemon).start()
    return Response(200, body="started")


def hold(_: Request) -> Response:
    """Starts a thread that in a while takes the interpreter for itself and does not let go."""

    def take() -> None:
        time.sleep(0.2)
        print("holding", flush=True)  # noqa: T201 - a test waits for it
        sum(range(1 << 31))  # one call into C: nobody else runs before it is done
        print("let go", flush=True)  # noqa: T201

    threading.Thread(target=take, daemon=True).start()
    return Response(200, body="started")


def thread_writes(request: Request) -> Response:
    """Lets a thread write into the request while the call runs."""
    said: list[str] = []

    def write() -> None:
        for use in (
            lambda: request.headers.set("x-a", "b"),
            lambda: request.headers["host"],
            request.headers.items,
            lambda: request.query["a"],
            lambda: request.body,
        ):
            try:
                use()
                said.append("worked")
            except RuntimeError as error:
                said.append(str(error))

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    return Response(200, body="\n".join(sorted(set(said))))


def late_thread(request: Request) -> Response:
    """Lets a thread use the request when the call is over."""
    headers = request.headers

    def use() -> None:
        for _ in range(200):
            time.sleep(0.0005)
            with contextlib.suppress(RuntimeError):
                headers["x-late"] = "late"
                KEPT.append(headers)

    threading.Thread(target=use, daemon=True).start()
    return Response(200, body="started")


def kept(_: Request) -> Response:
    """Tells how often a late thread got through."""
    return Response(200, body=str(len(KEPT)))


def printing(_: Request) -> Response:
    """Prints."""
    print("a filter prints", flush=True)  # noqa: T201 - that is what is tested
    print("to standard error too", file=sys.stderr, flush=True)  # noqa: T201
    return Response(200, body="printed")


def cancelled(_: Request) -> None:
    """Raises what no `except Exception` catches."""
    raise asyncio.CancelledError


def closing(_: Request) -> None:
    """Raises what ends generators."""
    raise GeneratorExit


class OwnError(BaseException):
    """Of the author's own kind."""


def own(_: Request) -> None:
    """Raises that."""
    raise OwnError from KeyboardInterrupt()


def group(_: Request) -> None:
    """Raises several at once."""
    raise BaseExceptionGroup("several", [SystemExit(1), ValueError()])


ACTIONS: dict[str, Callable[[Request], Response | None]] = {
    one.__name__: one
    for one in (
        huge_headers,
        long_header,
        memory,
        fork,
        patch,
        deaf_to_signals,
        deep,
        threads,
        hold,
        thread_writes,
        late_thread,
        kept,
        printing,
        cancelled,
        closing,
        own,
        group,
    )
}
