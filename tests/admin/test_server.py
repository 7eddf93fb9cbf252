"""Connections of the admin API that keep nobody busy are given up, those that take an answer slowly are not."""

import asyncio
import contextlib
import socket
from pathlib import Path
from typing import Any

import pytest

from penstock.admin import server

PATIENCE = 60.0
PIECE = b"x" * 65_536


class Endless:
    """Answers with pieces for as long as they are taken."""

    def __init__(self) -> None:
        self.has_ended = asyncio.Event()

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        gone = asyncio.get_running_loop().create_task(receive())
        try:
            while not gone.done():
                await send({"type": "http.response.body", "body": PIECE, "more_body": True})
                await asyncio.sleep(0)
        finally:
            gone.cancel()
            self.has_ended.set()


async def served(path: Path, *, takes: bool) -> bool:
    """Whether an answer without an end is ended by the server, for somebody who takes it or does not."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()
    app = Endless()
    serving = await server.serve_on(listening, lambda: app)
    reader, writer = await asyncio.open_unix_connection(str(path), limit=len(PIECE))
    try:
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        if not takes:
            await asyncio.wait_for(app.has_ended.wait(), PATIENCE)
            return True
        for _ in range(30):
            await reader.readexactly(len(PIECE))
            # Longer than nothing may be taken, were all of it counted together.
            await asyncio.sleep(server.TAKEN_SECONDS / 20)
        return app.has_ended.is_set()
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        await asyncio.wait_for(app.has_ended.wait(), PATIENCE)
        serving.close()


def test_who_takes_nothing_of_an_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "TAKEN_SECONDS", 0.2)
    assert asyncio.run(served(tmp_path / "s", takes=False))


def test_who_takes_an_answer_slowly_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "TAKEN_SECONDS", 5.0)
    assert not asyncio.run(served(tmp_path / "s", takes=True))
