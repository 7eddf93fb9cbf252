"""A gRPC service for tests, on the gRPC project's own library; messages are bytes as they are."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any, Self

import grpc

SERVICE = "test.Service"


class GrpcOrigin:
    """Serves every kind of call under `test.Service`.

    `Echo` says a message back; `Count` answers a number with as many messages; `Sum` answers how many bytes came;
    `Chat` says each message back as it comes; `Fail` ends with the status that its message names; `Sleep` answers
    after so many seconds. `asked` holds the metadata of each call, `left` the seconds it had.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.left: list[float | None] = []
        self.cancelled = threading.Event()
        """Set when a call of `Sleep` was given up by its caller."""
        self._server = grpc.server(futures.ThreadPoolExecutor(32))
        kinds: dict[str, Any] = {
            "Echo": grpc.unary_unary_rpc_method_handler(self._noted(self._echo)),
            "Fail": grpc.unary_unary_rpc_method_handler(self._noted(self._fail)),
            "Sleep": grpc.unary_unary_rpc_method_handler(self._noted(self._sleep)),
            "Count": grpc.unary_stream_rpc_method_handler(self._noted(self._count)),
            "Drip": grpc.unary_stream_rpc_method_handler(self._noted(self._drip)),
            "Sum": grpc.stream_unary_rpc_method_handler(self._noted(self._sum)),
            "Chat": grpc.stream_stream_rpc_method_handler(self._noted(self._chat)),
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, kinds),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self.url = f"h2c://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it, and every call with it."""
        self._server.stop(None).wait(10)

    def _noted(self, serve: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def noted(message: Any, context: Any) -> Any:
            self.asked.append(dict(context.invocation_metadata()))
            self.left.append(context.time_remaining())
            return serve(message, context)

        return noted

    def _echo(self, message: bytes, context: Any) -> bytes:
        context.set_trailing_metadata((("sum", str(len(message))),))
        return message

    def _fail(self, message: bytes, context: Any) -> bytes:
        context.abort(getattr(grpc.StatusCode, message.decode()), "as asked: 100 % wrong")
        return b""

    def _sleep(self, message: bytes, context: Any) -> bytes:
        end = time.monotonic() + float(message)
        while time.monotonic() < end:
            if not context.is_active():
                self.cancelled.set()
                break
            time.sleep(0.01)
        return b"slept"

    def _count(self, message: bytes, _context: Any) -> Iterator[bytes]:
        for number in range(int(message)):
            yield str(number).encode()

    def _drip(self, _message: bytes, context: Any) -> Iterator[bytes]:
        while context.is_active():
            yield b"drop"
            time.sleep(0.02)

    def _sum(self, messages: Iterator[bytes], _context: Any) -> bytes:
        return str(sum(map(len, messages))).encode()

    def _chat(self, messages: Iterator[bytes], _context: Any) -> Iterator[bytes]:
        yield from messages
