"""Frames between supervisor and worker: a length, a JSON object, and descriptors on the first byte."""

import asyncio
import json
import os
import socket
import struct
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

LARGEST_FRAME = 64 * 1024 * 1024
MOST_DESCRIPTORS = 64
"""Descriptors of one frame; what needs more takes several."""
_LENGTH = struct.Struct("!I")
_MOST_RECEIVED = 253
"""The kernel's own limit, `SCM_MAX_FD`: a worker gives as many of its sockets in one frame."""
_CONTROL_BYTES = socket.CMSG_SPACE(_MOST_RECEIVED * array("i").itemsize)
_CHUNK = 256 * 1024
_Result = TypeVar("_Result")


class Broken(ConnectionError):  # noqa: N818 - says what is the case
    """The stream holds something that is no frame, or ended."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A message and the descriptors that came with it; whoever receives them closes them."""

    message: dict[str, Any]
    descriptors: tuple[int, ...] = ()


async def send_frame(stream: socket.socket, message: dict[str, Any], descriptors: Iterable[int] = ()) -> None:
    """Send one frame over a socket that does not block.

    Raises: ValueError if it is too large; OSError of the socket.
    """
    body = json.dumps(message, separators=(",", ":")).encode()
    passed = list(descriptors)
    if len(body) > LARGEST_FRAME or len(passed) > MOST_DESCRIPTORS:
        raise ValueError(f"a frame of {len(body)} bytes and {len(passed)} descriptors is too large")
    data = memoryview(_LENGTH.pack(len(body)) + body)
    sent = await _retried(stream, is_write=True, call=lambda: socket.send_fds(stream, [data[:_CHUNK]], passed))
    if sent < len(data):
        await asyncio.get_running_loop().sock_sendall(stream, data[sent:])


async def receive_frame(stream: socket.socket) -> Frame:
    """Receive one frame.

    Raises: Broken if the stream ends or holds something else; OSError of the socket.
    """
    descriptors: list[int] = []
    try:
        message = await _receive_message(stream, descriptors)
    except BaseException:
        close_all(descriptors)
        raise
    return Frame(message, tuple(descriptors))


async def _receive_message(stream: socket.socket, descriptors: list[int]) -> dict[str, Any]:
    (length,) = _LENGTH.unpack(await _receive(stream, _LENGTH.size, descriptors))
    if length > LARGEST_FRAME:
        raise Broken(f"a frame of {length} bytes is too large")
    try:
        message = json.loads(await _receive(stream, length, descriptors))
    except ValueError as problem:
        raise Broken(f"a frame that is no JSON: {problem}") from None
    if not isinstance(message, dict):
        raise Broken("a frame that is no JSON object")
    return message


def close_all(descriptors: Iterable[int]) -> None:
    """Close descriptors that nobody took."""
    for descriptor in descriptors:
        os.close(descriptor)


async def _receive(stream: socket.socket, count: int, descriptors: list[int]) -> bytes:
    data = bytearray()
    while len(data) < count:
        most = min(count - len(data), _CHUNK)

        def receive(most: int = most) -> tuple[bytes, list[tuple[int, int, bytes]], int, Any]:
            # Not `socket.recv_fds`: Python 3.11's takes flags and forgets them.
            return stream.recvmsg(most, _CONTROL_BYTES, socket.MSG_CMSG_CLOEXEC)

        piece, control, flags, _ = await _retried(stream, is_write=False, call=receive)
        descriptors += _descriptors(control)
        if flags & socket.MSG_CTRUNC:
            raise Broken("more descriptors than a frame may have")
        if not piece:
            raise Broken("the other side has closed")
        data += piece
    return bytes(data)


def _descriptors(control: Iterable[tuple[int, int, bytes]]) -> list[int]:
    found = array("i")
    for level, kind, data in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return list(found)


async def _retried(stream: socket.socket, *, is_write: bool, call: Callable[[], _Result]) -> _Result:
    """The call's result, as soon as the socket is ready for it."""
    while True:
        try:
            return call()
        except (BlockingIOError, InterruptedError):
            await _ready(stream, is_write=is_write)


async def _ready(stream: socket.socket, *, is_write: bool) -> None:
    loop = asyncio.get_running_loop()
    add, remove = (loop.add_writer, loop.remove_writer) if is_write else (loop.add_reader, loop.remove_reader)
    ready: asyncio.Future[None] = loop.create_future()
    descriptor = stream.fileno()
    add(descriptor, _settle, ready)
    try:
        await ready
    finally:
        remove(descriptor)


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
