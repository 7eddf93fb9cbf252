"""Frames arrive whole, with their descriptors, or not at all."""

import asyncio
import os
import socket
import struct
from pathlib import Path

import pytest

from penstock.runtime.worker.frames import LARGEST_FRAME, Broken, close_all, receive_frame, send_frame


def pair() -> tuple[socket.socket, socket.socket]:
    near, far = socket.socketpair(socket.AF_UNIX)
    near.settimeout(0)
    far.settimeout(0)
    return near, far


def test_a_large_frame_and_its_descriptors_arrive() -> None:
    async def run() -> None:
        near, far = pair()
        reading, writing = os.pipe()
        message = {"type": "prepare", "text": "x" * 3_000_000}
        with near, far:
            frame, _ = await asyncio.gather(receive_frame(far), send_frame(near, message, [reading, writing]))
        assert frame.message == message
        os.write(frame.descriptors[1], b"through")
        assert os.read(reading, 10) == b"through"
        assert not os.get_inheritable(frame.descriptors[0])
        close_all([reading, writing, *frame.descriptors])

    asyncio.run(run())


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


BROKEN = {
    "nothing": b"",
    "half a length": b"\0\0",
    "half a body": struct.pack("!I", 10) + b"{}",
    "no JSON": struct.pack("!I", 2) + b"{{",
    "no object": struct.pack("!I", 2) + b"[]",
    "too large": struct.pack("!I", LARGEST_FRAME + 1),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_is_no_frame_is_refused_and_its_descriptors_closed(data: bytes) -> None:
    async def run() -> None:
        near, far = pair()
        before = open_descriptors()
        with far:
            if data:
                socket.send_fds(near, [data], [0, 1])
            near.close()
            with pytest.raises(Broken):
                await receive_frame(far)
        assert open_descriptors() == before - 2

    asyncio.run(run())


def test_more_descriptors_than_a_frame_holds_are_refused() -> None:
    near, far = pair()
    with near, far, pytest.raises(ValueError, match="65 descriptors"):
        asyncio.run(send_frame(near, {}, [0] * 65))
