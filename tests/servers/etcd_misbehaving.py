"""Stands before etcd and tells watchers wrongly: late, twice, not at all, of progress that was none, of compaction."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Self

import grpc
import grpc.aio

from penstock.store.etcd.messages import WATCH
from penstock.store.etcd.protobuf import decode, encode
from tests.servers.etcd import Etcd

_STREAMS = ("/Watch", "/LeaseKeepAlive")
_LATE_SECONDS = 0.3
MISDEEDS = ("dropped", "doubled", "late", "repeated", "progressed", "compacted", "none")
_FAR = 10**6


@dataclass
class MisbehavingEtcd:
    """A server in front of one member; used in a `with`. `done` counts what it did to answers of watches."""

    etcd: Etcd
    seed: int = 49
    done: "Counter[str]" = field(default_factory=Counter)
    endpoints: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        self._random = random.Random(self.seed)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(20)

    async def _serve(self) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        target = self.etcd.endpoints[0].removeprefix("http://")
        server = grpc.aio.server()
        async with grpc.aio.insecure_channel(target) as channel:
            server.add_generic_rpc_handlers((_Passing(self, channel),))
            self.endpoints = (f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}",)
            await server.start()
            self._ready.set()
            await self._ending.wait()
            await server.stop(None)

    async def tell(self, data: bytes, before: list[bytes]) -> AsyncIterator[bytes]:
        """What becomes of an answer."""
        misdeed = self._random.choice(MISDEEDS) if decode(WATCH.response, data)["events"] else "none"
        self.done[misdeed] += 1
        if misdeed == "late":
            await asyncio.sleep(_LATE_SECONDS)
        if misdeed == "repeated":
            for earlier in before:
                yield earlier
        if misdeed == "progressed":
            yield _forged(revision=_FAR)
        if misdeed == "compacted":
            yield _forged(canceled=True, compact_revision=_FAR)
        if misdeed not in {"dropped", "compacted"}:
            yield data
        if misdeed == "doubled":
            yield data
        before.append(data)


def _forged(*, revision: int = 1, **said: Any) -> bytes:
    return encode(WATCH.response, {"header": {"revision": revision}, **said})


@dataclass
class _Passing(grpc.GenericRpcHandler):
    """Passes every call on as it is, but for what watches are told."""

    place: MisbehavingEtcd
    channel: grpc.aio.Channel

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        method, metadata = details.method, details.invocation_metadata

        async def unary(request: bytes, context: Any) -> bytes:
            return await self._unary(method, metadata, request, context)

        async def stream(requests: Any, context: Any) -> AsyncIterator[bytes]:
            async for told in self._stream(method, metadata, requests, context):
                yield told

        if method.endswith(_STREAMS):
            return grpc.stream_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(unary)

    async def _unary(self, method: str, metadata: Any, request: bytes, context: Any) -> bytes:
        try:
            call: Any = self.channel.unary_unary(method)
            answer: bytes = await call(request, metadata=_told(metadata))
        except grpc.aio.AioRpcError as problem:
            await context.abort(problem.code(), problem.details() or "")
            raise
        return answer

    async def _stream(self, method: str, metadata: Any, requests: Any, context: Any) -> AsyncIterator[bytes]:
        calls: Any = self.channel.stream_stream(method)
        call = calls(requests, metadata=_told(metadata))
        before: list[bytes] = []
        try:
            while isinstance(data := await call.read(), bytes):
                if not method.endswith("/Watch"):
                    yield data
                    continue
                async for told in self.place.tell(data, before):
                    yield told
        except grpc.aio.AioRpcError as problem:
            await context.abort(problem.code(), problem.details() or "")
        finally:
            call.cancel()


def _told(metadata: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((key, value) for key, value in metadata if key in {"hasleader", "token"})
