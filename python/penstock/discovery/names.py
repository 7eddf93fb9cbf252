"""The addresses of host names, looked up beside the request path and kept when a lookup fails."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

_log = logging.getLogger("penstock")
REFRESH_SECONDS = 30.0
_FIRST_SECONDS = 2.0
_MOST_LOOKUPS = 16

Lookup = Callable[[str], tuple[str, ...]]


def system_lookup(name: str) -> tuple[str, ...]:
    """The addresses of a name as the system resolves it, in its order of preference.

    Raises: OSError if there are none; UnicodeError if it cannot be a name.
    """
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(slots=True)
class Names:
    """Keeps the addresses of the host names that are in use, and says when some change.

    A name whose lookup fails keeps the addresses it had, for ever if need be.
    """

    on_change: Callable[[], None]
    lookup: Lookup = system_lookup
    _known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _wanted: frozenset[str] = frozenset()
    _failed: set[str] = field(default_factory=set)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MOST_LOOKUPS))

    async def want(self, names: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """The addresses of names, which are looked up from now on; those of the rest are forgotten.

        Waits a little for names that are new; one that is slow has no addresses yet, and a change follows.
        """
        self._wanted = frozenset(names)
        self._known = {name: known for name, known in self._known.items() if name in self._wanted}
        self._failed &= self._wanted
        new = self._wanted - self._known.keys() - self._failed
        if new:
            await self._look_up_all(new)
        return {name: self._known.get(name, ()) for name in sorted(self._wanted)}

    async def refresh(self) -> None:
        """Look up every name again and again."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            if await self._look_up_all(self._wanted):
                self.on_change()

    async def _look_up_all(self, names: Iterable[str]) -> bool:
        """Whether a name has other addresses than before."""
        return any(await asyncio.gather(*(self._look_up(name) for name in names)))

    async def _look_up(self, name: str) -> bool:
        async with self._slots:
            answer = _in_thread(lambda: self.lookup(name), lambda found: self._take_late(name, found))
            try:
                async with asyncio.timeout(_FIRST_SECONDS):
                    found = await answer
            except TimeoutError:
                self._fail(name, "no answer yet")
                return False
            except (OSError, UnicodeError) as problem:
                said = problem.strerror if isinstance(problem, OSError) else None
                self._fail(name, (said or str(problem)).lower())
                return False
        return self._take(name, found)

    def _take_late(self, name: str, found: tuple[str, ...]) -> None:
        """An answer that nobody waited for any more."""
        if self._take(name, found):
            self.on_change()

    def _take(self, name: str, found: tuple[str, ...]) -> bool:
        if name not in self._wanted or not found:
            return False
        if name in self._failed:
            self._failed.discard(name)
            _log.info("host name %s is found again", name)
        before = self._known.get(name, ())
        # Resolvers turn the order at every answer; the same addresses in another order are no news.
        if set(before) == set(found):
            return False
        self._known[name] = found
        return True

    def _fail(self, name: str, reason: str) -> None:
        if name not in self._failed:
            self._failed.add(name)
            known = self._known.get(name)
            follows = "its last addresses stay in use" if known else "requests to it are answered 502 until it is found"
            _log.warning("host name %s: %s; %s", name, reason, follows)


def _in_thread(
    call: Callable[[], tuple[str, ...]], late: Callable[[tuple[str, ...]], None]
) -> "asyncio.Future[tuple[str, ...]]":
    """The call's result from a thread that nobody waits for at exit: a lookup may hang for half a minute."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[tuple[str, ...]] = loop.create_future()

    def settle(found: tuple[str, ...] | None, problem: Exception | None) -> None:
        if future.cancelled():
            if found is not None:
                late(found)
        elif problem is not None:
            future.set_exception(problem)
        elif found is not None:
            future.set_result(found)

    def work() -> None:
        try:
            outcome = (call(), None)
        except Exception as problem:  # noqa: BLE001 - handed to whoever waits
            outcome = (None, problem)  # type: ignore[assignment]
        try:
            loop.call_soon_threadsafe(settle, *outcome)
        except RuntimeError:
            return  # the loop has ended meanwhile

    threading.Thread(target=work, name="lookup", daemon=True).start()
    return future
