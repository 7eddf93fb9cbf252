"""All sessions: begun, found and ended."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from penstock.admin.access.holders import digest, new_token
from penstock.admin.access.sessions.place import Place
from penstock.admin.access.sessions.session import Entrant, Session
from penstock.store import Unavailable

_MOST = 1_000
_MOST_OF_ONE = 20
_STEP_SECONDS = 60.0
"""How exactly it is kept when a session was seen: it would be written with each request else."""
COOKIE = "penstock_session"
SECURE_COOKIE = "__Host-penstock_session"
"""A name that browsers take over TLS only, for this very host."""


@dataclass(slots=True)
class Sessions:
    """The sessions of a gateway, or of all nodes that share a store; what shows one is kept nowhere."""

    place: Place
    clock: Callable[[], float] = time.time

    async def begin(self, who: Entrant, *, is_cookie: bool) -> tuple[str, Session]:
        """A new session, and the text that shows it."""
        now, text = self.clock(), new_token()
        made = Session(who, is_cookie, now, now, new_token())
        await self._make_room(who.user)
        await self.place.put(digest(text), made)
        return text, made

    async def find(self, text: str, *, is_cookie: bool, is_seen: bool = True) -> Session | None:
        """The session that a text shows, if it still lasts; it is seen then, and idle for as long again.

        An answer that goes on and on asks without that: it is nobody's sign of life.
        """
        key, now = digest(text), self.clock()
        session = await self.place.find(key)
        if session is None or session.is_cookie != is_cookie:
            return None
        if not session.lasts(now):
            await self._forget([key])
            return None
        if is_seen and now - session.seen >= _STEP_SECONDS:
            await self.place.put(key, replace(session, seen=now))
        return session

    async def end(self, text: str) -> None:
        """End the session that a text shows.

        Raises: Unavailable where other nodes may still know it.
        """
        await self.place.drop([digest(text)])

    async def _make_room(self, user: str) -> None:
        """Forget who is over, and of those who last whoever was seen least lately where there are too many."""
        every, now = await self.place.every(), self.clock()
        lasting = {key: one for key, one in every.items() if one.lasts(now)}
        own = {key: one for key, one in lasting.items() if one.user == user}
        gone = every.keys() - lasting.keys()
        gone |= set(_longest_unseen(own, len(own) - _MOST_OF_ONE + 1))
        gone |= set(_longest_unseen(lasting, len(lasting) - len(gone & lasting.keys()) - _MOST + 1))
        await self._forget(sorted(gone))

    async def _forget(self, keys: list[str]) -> None:
        try:
            await self.place.drop(keys)
        except Unavailable:
            return  # their leases end, and until then they are over by their times


def _longest_unseen(sessions: Mapping[str, Session], count: int) -> list[str]:
    return sorted(sessions, key=lambda key: (sessions[key].seen, sessions[key].began))[: max(count, 0)]
