"""The face of every store."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence

from penstock.store.entry import Author, Change, Entry, Result, Snapshot, Transaction
from penstock.store.holding import Held, Lease
from penstock.store.tally import Tally


class Store(ABC):
    """Keeps resources; every change is a revision.

    Belongs to one event loop: its methods are called from there only. All of them raise Unavailable where the store
    cannot be reached, and Damaged where it does not hold what was written.
    """

    tally: Tally
    """What it was asked so far."""

    @abstractmethod
    async def range(self, prefix: str = "") -> Snapshot:
        """The entries whose keys begin with a prefix, all of one revision."""

    @abstractmethod
    async def transaction(self, transaction: Transaction) -> Change:
        """Make a change, whole or not at all; once it is answered it is durable.

        A transaction that would leave everything as it is makes no revision; it gives the latest.

        Raises: Conflict if an expectation does not hold; Lost if what it relies on is not held; ValueError if it puts
            and deletes the same key; Unknown if nobody can say whether it happened.
        """

    @abstractmethod
    def watch(self, since: int, prefix: str = "") -> AsyncIterator[Change]:
        """Every change after a revision that touches a prefix, in order, and further ones as they happen.

        Raises: Forgotten, at any step, if changes that would come next are no longer kept.
        """

    @abstractmethod
    async def history(self, most: int, newest: int | None = None) -> list[Change]:
        """The latest changes, newest first; those up to `newest` if it is given."""

    @abstractmethod
    async def change(self, revision: int) -> Change:
        """The change that made a revision.

        Raises: Forgotten.
        """

    @abstractmethod
    async def changes_of(self, key: str, most: int) -> list[Change]:
        """The latest changes of one key, newest first."""

    @abstractmethod
    async def at(self, revision: int, prefix: str = "") -> Snapshot:
        """The entries under a prefix as they were at a revision.

        Raises: Forgotten.
        """

    @abstractmethod
    async def attachment(self, entry: Entry) -> bytes:
        """What is attached to an entry, of now or of an earlier revision that is kept."""

    @abstractmethod
    async def note(self, revision: int, result: Result) -> None:
        """Keep what became of a revision at a node."""

    @abstractmethod
    async def results(self, oldest: int, newest: int) -> Mapping[int, Sequence[Result]]:
        """What became of revisions, at which node."""

    @abstractmethod
    async def mark(self, revision: int) -> str | None:
        """What tells a revision from one of the same number in another history; nothing if it is not kept."""

    @abstractmethod
    async def collect(self, while_held: Held | None = None) -> int:
        """Forget what is not to be kept any longer; how many blobs went. Done now and then without being asked.

        Raises: Lost if `while_held` is given and not held any more; then nothing is forgotten.
        """

    @abstractmethod
    async def grant(self, seconds: float) -> Lease:
        """A lease that runs out unless it is kept alive."""

    @abstractmethod
    async def keep_alive(self, lease: Lease) -> None:
        """Renew a lease, for as long again.

        Raises: Lost if it has run out.
        """

    @abstractmethod
    async def revoke(self, lease: Lease) -> None:
        """End a lease; what is held by it goes."""

    @abstractmethod
    async def hold(self, key: str, value: str, lease: Lease, fence: int | None = None) -> Held:
        """Hold a key for as long as a lease lasts, or give it another value. That is no revision.

        `fence` is what the key must be held with so far, 0 for by nobody.

        Raises: Conflict if it is held otherwise; Lost if the lease has run out.
        """

    @abstractmethod
    async def held(self, prefix: str = "") -> Mapping[str, Held]:
        """What is held under a prefix, by key."""

    @abstractmethod
    def watch_held(self, prefix: str = "") -> AsyncIterator[Mapping[str, Held]]:
        """What is held under a prefix: now, and whenever it has changed; what lasts for a moment may be left out."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of files and connections."""

    async def put(self, key: str, value: str, author: Author) -> Change:
        """Create or replace one entry."""
        return await self.transaction(Transaction(author, put={key: value}))

    async def delete(self, key: str, author: Author) -> Change:
        """Remove one entry; one that is not there stays so."""
        return await self.transaction(Transaction(author, delete=frozenset({key})))
