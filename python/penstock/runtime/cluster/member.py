"""A member of etcd beside the gateway: started, watched, started again, and ended with it.

It outlives a supervisor that is killed, as workers do; the next one goes on with it.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from penstock.runtime.cluster.place import Address, ClusterPlace

_log = logging.getLogger("penstock")
_LOOK_SECONDS = 0.5
_AGAIN_SECONDS = 2.0
_END_SECONDS = 10.0
_ABSENT = "`--cluster` needs etcd 3.4 or later on the PATH: install the package etcd-server, or a release of etcd"


@dataclass(slots=True)
class EtcdProcess:
    """The process of a member."""

    place: ClusterPlace
    name: str
    address: Address

    def start(self) -> None:
        """Start it, or go on with the one that an earlier supervisor has started.

        Raises: ValueError if there is no etcd; OSError.
        """
        if self._running() is None:
            self._spawn()
        self.place.file("etcd.owner").write_text(f"{os.getpid()}\n")

    async def keep(self) -> None:
        """Start it again whenever it has ended, until this is cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self._running() is not None:
                continue
            _log.error("etcd has ended, and is started again; %s", self.place.file("etcd.log"))
            try:
                self._spawn()
            except (OSError, ValueError) as problem:
                _log.error("etcd cannot be started: %s", problem)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def stop(self) -> None:
        """End it, unless another supervisor goes on with it by now."""
        pid = self._running()
        if pid is None or self.place.file("etcd.owner").read_text().strip() != str(os.getpid()):
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_END_SECONDS):
                    while self._running() == pid:  # noqa: ASYNC110 - it may be no child of this process
                        await asyncio.sleep(0.05)
                return

    def _running(self) -> int | None:
        """Its process, if it runs."""
        try:
            pid = int(self.place.file("etcd.pid").read_text())
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            # Another process may have got its number since.
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if str(self._data).encode() in words else None

    @property
    def _data(self) -> Path:
        return self.place.file("etcd").absolute()

    def _spawn(self) -> None:
        program = shutil.which("etcd")
        if program is None:
            raise ValueError(_ABSENT)
        with self.place.file("etcd.log").open("ab") as log:
            # Of a session of its own: what ends the gateway's group does not end it.
            process = subprocess.Popen(  # noqa: S603 - the flags are made here
                [program, *self._flags()], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.place.file("etcd.pid").write_text(f"{process.pid}\n")

    def _flags(self) -> list[str]:
        initial = self.place.initial
        own, state = self.address, "new" if len(initial) == 1 else "existing"
        certificates = {"cert": "node.pem", "key": "node.key", "trusted-ca": "authority.pem"}
        files = [(f"{kind}-file", str(self.place.file(file).absolute())) for kind, file in certificates.items()]
        settings = {
            "name": self.name,
            "data-dir": str(self._data),
            "listen-client-urls": own.client,
            "advertise-client-urls": own.client,
            "listen-peer-urls": own.peer,
            "initial-advertise-peer-urls": own.peer,
            "initial-cluster": ",".join(f"{name}={url}" for name, url in initial.items()),
            "initial-cluster-state": state,
            "auto-compaction-retention": "1h",
            "logger": "zap",
            "log-level": "warn",
            **dict(files),
            **{f"peer-{flag}": path for flag, path in files},
        }
        told = [word for flag, value in settings.items() for word in (f"--{flag}", value)]
        # Of two members that want to lead at once, one is elected; version 3.4 does not do so by itself.
        return [*told, "--client-cert-auth", "--peer-client-cert-auth", "--pre-vote"]
