"""The members of etcd: who they are, how one is added, and how one is taken out."""

from dataclasses import dataclass, replace
from typing import Any

from penstock.store.entry import Unavailable
from penstock.store.etcd.client import Client
from penstock.store.etcd.messages import MEMBER_ADD, MEMBER_LIST, MEMBER_PROMOTE, MEMBER_REMOVE, MEMBERS_KNOWN

_ALIVE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class EtcdMember:
    """One member; one that was added and has not begun has no name."""

    id: int
    name: str
    peers: tuple[str, ...]
    clients: tuple[str, ...]
    is_learner: bool


async def etcd_members(client: Client, *, is_certain: bool = True) -> list[EtcdMember]:
    """All members, as a majority of them knows; else as whoever answers knows.

    Raises: Unavailable.
    """
    method = MEMBER_LIST if is_certain else MEMBERS_KNOWN
    return [_member(one) for one in (await client.ask(method, {"linearizable": is_certain}))["members"]]


async def add_learner(client: Client, peer: str) -> list[EtcdMember]:
    """Add a member that learns before it counts; all members, it among them. One that is there already stays.

    Raises: Unavailable.
    """
    known = await etcd_members(client)
    if not any(peer in one.peers for one in known):
        await client.ask(MEMBER_ADD, {"peerURLs": [peer], "isLearner": True}, may_repeat=False)
        known = await etcd_members(client)
    return known


async def promote(client: Client, peer: str) -> bool:
    """Let a member count; false while it has not learnt all.

    Raises: Unavailable.
    """
    mine = next((one for one in await etcd_members(client) if peer in one.peers), None)
    if mine is None:
        raise Unavailable(f"no member of etcd is at {peer}")
    if not mine.is_learner:
        return True
    try:
        await client.ask(MEMBER_PROMOTE, {"ID": mine.id}, may_repeat=False)
    except Unavailable:
        return False
    return True


async def remove(client: Client, member: EtcdMember) -> None:
    """Take a member out; whether it is dead is not asked here.

    Raises: Unavailable, also where the others would have no majority.
    """
    await client.ask(MEMBER_REMOVE, {"ID": member.id}, may_repeat=False)


async def answers(client: Client, member: EtcdMember) -> bool:
    """Whether a member answers by itself, with or without a majority."""
    if not member.clients:
        return False
    alone = Client(replace(client.access, endpoints=member.clients, patience_seconds=_ALIVE_SECONDS))
    alone.open()
    try:
        await etcd_members(alone, is_certain=False)
    except Unavailable:
        return False
    finally:
        await alone.close()
    return True


def _member(found: dict[str, Any]) -> EtcdMember:
    peers, clients = tuple(found["peerURLs"]), tuple(found["clientURLs"])
    return EtcdMember(found["ID"], found["name"], peers, clients, found["isLearner"])
