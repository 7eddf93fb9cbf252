"""Brings a body to a collector, by a post over HTTP/1.1 or a call of gRPC, within a time."""

import asyncio
import gzip
import os
import ssl
from collections.abc import Mapping

from penstock.base.networks import split_authority
from penstock.model.collector import OtlpCollector

_PATH = "/v1/metrics"
_CALL = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
_QUICK = 1
_LONGEST_LINE = 8192
_DONE = range(200, 300)


class Undelivered(Exception):  # noqa: N818 - says what is the case
    """A delivery that no collector took; the text says why."""


async def deliver(collector: OtlpCollector, body: bytes) -> None:
    """Deliver a body.

    Raises: Undelivered.
    """
    try:
        async with asyncio.timeout(collector.timeout.milliseconds / 1000):
            await (_call(collector, body) if collector.protocol == "grpc" else _post(collector, body))
    except TimeoutError:
        raise Undelivered(f"no answer within {collector.timeout}") from None
    except asyncio.IncompleteReadError:
        raise Undelivered("it closed the connection without an answer") from None
    except OSError as problem:
        raise Undelivered(os.strerror(problem.errno).lower() if problem.errno else str(problem)) from None
    except (asyncio.LimitOverrunError, ValueError) as problem:
        raise Undelivered(f"what answers does not speak HTTP/1.1: {problem}") from None


async def _post(collector: OtlpCollector, body: bytes) -> None:
    compressed = await asyncio.to_thread(gzip.compress, body, _QUICK)
    fields = {
        "host": collector.endpoint.host,
        "content-type": "application/x-protobuf",
        "content-encoding": "gzip",
        "content-length": str(len(compressed)),
        "connection": "close",
        **_headers(collector),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    reader, writer = await _connect(collector)
    try:
        writer.write(f"POST {collector.endpoint.path}{_PATH} HTTP/1.1\r\n{head}\r\n".encode() + compressed)
        await writer.drain()
        line = (await reader.readuntil(b"\n")).decode("latin-1").split()
    finally:
        writer.close()
    if len(line) < 2 or not line[0].startswith("HTTP/1.") or not line[1].isdecimal():  # noqa: PLR2004 - version and status
        raise Undelivered("what answers does not speak HTTP/1.1")
    if int(line[1]) not in _DONE:
        raise Undelivered(f"it answers {line[1]}")


async def _connect(collector: OtlpCollector) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = collector.endpoint
    if url.scheme == "unix":
        return await asyncio.open_unix_connection(url.address.removeprefix("unix:"), limit=_LONGEST_LINE)
    bracketed, port = split_authority(url.address)
    host = bracketed.strip("[]")
    asked = collector.tls
    name = (str(asked.server_name) if asked and asked.server_name else host) if url.is_tls else None
    context = await asyncio.to_thread(_context, collector) if url.is_tls else None
    return await asyncio.open_connection(host, port, ssl=context, server_hostname=name, limit=_LONGEST_LINE)


def _context(collector: OtlpCollector) -> ssl.SSLContext:
    asked = collector.tls
    context = ssl.create_default_context(cadata=asked.ca if asked and asked.ca else None)
    if asked and asked.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _call(collector: OtlpCollector, body: bytes) -> None:
    try:
        import grpc  # noqa: PLC0415 - an extra, which whoever posts needs not
        import grpc.aio  # noqa: PLC0415 - likewise
    except ImportError:
        raise Undelivered("gRPC needs the extra `penstock[etcd]`; install it, or write `protocol: http`") from None
    url, asked = collector.endpoint, collector.tls
    if url.is_tls:
        authorities = asked.ca.encode() if asked and asked.ca else None
        name = (("grpc.ssl_target_name_override", str(asked.server_name)),) if asked and asked.server_name else ()
        channel = grpc.aio.secure_channel(url.address, grpc.ssl_channel_credentials(authorities), options=name)
    else:
        channel = grpc.aio.insecure_channel(url.address)
    async with channel:
        # A path stands before that of the call, as the worker has it: gateways before collectors choose by it.
        call = channel.unary_unary(f"{url.path}{_CALL}", request_serializer=bytes, response_deserializer=bytes)
        try:
            await call(body, metadata=tuple(_headers(collector).items()), compression=grpc.Compression.Gzip)
        except grpc.aio.AioRpcError as problem:
            raise Undelivered(f"{problem.code().name.lower()}: {problem.details()}") from None


def _headers(collector: OtlpCollector) -> Mapping[str, str]:
    return {name: value.get_secret_value() for name, value in collector.headers.items()}
