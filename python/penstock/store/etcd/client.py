"""Asks etcd, at whichever endpoint answers, and says what became of a request that failed."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
import grpc.aio

from penstock.store.entry import Lost, Unavailable, Unknown
from penstock.store.etcd.access import Access
from penstock.store.etcd.attempts import Answer, Attempt, Attempts, Passing
from penstock.store.etcd.messages import AUTHENTICATE, Method
from penstock.store.etcd.protobuf import Malformed, decode, encode

_Call = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
_Streams = grpc.aio.StreamStreamMultiCallable[bytes, bytes]
_LEAST_SECONDS = 0.1
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # etcd closes connections on which it is asked more often than every 5 s.
    ("grpc.keepalive_time_ms", 6_000),
    ("grpc.keepalive_timeout_ms", 2_000),
    # A member that is back is to be found within a moment; the last is the time that a connection may take.
    ("grpc.max_reconnect_backoff_ms", 250),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.enable_http_proxy", 0),
)
_PASSING = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.ABORTED,
}
"""Failures after which another endpoint, or the same one later, may answer; what was asked may have been done."""
_NOT_BEGUN = ("failed to connect", "no leader", "too many requests", "not capable", "learner")
"""What is said of requests that nothing was done about."""
_OLD_TOKEN = ("invalid auth token", "revision of auth store is old", "auth token is not provided")


@dataclass(slots=True)
class Client:
    """Connections to the members of etcd; one is used until it fails."""

    access: Access
    _channels: list[grpc.aio.Channel] = field(default_factory=list)
    _at: int = 0
    _token: str = ""
    _hearing: dict[asyncio.Timeout, int] = field(default_factory=dict)

    def open(self) -> None:
        """Make the connections; they are established when they are needed.

        Raises: ValueError for endpoints that are none.
        """
        self._connect(self.access.targets)

    def extend(self, endpoints: Iterable[str]) -> None:
        """Ask at further endpoints too; those that are known stay as they are.

        Raises: ValueError for endpoints that are none.
        """
        known = self.access.targets
        self.access = replace(self.access, endpoints=tuple(dict.fromkeys((*self.access.endpoints, *endpoints))))
        self._connect([one for one in self.access.targets if one not in known])

    def _connect(self, targets: Iterable[str]) -> None:
        if self.access.is_secure:
            pems = (self.access.authorities, self.access.key, self.access.certificate)
            credentials = grpc.ssl_channel_credentials(*(pem.encode() or None for pem in pems))
            name = self.access.server_name
            options = (*_OPTIONS, ("grpc.ssl_target_name_override", name)) if name else _OPTIONS
            self._channels += [grpc.aio.secure_channel(one, credentials, options=options) for one in targets]
        else:
            self._channels += [grpc.aio.insecure_channel(one, options=_OPTIONS) for one in targets]

    async def close(self) -> None:
        """Close the connections."""
        for channel in self._channels:
            await channel.close()

    async def ask(
        self, method: Method, request: Mapping[str, Any], *, may_repeat: bool = True, tells_doubt: bool = False
    ) -> Answer:
        """The answer of whichever endpoint gives one first.

        With `may_repeat` false it is asked once: what may have been done is not asked for again.

        Raises: Unavailable; Unknown if it may have been done, and it is not repeated or `tells_doubt`; Lost if a lease
            has run out.
        """
        data = encode(method.request, request)

        async def at(endpoint: int, seconds: float) -> Answer:
            return await self._ask(endpoint, method, data, seconds)

        try:
            return await self._first(at, may_repeat=may_repeat)
        except Unknown as problem:
            if tells_doubt or not may_repeat:
                raise
            raise Unavailable(str(problem)) from None

    async def ask_once_of_stream(self, method: Method, request: Mapping[str, Any]) -> Answer:
        """The first answer of a method that answers again and again.

        Raises: Unavailable, Lost.
        """

        async def at(endpoint: int, _seconds: float) -> Answer:
            async with contextlib.aclosing(self._stream(endpoint, method, request)) as answers:
                async for answer in answers:
                    return answer
            raise Passing("etcd ended the answer")

        try:
            return await self._first(at)
        except Unknown as problem:
            raise Unavailable(str(problem)) from None

    async def hear(
        self, method: Method, request: Mapping[str, Any], is_news: Callable[[Answer], bool], seconds: float
    ) -> None:
        """Return once an answer of one endpoint is news, the time is over, or the endpoint is silent to others too.

        Raises: Unavailable, once it fails.
        """
        endpoint = self._at
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds) as limit:
                self._hearing[limit] = endpoint
                try:
                    async with contextlib.aclosing(self._stream(endpoint, method, request)) as answers:
                        async for answer in answers:
                            if is_news(answer):
                                return
                except Unavailable:
                    self._at = (endpoint + 1) % len(self._channels)
                    raise
                finally:
                    del self._hearing[limit]

    def _distrust(self, endpoint: int) -> None:
        """Leave an endpoint that failed or is silent: what it would tell may never come."""
        for limit, heard in self._hearing.items():
            if heard == endpoint and not limit.expired():
                limit.reschedule(0)

    async def _first(self, ask: Attempt, *, may_repeat: bool = True) -> Answer:
        access = self.access
        deadline = time.monotonic() + access.patience_seconds
        count, silence = len(self._channels), access.silence_seconds
        attempts = Attempts(ask, self._distrust, count, self._at, silence, deadline, may_repeat)
        try:
            return await attempts.answer()
        finally:
            self._at = attempts.at

    async def _stream(self, endpoint: int, method: Method, request: Mapping[str, Any]) -> AsyncGenerator[Answer]:
        try:
            streams: _Streams = self._channels[endpoint].stream_stream(method.path)
            call = streams(metadata=await self._metadata(endpoint, method))
            try:
                await call.write(encode(method.request, request))
                while isinstance(data := await call.read(), bytes):
                    yield self._decoded(method, data)
            finally:
                call.cancel()
        except grpc.aio.AioRpcError as problem:
            raise self._meant(problem) from None
        except asyncio.InvalidStateError:
            # The call had ended before the request was written.
            raise Passing("etcd closed the connection") from None

    async def _ask(self, endpoint: int, method: Method, data: bytes, seconds: float) -> Answer:
        call: _Call = self._channels[endpoint].unary_unary(method.path)
        try:
            known = await self._metadata(endpoint, method)
            answer = await call(data, timeout=max(seconds, _LEAST_SECONDS), metadata=known)
        except grpc.aio.AioRpcError as problem:
            raise self._meant(problem) from None
        return self._decoded(method, answer)

    def _decoded(self, method: Method, data: bytes) -> dict[str, Any]:
        try:
            return decode(method.response, data)
        except Malformed as problem:
            raise Unavailable(f"what answers at {self.access.endpoints} is no etcd: {problem}") from None

    async def _metadata(self, endpoint: int, method: Method) -> tuple[tuple[str, str], ...]:
        # A member that has no leader says so at once, and does not wait for one.
        known = (("hasleader", "true"),) if method.needs_leader else ()
        if not self.access.user:
            return known
        if not self._token:
            request = {"name": self.access.user, "password": self.access.password}
            call: _Call = self._channels[endpoint].unary_unary(AUTHENTICATE.path)
            data = encode(AUTHENTICATE.request, request)
            answer = await call(data, timeout=self.access.patience_seconds, metadata=known)
            self._token = decode(AUTHENTICATE.response, answer)["token"]
        return (*known, ("token", self._token))

    def _meant(self, problem: grpc.aio.AioRpcError) -> Exception:
        """What a failure says about the request."""
        told = problem.details() or problem.code().name.lower()
        if any(one in told for one in _OLD_TOKEN) and self._token:
            self._token = ""
            return Passing(f"etcd: {told}")
        if problem.code() is grpc.StatusCode.NOT_FOUND and "lease" in told:
            return Lost("the lease has run out")
        if any(one in told for one in _NOT_BEGUN):
            return Passing(f"etcd: {told}")
        if problem.code() in _PASSING:
            return Unknown(f"etcd: {told}")
        return Unavailable(f"etcd: {told}")
