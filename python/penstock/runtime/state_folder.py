"""The folder in which a gateway keeps what outlives it: its lock, sockets and last good plan."""

import fcntl
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

_LONGEST_SOCKET_PATH = 107
_LONGEST_NAME = len("workers/before-4194304-63.sock")
_OWNER_SECONDS = 0.5
"""Time for an owner that is just ending, or has just begun and not yet written who it is."""


class Owned(Exception):  # noqa: N818 - says what is the case
    """A folder whose gateway runs; the text says so in one line."""


class Unusable(Exception):  # noqa: N818 - says what is the case
    """A folder that cannot be used; the text says why in one line."""


def default_state_folder(words: Iterable[str]) -> Path:
    """The folder for what `words` name: the path of a configuration, or a command's arguments."""
    given = os.environ.get("PENSTOCK_STATE_DIR")
    if given:
        return Path(given)
    home = os.environ.get("XDG_STATE_HOME")
    base = Path(home) if home and Path(home).is_absolute() else Path.home() / ".local" / "state"
    digest = blake2b("\0".join(words).encode(errors="surrogateescape"), digest_size=8).hexdigest()
    return base / "penstock" / digest


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The names of things in a state folder; nobody but the owner can look into it.

    `generation` is put before the names of workers' sockets by an owner that begins while those of another still serve.
    """

    path: Path
    generation: str = ""

    def create(self) -> None:
        """Make the folder.

        Raises: Unusable.
        """
        if len(os.fsencode(self.path)) + 1 + _LONGEST_NAME > _LONGEST_SOCKET_PATH:
            raise Unusable(f"the path of the state folder is too long for sockets in it: {self.path}; use --state-dir")
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.path / "workers").mkdir(mode=0o700, exist_ok=True)
        except OSError as problem:
            raise Unusable(f"state folder {self.path}: {(problem.strerror or str(problem)).lower()}") from None

    def lock(self) -> int:
        """Become the owner; the descriptor holds the lock until it is closed or the process ends.

        Raises: Owned if another process is; Unusable.
        """
        path = self.path / "lock"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise Unusable(f"{path}: {(problem.strerror or str(problem)).lower()}") from None
        deadline = time.monotonic() + _OWNER_SECONDS
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                owner = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
                os.close(descriptor)
                raise Owned(f"already running as process {owner or 'unknown'}, with state folder {self.path}")
            time.sleep(0.02)
        sign(descriptor)
        return descriptor

    def worker_socket(self, index: int) -> Path:
        """The control socket of a worker."""
        return self.path / "workers" / f"{self.generation}{index}.sock"

    def worker_sockets(self) -> list[Path]:
        """The control sockets that are there, of workers alive or dead."""
        return sorted((self.path / "workers").glob("*.sock"))

    def earlier_socket(self, pid: int, index: int) -> Path:
        """Where the control socket of an earlier supervisor's worker goes, to make room for its successor's."""
        return self.path / "workers" / f"before-{pid}-{index}.sock"

    @property
    def admin_socket(self) -> Path:
        """Where the commands find the gateway."""
        return self.path / "admin.sock"

    @property
    def upgrade_socket(self) -> Path:
        """Where a newer version asks to take over."""
        return self.path / "upgrade.sock"

    @property
    def token(self) -> Path:
        """The hash of the admin token."""
        return self.path / "token"

    @property
    def tokens_used(self) -> Path:
        """When each token was used last."""
        return self.path / "tokens-used.json"

    @property
    def sessions(self) -> Path:
        """Who has come in, where no store that is shared holds it."""
        return self.path / "sessions.json"

    @property
    def audit(self) -> Path:
        """The folder of the audit log."""
        return self.path / "audit"

    @property
    def last_good(self) -> Path:
        """The last plan that was applied and did not crash."""
        return self.path / "last-good.json"

    @property
    def applied(self) -> Path:
        """What was last applied of a store that is shared with other nodes."""
        return self.path / "applied.json"

    @property
    def cluster(self) -> Path:
        """What a gateway keeps that brings etcd along."""
        return self.path / "cluster"

    @property
    def node(self) -> Path:
        """Who this node is among those that share a store."""
        return self.path / "node"

    @property
    def store(self) -> Path:
        """The store, with the history of changes."""
        return self.path / "store.db"

    @property
    def bad_plans(self) -> Path:
        """The hashes of plans that crashed workers."""
        return self.path / "bad-plans.json"


def generation_of(supervisor: int) -> str:
    """What is put before the names of the sockets of a successor's workers."""
    return f"{supervisor}-"


def sign(lock: int) -> None:
    """Write into the lock who owns the folder."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
