"""An origin in a process of its own for bodies of any length, which holds none of them: it can be stopped and go on.

`GET /LENGTH` is answered with as many bytes; an upload with its length.
"""

import asyncio
import os
import signal
import subprocess
import sys
from typing import Self

PIECE = bytes(1 << 16)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers the requests of one connection."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            method, target, *_ = head.split()
            if method == b"POST":
                text = b"%d" % await swallow(reader, length_of(head))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(text), text))
            else:
                await send(writer, int(target[1:]))
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        """The gateway has closed."""
    finally:
        writer.close()


def length_of(head: bytes) -> int:
    lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
    return next(int(value) for name, _, value in lines if name == b"content-length")


async def swallow(reader: asyncio.StreamReader, length: int) -> int:
    left = length
    while left:
        piece = await reader.read(min(left, len(PIECE)))
        if not piece:
            raise asyncio.IncompleteReadError(piece, left)
        left -= len(piece)
    return length


async def send(writer: asyncio.StreamWriter, length: int) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % length)
    for begin in range(0, length, len(PIECE)):
        writer.write(PIECE[: length - begin])
        await writer.drain()


async def main() -> None:
    """Serves, and says on which port."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - what the test waits for
    await server.serve_forever()


class BodyOrigin:
    """The process."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.servers.body_origin"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        with self.process.stdout as said:
            self.url = f"http://127.0.0.1:{int(said.readline())}"
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Let it do nothing, not even read."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it do again what it does."""
        os.kill(self.process.pid, signal.SIGCONT)


if __name__ == "__main__":
    asyncio.run(main())
