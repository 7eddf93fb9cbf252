"""What backends share that no other process writes to: their leases are this process's."""

from collections.abc import Mapping

from penstock.store.backend import Backend
from penstock.store.holding import Held, Lease
from penstock.store.leases import Leases


class LoneBackend(Backend):
    """A backend of one process, whose leases are `_leases`."""

    _leases: Leases

    async def grant(self, seconds: float) -> Lease:
        """A new lease."""
        return self._leases.grant(seconds)

    async def keep_alive(self, lease: Lease) -> None:
        """Renew a lease."""
        self._leases.keep_alive(lease)

    async def revoke(self, lease: Lease) -> None:
        """End a lease."""
        self._leases.revoke(lease)

    async def hold(self, key: str, value: str, lease: Lease, fence: int | None) -> Held:
        """Hold a key."""
        return self._leases.hold(key, value, lease, fence)

    async def held(self, prefix: str) -> Mapping[str, Held]:
        """What is held under a prefix."""
        return self._leases.held(prefix)

    async def held_news(self, prefix: str, known: Mapping[str, Held]) -> Mapping[str, Held]:
        """What is held under a prefix, once it has changed."""
        return await self._leases.news(prefix, known)
