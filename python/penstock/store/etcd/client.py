"""Asks etcd, at whichever endpoint answers, and says what became of a request that failed."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from penstock.store.entry import Lost, Unavailable, Unknown
from penstock.store.etcd.access import Access
from penstock.store.etcd.messages import AUTHENTICATE, Method
from penstock.store.etcd.protobuf import Malformed, decode, encode

_Call = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
_Streams = grpc.aio.StreamStreamMultiCallable[bytes, bytes]
_WAIT_SECONDS = 0.05
_LONGEST_WAIT_SECONDS = 0.5
_LEAST_SECONDS = 0.1
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # etcd closes connections on which it is asked more often than every 5 s.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
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


class Passing(Unavailable):
    """A request about which nothing was done, and that may be made again."""


@dataclass(slots=True)
class Client:
    """Connections to the members of etcd; one is used until it fails."""

    access: Access
    _channels: list[grpc.aio.Channel] = field(default_factory=list)
    _at: int = 0
    _token: str = ""

    def open(self) -> None:
        """Make the connections; they are established when they are needed.

        Raises: ValueError for endpoints that are none.
        """
        targets = self.access.targets
        if self.access.is_secure:
            pems = (self.access.authorities, self.access.key, self.access.certificate)
            credentials = grpc.ssl_channel_credentials(*(pem.encode() or None for pem in pems))
            name = self.access.server_name
            options = (*_OPTIONS, ("grpc.ssl_target_name_override", name)) if name else _OPTIONS
            self._channels = [grpc.aio.secure_channel(one, credentials, options=options) for one in targets]
        else:
            self._channels = [grpc.aio.insecure_channel(one, options=_OPTIONS) for one in targets]

    async def close(self) -> None:
        """Close the connections."""
        for channel in self._channels:
            await channel.close()

    async def ask(self, method: Method, request: Mapping[str, Any], *, may_repeat: bool = True) -> dict[str, Any]:
        """The answer of whichever endpoint gives one in time.

        With `may_repeat` false it is asked once: what may have been done is not asked for again.

        Raises: Unavailable; Unknown if it is not repeated and may have been done; Lost if a lease has run out.
        """
        data = encode(method.request, request)
        deadline = time.monotonic() + self.access.patience_seconds
        wait = _WAIT_SECONDS
        number = 0
        while True:
            # A member that stands still is left soon; where all are slow, each has longer.
            patience = self.access.attempt_seconds * 2 ** (number // len(self._channels))
            try:
                return await self._ask(method, data, min(patience, deadline - time.monotonic()))
            except grpc.aio.AioRpcError as problem:
                error = self._meant(problem)
                if not isinstance(error, Passing) and not (may_repeat and isinstance(error, Unknown)):
                    raise error from None
                if time.monotonic() + wait > deadline:
                    raise Unavailable(str(error)) from None
            await asyncio.sleep(wait * random.uniform(0.5, 1))  # noqa: S311 - spreads attempts
            wait, number = min(wait * 2, _LONGEST_WAIT_SECONDS), number + 1

    async def ask_once_of_stream(self, method: Method, request: Mapping[str, Any]) -> dict[str, Any]:
        """The first answer of a method that answers again and again.

        Raises: Unavailable, Lost.
        """
        with contextlib.suppress(StopAsyncIteration):
            async with asyncio.timeout(self.access.attempt_seconds):
                async for answer in self.stream(method, request):
                    return answer
        raise Unavailable("etcd ended the answer")

    async def stream(self, method: Method, request: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """The answers to one request, as they come, of one endpoint.

        Raises: Unavailable, once it fails; the next attempt is made at another endpoint.
        """
        try:
            streams: _Streams = self._channel.stream_stream(method.path)
            call = streams(metadata=await self._metadata())
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
            self._turn()
            raise Unavailable("etcd closed the connection") from None

    @property
    def _channel(self) -> grpc.aio.Channel:
        return self._channels[self._at % len(self._channels)]

    async def _ask(self, method: Method, data: bytes, seconds: float) -> dict[str, Any]:
        call: _Call = self._channel.unary_unary(method.path)
        answer = await call(data, timeout=max(seconds, _LEAST_SECONDS), metadata=await self._metadata())
        return self._decoded(method, answer)

    def _decoded(self, method: Method, data: bytes) -> dict[str, Any]:
        try:
            return decode(method.response, data)
        except Malformed as problem:
            self._turn()
            raise Unavailable(f"what answers at {self.access.endpoints} is no etcd: {problem}") from None

    async def _metadata(self) -> tuple[tuple[str, str], ...]:
        # A member that has no leader says so at once, and does not wait for one.
        known = (("hasleader", "true"),)
        if not self.access.user:
            return known
        if not self._token:
            request = {"name": self.access.user, "password": self.access.password}
            call: _Call = self._channel.unary_unary(AUTHENTICATE.path)
            data = encode(AUTHENTICATE.request, request)
            answer = await call(data, timeout=self.access.attempt_seconds, metadata=known)
            self._token = decode(AUTHENTICATE.response, answer)["token"]
        return (*known, ("token", self._token))

    def _meant(self, problem: grpc.aio.AioRpcError) -> Exception:
        """What a failure says about the request. After one that may pass, another endpoint is asked."""
        told = problem.details() or problem.code().name.lower()
        if any(one in told for one in _OLD_TOKEN) and self._token:
            self._token = ""
            return Passing(f"etcd: {told}")
        if problem.code() is grpc.StatusCode.NOT_FOUND and "lease" in told:
            return Lost("the lease has run out")
        if any(one in told for one in _NOT_BEGUN):
            self._turn()
            return Passing(f"etcd: {told}")
        if problem.code() in _PASSING:
            self._turn()
            return Unknown(f"etcd: {told}")
        return Unavailable(f"etcd: {told}")

    def _turn(self) -> None:
        self._at = (self._at + 1) % len(self._channels)
