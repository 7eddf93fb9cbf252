"""The face of every store."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

from penstock.store.entry import Author, Change, Snapshot, Transaction


class Store(ABC):
    """Keeps resources; every change is a revision.

    Belongs to one event loop: its methods are called from there only.
    """

    @abstractmethod
    async def range(self, prefix: str = "") -> Snapshot:
        """The entries whose keys begin with a prefix, all of one revision."""

    @abstractmethod
    async def transaction(self, transaction: Transaction) -> Change:
        """Make a change, whole or not at all.

        A transaction that would leave everything as it is makes no revision; it gives the latest.

        Raises: Conflict if an expectation does not hold; ValueError if it puts and deletes the same key.
        """

    @abstractmethod
    def watch(self, since: int, prefix: str = "") -> AsyncIterator[Change]:
        """Every change after a revision that touches a prefix, in order, and further ones as they happen.

        Raises: Forgotten, at any step, if changes that would come next are no longer kept.
        """

    @abstractmethod
    async def history(self, most: int) -> list[Change]:
        """The latest changes, newest first."""

    async def put(self, key: str, value: str, author: Author) -> Change:
        """Create or replace one entry."""
        return await self.transaction(Transaction(author, put={key: value}))

    async def delete(self, key: str, author: Author) -> Change:
        """Remove one entry; one that is not there stays so."""
        return await self.transaction(Transaction(author, delete=frozenset({key})))
