"""The file of a SQLite store: its tables, and what each error of SQLite means."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from penstock.store.entry import Damaged, Unavailable, Unknown

_APPLICATION = 0x50656E53
"""Says whose file it is, in the header of every SQLite file."""
_FORM = 1
"""Which tables there are; a file of a later form is not touched."""
_LARGEST_CHECKED = 64 * 1024 * 1024
"""Bytes of a file that is looked through when it is opened; of a larger one only what is read is checked."""
_BUSY_SECONDS = 5.0
_TABLES = (
    "CREATE TABLE blobs (name TEXT PRIMARY KEY, blob BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE roots (revision INTEGER PRIMARY KEY, root TEXT NOT NULL, written INTEGER NOT NULL)",
    "CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL)",
    "CREATE TABLE results (revision INTEGER, node TEXT, result TEXT NOT NULL, PRIMARY KEY (revision, node))",
    "INSERT INTO head VALUES (1, 0)",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_FORM}",
)
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_MISMATCH}
_UNSYNCED = {sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC}
_OF_DAMAGE = ("no such table", "no such column", "Could not decode to UTF-8")
"""What errors without a code of their own say where the file is not what was written."""


def open_file(path: Path) -> sqlite3.Connection:
    """The file, made if there is none, readable by its owner alone.

    Raises: Damaged, Unavailable.
    """
    with translated(path):
        is_new = _create(path)
        connection = _connect(path, "rwc")
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # With a log that is written ahead, less than this acknowledges what a loss of power undoes.
            connection.execute("PRAGMA synchronous = FULL")
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    if is_new:
        _sync_folders(path)
    return connection


def open_to_read(path: Path) -> sqlite3.Connection:
    """The file, for who only reads it, beside its writer if there is one.

    Raises: Damaged, Unavailable.
    """
    with translated(path):
        connection = _connect(path, "ro")
        try:
            _check_form(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Errors of SQLite and of the file system become those that stores have."""
    try:
        yield
    except sqlite3.Error as problem:
        code = getattr(problem, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        if code in _UNSYNCED:
            raise Unknown(f"{path}: {problem}") from None
        if code & 0xFF in _DAMAGED or isinstance(problem, sqlite3.DataError):
            raise Damaged(f"{path}: {problem}") from None
        if code == sqlite3.SQLITE_ERROR and any(text in str(problem) for text in _OF_DAMAGE):
            raise Damaged(f"{path}: {problem}") from None
        raise Unavailable(f"{path}: {problem}") from None
    except UnicodeError as problem:
        raise Damaged(f"{path}: {problem}") from None
    except OSError as problem:
        raise Unavailable(f"{path}: {(problem.strerror or str(problem)).lower()}") from None


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction: all of it, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        raise


def _create(path: Path) -> bool:
    """Make an empty file that nobody else can read; whether there was none."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return False
    return True


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        with writing(connection):
            for statement in _TABLES:
                connection.execute(statement)
        return
    _check_form(connection, path)
    if path.stat().st_size <= _LARGEST_CHECKED:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise Damaged(f"{path}: {found}")


def _check_form(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (form,) = connection.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION:
        raise Damaged(f"{path}: not a store")
    if form != _FORM:
        raise Unavailable(f"{path}: written by another version of Penstock")


def _sync_folders(path: Path) -> None:
    """Bring the name of a new file to disk, and that of its folder, which may be as new."""
    for folder in (path.parent, path.parent.parent):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
