"""Takes a node that is gone for ever out of the cluster, so that it counts no more and another may have its name."""

import asyncio
from collections.abc import Collection

from penstock.runtime.cluster.place import Address
from penstock.store import Unavailable
from penstock.store.etcd.client import Client
from penstock.store.etcd.members import EtcdMember, answers, etcd_members, remove


class NoSuchNode(Exception):  # noqa: N818 - says what is the case
    """No node of the cluster is called so; the text names those that are."""


class Stays(Exception):  # noqa: N818 - says what becomes of it
    """A node that is not taken out; the text says why, and what to do instead."""


async def take_out(client: Client, name: str, own: str, alive: Collection[str]) -> str:
    """Take a node out, given by its name, or by its address if it was invited and has never come; what it was.

    Shape: `own` is the node that is asked, `alive` are those that are heard of.

    Raises: NoSuchNode, Stays, Unavailable.
    """
    members = await _members(client)
    found = next((one for one in members if _is_called(one, name)), None)
    if found is None:
        known = ", ".join(sorted(one.name or f"one that has not come yet, at {one.peers[0]}" for one in members))
        raise NoSuchNode(f"no node of the cluster is called {name}; its nodes: {known}")
    if found.name == own:
        raise Stays(f"{name} is the node that is asked; end it, and ask another one to take it out")
    if found.name in alive or await answers(client, found):
        raise Stays(f"{name} lives: end its gateway and its etcd first, and ask again when it is no member any more")
    # A dead one does not help to decide: without it the others do so more easily than before.
    await remove(client, found)
    return found.name or name


async def _members(client: Client) -> list[EtcdMember]:
    """All members, as long as there are enough to decide.

    Raises: Stays if there are not; Unavailable.
    """
    try:
        return await etcd_members(client)
    except Unavailable:
        voters = [one for one in await etcd_members(client, is_certain=False) if not one.is_learner]
    live = await asyncio.gather(*(answers(client, one) for one in voters))
    needed = len(voters) // 2 + 1
    if sum(live) >= needed:
        raise Unavailable("the cluster elects a leader; ask again")
    away = " or ".join(one.name for one, is_live in zip(voters, live, strict=True) if not is_live)
    raise Stays(
        f"{sum(live)} of {len(voters)} nodes answer, and {needed} have to before anything can be decided: start {away} "
        "again, or begin a new cluster where that is not possible"
    )


def _is_called(member: EtcdMember, name: str) -> bool:
    if member.name:
        return member.name == name
    host, _, port = name.rpartition(":")
    return port.isdecimal() and Address(host, int(port)).peer in member.peers
