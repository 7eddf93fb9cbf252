"""A gateway that brings etcd along: begins a cluster or joins one, and keeps its member running."""

import asyncio
import contextlib
import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from penstock.runtime.change.opening import open_shared
from penstock.runtime.cluster.door import CannotJoin, Door, join
from penstock.runtime.cluster.member import EtcdProcess
from penstock.runtime.cluster.place import Address, ClusterPlace
from penstock.runtime.cluster.removal import take_out
from penstock.runtime.cluster.token import read_invitation
from penstock.runtime.settings import Settings
from penstock.store import Store, Unavailable
from penstock.store.etcd.client import Client
from penstock.store.etcd.members import etcd_members, promote

_log = logging.getLogger("penstock")
_FIRST_SECONDS = 60.0
"""Time for a first member to begin, and to learn what the others have."""
_AGAIN_SECONDS = 0.5
_LOOK_SECONDS = 10.0


@dataclass(slots=True)
class Clustered:
    """The part of a gateway that is etcd's."""

    settings: Settings
    place: ClusterPlace
    address: Address
    _process: EtcdProcess
    _client: Client | None = None
    door: Door | None = None

    async def open(self, *, is_known: bool) -> Store:
        """The store, once etcd runs. With `is_known`, what is to be served is known and nobody waits for it.

        Raises: ValueError, Unavailable.
        """
        try:
            await self._be_part()
            self._process.start()
        except (OSError, CannotJoin) as problem:
            raise Unavailable(f"the cluster: {problem}") from None
        access = self.place.access(self.address)
        self._client = Client(access)
        self._client.open()
        self.door = Door(self.place, self.address, self._client)
        if not is_known:
            try:
                async with asyncio.timeout(_FIRST_SECONDS):
                    await self._until_part()
            except TimeoutError:
                log = self.place.file("etcd.log")
                raise Unavailable(f"the cluster: etcd has not begun within {_FIRST_SECONDS:g} s; see {log}") from None
        return await open_shared(access, self.settings.history, self.settings.store_key, self._client)

    async def keep(self) -> None:
        """Keep etcd running, and know its members, until this is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._process.keep())
            group.create_task(self._look())
            group.create_task(self._open_door())

    async def close(self) -> None:
        """End what was opened; the member goes with it, and the others go on."""
        if self.door is not None:
            self.door.close()
        with contextlib.suppress(OSError):
            await self._process.stop()

    async def _open_door(self) -> None:
        """Let nodes join as soon as nobody else has the port: an earlier supervisor may, for a moment."""
        told = ""
        while self.door is not None:
            try:
                await self.door.open()
            except OSError as problem:
                if str(problem) != told:
                    told = str(problem)
                    _log.warning("nodes cannot join at port %d: %s", self.address.door, told)
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return

    async def _be_part(self) -> None:
        name, given = self.settings.node, self.settings.invitation
        if self.place.is_made:
            if given:
                _log.info("this node is part of a cluster already; the invitation is left unused")
            return
        if given:
            invitation = read_invitation(given)
            await join(self.place, invitation, name, self.address)
            return
        await asyncio.to_thread(self.place.begin, name, self.address.host)
        self.place.know({name: self.address.peer}, ())
        _log.info("a new cluster begins with this node; `penstock invite` lets others join")

    async def _until_part(self) -> None:
        """Return once this node's member counts; until then it learns from the others."""
        assert self._client is not None  # noqa: S101 - opened just before
        while True:
            with contextlib.suppress(Unavailable):
                if await promote(self._client, self.address.peer):
                    return
            await asyncio.sleep(_AGAIN_SECONDS)

    async def take_out(self, name: str, alive: Collection[str]) -> str:
        """Take a node that is gone for ever out of the cluster; its name.

        Raises: NoSuchNode, Stays, Unavailable.
        """
        if self._client is None:
            raise Unavailable("the cluster is not open yet")
        return await take_out(self._client, name, self.settings.node, alive)

    async def _look(self) -> None:
        """Know where the others are asked, so that this node goes on without its own member."""
        is_told = False
        while True:
            with contextlib.suppress(Unavailable, OSError):
                if self._client is not None:
                    members = await etcd_members(self._client)
                    is_part = any(self.address.peer in one.peers for one in members)
                    if not is_part and not is_told:
                        _log.error(
                            "this node was taken out of the cluster; it can join anew with an empty state folder"
                        )
                    is_told = not is_part
                    if is_part:
                        await promote(self._client, self.address.peer)
                    endpoints = tuple(sorted({url for one in members for url in one.clients} - {self.address.client}))
                    if endpoints and endpoints != self.place.endpoints:
                        await asyncio.to_thread(self.place.know, self.place.initial, endpoints)
                        self.learned(endpoints)
            await asyncio.sleep(_LOOK_SECONDS)

    def learned(self, endpoints: tuple[str, ...]) -> None:
        """Ask at these endpoints too."""
        if self._client is not None:
            self._client.extend(endpoints)


def clustered(settings: Settings, folder: Path, where: tuple[str, int]) -> Clustered:
    """The cluster's part of a gateway with these settings."""
    place, address = ClusterPlace(folder), Address(*where)
    return Clustered(settings, place, address, EtcdProcess(place, settings.node, address))
