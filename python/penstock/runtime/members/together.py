"""One gateway among those that share its store: its membership, its turn in changes, and its duties."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.runtime.members.election import PREFIX, Election
from penstock.runtime.members.housekeeping import DUTY, shorten_history
from penstock.runtime.members.member import Member, identity_in, own_member
from penstock.runtime.members.membership import Membership, members_of
from penstock.runtime.members.rolling import is_held_up
from penstock.store import Damaged, Snapshot, Unavailable

if TYPE_CHECKING:
    from penstock.runtime.supervisor import Supervisor

_log = logging.getLogger("penstock")
_AGAIN_SECONDS = 1.0
_COUNTING_SECONDS = 1.0


@dataclass(slots=True)
class Together:
    """What makes a supervisor one of many; a gateway whose store is its own is the only member of it."""

    supervisor: "Supervisor"
    membership: Membership = field(init=False)
    election: Election = field(init=False)
    _boot: str = field(default_factory=lambda: secrets.token_hex(8))
    _identity: str = field(init=False)

    def __post_init__(self) -> None:
        applying = self.supervisor.applying
        self._identity = identity_in(self.supervisor.launch.folder.node)
        self.membership = Membership(applying.store, self.own, self._heard)
        self.election = Election(self.membership)
        applying.hold_up = self._holds_up
        applying.told = self.membership.tell

    def own(self) -> Member:
        """This node as it is."""
        return own_member(self.supervisor, self._identity, self._boot)

    async def keep(self) -> None:
        """Be one of the nodes until this is cancelled."""
        while True:
            try:
                await self._keep()
            except Exception:  # noqa: BLE001 - whatever it is, it must not end what serves
                _log.exception("this node is no member for a moment")
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _keep(self) -> None:
        store = self.supervisor.applying.store
        async with asyncio.TaskGroup() as group:
            group.create_task(self.membership.keep())
            if self.supervisor.applying.standing is not None:
                group.create_task(self.election.lead(DUTY, lambda held: shorten_history(store, held)))

    async def duties(self) -> dict[str, list[str]]:
        """Which node has which duties.

        Raises: what the store raises.
        """
        found: dict[str, list[str]] = {}
        for key, held in (await self.supervisor.applying.store.held(PREFIX)).items():
            found.setdefault(held.value, []).append(key.removeprefix(PREFIX))
        return found

    def _holds_up(self, snapshot: Snapshot, applied: int) -> bool:
        others = {name: one for name, one in self.membership.members.items() if name != self.own().name}
        return is_held_up(snapshot, applied, self.own().name, others)

    def _heard(self) -> None:
        self._divide_rates()
        if self.supervisor.applying.is_held_up:
            self.supervisor.applying.look_again()

    def _divide_rates(self) -> None:
        """Tell the workers among how many nodes the rates are divided that are those of all together."""
        members = self.membership.members.values()
        # A node that is none itself comes back from where it was not heard, and others may be about to as well.
        if any(one.id == self._identity for one in members):
            _tell_nodes(self.supervisor, members, self._identity)


async def count_nodes(supervisor: "Supervisor") -> None:
    """Divide rates among the nodes that are there, before this one is a member; where that is not told, it is alone."""
    if supervisor.applying.standing is None:
        return
    with contextlib.suppress(Unavailable, Damaged, TimeoutError):
        async with asyncio.timeout(_COUNTING_SECONDS):
            members = await members_of(supervisor.applying.store)
        _tell_nodes(supervisor, members.values(), identity_in(supervisor.launch.folder.node))


def _tell_nodes(supervisor: "Supervisor", members: Iterable[Member], identity: str) -> None:
    others = sum(one.takes_requests for one in members if one.id != identity)
    supervisor.launch.starter.columns.table.tell_nodes(1 + others)
