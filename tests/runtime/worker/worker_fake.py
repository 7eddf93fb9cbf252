"""A worker that keeps to the protocol and does nothing else."""

import asyncio
import contextlib
import os
import socket
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self, cast

from penstock.runtime.change.delta import applied
from penstock.runtime.worker.control import PROTOCOL, Control
from penstock.runtime.worker.frames import Broken, close_all, receive_frame, send_frame
from penstock.runtime.worker.process import WorkerProcess


class WorkerFake:
    """Keeps the parts it was sent; `mood` says how it answers `prepare`: ready, refused, silent or forgetful."""

    def __init__(self, path: Path, mood: str = "ready") -> None:
        self.path = path
        self.mood = mood
        self.protocol = PROTOCOL
        self.farewell = ""
        """The word by which it was told to finish."""
        self.revision: int | None = None
        self.parts: dict[str, Any] = {}
        self.prepared: tuple[int, dict[str, Any]] | None = None
        self.sockets: list[dict[str, Any]] = []
        self.bases: list[int | None] = []

    async def serve(self) -> None:
        """Answer whoever connects."""
        with contextlib.ExitStack() as open_sockets:
            # Made here, so that one that is ended before it serves leaves nothing open.
            listener = open_sockets.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(self.path))
            listener.listen()
            listener.settimeout(0)
            async with asyncio.TaskGroup() as group:
                while True:
                    stream, _ = await asyncio.get_running_loop().sock_accept(listener)
                    group.create_task(self._converse(open_sockets.enter_context(stream)))

    async def _converse(self, stream: socket.socket) -> None:
        stream.settimeout(0)
        with contextlib.suppress(Broken, OSError):
            while True:
                frame = await receive_frame(stream)
                close_all(frame.descriptors)
                if frame.message["type"] == "listen":
                    assert len(frame.descriptors) == len(frame.message["sockets"])
                answer = self.answer(frame.message)
                if answer is not None:
                    await send_frame(stream, answer)

    def answer(self, message: dict[str, Any]) -> dict[str, Any] | None:
        match message["type"]:
            case "hello":
                return {
                    "type": "hello",
                    "protocol": self.protocol,
                    "build": "b",
                    "pid": os.getpid(),
                    "revision": self.revision,
                }
            case "prepare":
                return self._prepare(message)
            case "listen" | "drain" | "retire" as word:
                self.sockets += message.get("sockets", [])
                self.farewell = word if word != "listen" else self.farewell
                return {"type": "ok"}
            case "commit":
                assert self.prepared is not None
                assert self.prepared[0] == message["revision"]
                self.revision, self.parts = self.prepared
                return {"type": "committed", "revision": self.revision}
            case "status":
                return {"type": "status", "revision": self.revision}
        return {"type": "problem", "message": "unknown"}

    def _prepare(self, message: dict[str, Any]) -> dict[str, Any] | None:
        self.bases.append(message["base"])
        if self.mood == "silent":
            return None
        if self.mood == "refused":
            return {"type": "refused", "problems": [{"part": "route/a", "message": "no"}]}
        if message["base"] is not None and (self.mood == "forgetful" or message["base"] != self.revision):
            return {"type": "need_all"}
        before = {} if message["base"] is None else self.parts
        self.prepared = (message["revision"], applied(before, message))
        return {"type": "ready", "revision": message["revision"]}


class Crew:
    """Several fakes and the supervisor's view of each."""

    def __init__(self, folder: Path, *moods: str) -> None:
        self.fakes = [WorkerFake(folder / f"{index}.sock", mood) for index, mood in enumerate(moods)]
        self.workers: list[WorkerProcess] = []
        self._group = asyncio.TaskGroup()
        self._serving: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._serving = [self._group.create_task(fake.serve()) for fake in self.fakes]
        await asyncio.sleep(0)
        for index, fake in enumerate(self.fakes):
            control = await Control.connect(fake.path)
            await control.hello()
            control.answer_seconds = 0.2
            self.workers.append(WorkerProcess(index, cast("subprocess.Popen[bytes]", ALIVE), control))
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.close()
        for task in self._serving:
            task.cancel()
        await self._group.__aexit__(None, None, None)


ALIVE = SimpleNamespace(pid=os.getpid(), poll=lambda: None, returncode=None)
