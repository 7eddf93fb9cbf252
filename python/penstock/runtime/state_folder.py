"""The folder in which a gateway keeps what outlives it: its lock, sockets and last good plan."""

import fcntl
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

_LONGEST_SOCKET_PATH = 107
_LONGEST_NAME = len("workers/before-4194304-0.sock")
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
    """The names of things in a state folder; nobody but the owner can look into it."""

    path: Path

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
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return descriptor

    def worker_socket(self, index: int) -> Path:
        """The control socket of a worker."""
        return self.path / "workers" / f"{index}.sock"

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
    def token(self) -> Path:
        """The hash of the admin token."""
        return self.path / "token"

    @property
    def last_good(self) -> Path:
        """The last plan that was applied and did not crash."""
        return self.path / "last-good.json"

    @property
    def store(self) -> Path:
        """The store, with the history of changes."""
        return self.path / "store.db"

    @property
    def bad_plans(self) -> Path:
        """The hashes of plans that crashed workers."""
        return self.path / "bad-plans.json"


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file in one step, readable by the owner alone; what it has done, no crash of the machine undoes.

    Raises: OSError.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(descriptor)
        beside.replace(path)
        _sync_folder(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def _sync_folder(path: Path) -> None:
    """Bring to disk which files a folder has: a file's own `fsync` says nothing of its name."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
