"""Where sessions are kept, by the hash of what shows them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

from penstock.admin.access.sessions.session import Session


class Place(ABC):
    """Keeps sessions for as long as they last, or a little longer."""

    @abstractmethod
    async def find(self, key: str) -> Session | None:
        """One of them."""

    @abstractmethod
    async def every(self) -> Mapping[str, Session]:
        """All of them."""

    @abstractmethod
    async def put(self, key: str, session: Session) -> None:
        """Keep a new one, or one that has changed; one that has ended meanwhile stays so."""

    @abstractmethod
    async def drop(self, keys: Iterable[str]) -> None:
        """Keep some no longer.

        Raises: Unavailable where others may still know them.
        """
