"""Where stores can be opened, for tests of what all of them do."""

import itertools
from abc import ABC, abstractmethod
from pathlib import Path

from penstock.store import MemoryStore, Retention, Store
from penstock.store.etcd import Access, open_etcd_store
from penstock.store.sqlite import open_sqlite_store
from tests.servers.etcd import Etcd


class Place(ABC):
    """A place of one kind of store: empty at first. What is opened at it again finds what was there."""

    is_lasting = True
    """Whether a store that is opened again finds what an earlier one has written."""
    is_shared = False
    """Whether several stores can write to it at once."""

    @abstractmethod
    async def open(self, retention: Retention | None = None) -> Store:
        """A store at this place."""


class MemoryPlace(Place):
    """This process."""

    is_lasting = False

    def __init__(self, _folder: Path) -> None:
        pass

    async def open(self, retention: Retention | None = None) -> Store:
        """A new store."""
        return MemoryStore(retention.changes, retention.written) if retention else MemoryStore()


class SqlitePlace(Place):
    """A file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "store.db"

    async def open(self, retention: Retention | None = None) -> Store:
        """A store in the file."""
        return await open_sqlite_store(self.path, retention)


class EtcdPlace(Place):
    """A prefix of an etcd that runs already."""

    is_shared = True
    _numbers = itertools.count()

    def __init__(self, etcd: Etcd) -> None:
        self.access = Access(etcd.endpoints, f"/place/{next(self._numbers)}/")

    async def open(self, retention: Retention | None = None) -> Store:
        """A store under the prefix."""
        return await open_etcd_store(self.access, retention)
