"""What a place has to be able to do in which revisions are kept: blobs by name, one head, an index of roots, leases."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from penstock.store.entry import Result
from penstock.store.holding import Held, Lease
from penstock.store.revisions.root import Head


@dataclass(frozen=True, slots=True)
class Commit:
    """A revision on its way: its blobs, and the head that it follows and becomes."""

    before: Head
    after: Head
    blobs: Mapping[str, bytes]
    while_held: Held | None = None
    is_kept_elsewhere: bool = False


Reach = Callable[[Sequence[Head]], Awaitable[set[str]]]
"""Gives the names of all blobs that some revisions lead to."""


class Backend(ABC):
    """Keeps blobs, and which revision is the latest.

    Every method raises Unavailable if the place cannot be reached or cannot be written to. Belongs to one event loop.
    """

    @abstractmethod
    async def head(self) -> Head:
        """The latest revision that anybody has been told of."""

    @abstractmethod
    async def roots(self, newest: int, most: int) -> list[Head]:
        """The kept revisions up to one, newest first."""

    @abstractmethod
    async def read(self, names: Collection[str]) -> Mapping[str, bytes]:
        """Blobs by name; one that is not there is left out."""

    @abstractmethod
    async def commit(self, commit: Commit) -> bool:
        """Keep the blobs, then make the new head the head; false if that was another meanwhile.

        What has been answered with true is durable.

        Raises: Lost if `while_held` is not held any more; Unknown.
        """

    @abstractmethod
    async def news(self, known: Head) -> None:
        """Return when the head may be another than the known one; at once if it is."""

    @abstractmethod
    async def forget(self, oldest: int, while_held: Held | None = None) -> None:
        """Keep no revision before one. Their blobs stay until they are collected.

        Raises: Lost if `while_held` is given and not held any more.
        """

    @abstractmethod
    async def collect(self, reach: Reach) -> int:
        """Remove all blobs that no kept revision leads to; how many."""

    @abstractmethod
    async def note(self, revision: int, result: Result) -> None:
        """Keep what became of a revision at a node, in the place of what was known of that."""

    @abstractmethod
    async def results(self, oldest: int, newest: int) -> Mapping[int, Sequence[Result]]:
        """What became of revisions."""

    @abstractmethod
    async def grant(self, seconds: float) -> Lease:
        """A new lease."""

    @abstractmethod
    async def keep_alive(self, lease: Lease) -> None:
        """Renew a lease.

        Raises: Lost.
        """

    @abstractmethod
    async def revoke(self, lease: Lease) -> None:
        """End a lease, with all that is held by it."""

    @abstractmethod
    async def hold(self, key: str, value: str, lease: Lease, fence: int | None) -> Held:
        """Hold a key, with a new fence.

        Raises: Conflict if its fence is not the given one, 0 being nobody's; Lost if the lease has run out.
        """

    @abstractmethod
    async def held(self, prefix: str) -> Mapping[str, Held]:
        """What is held under a prefix."""

    @abstractmethod
    async def held_news(self, prefix: str, known: Mapping[str, Held]) -> Mapping[str, Held]:
        """What is held under a prefix, as soon as it differs from what is known."""

    async def close(self) -> None:
        """Let go of what is open; nothing is asked afterwards."""
        return
