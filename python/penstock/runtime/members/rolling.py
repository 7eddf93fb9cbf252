"""Changes that nodes apply one after the other: each waits for those before it, and a refusal stops the rest."""

import json
import secrets
from collections.abc import Iterable, Mapping

from penstock.runtime.change.entries import ROLLING_KEY
from penstock.runtime.members.member import Member
from penstock.store import Snapshot


def rolling_entry(first: str, others: Iterable[str]) -> dict[str, str]:
    """What goes beside a change that nodes apply in turn, beginning with the one that was asked for it."""
    nodes = [first, *sorted(name for name in others if name != first)]
    # Else the second change in the same order would be none.
    return {ROLLING_KEY: json.dumps({"nodes": nodes, "change": secrets.token_hex(8)})}


def is_held_up(snapshot: Snapshot, applied: int, name: str, members: Mapping[str, Member]) -> bool:
    """Whether nodes come first that are there and have not applied what this one would apply now.

    Shape: `applied` is the revision that this node runs. Who is not in the order comes last.
    """
    entry = snapshot.entries.get(ROLLING_KEY)
    if entry is None or entry.modified <= applied:
        return False
    nodes = _nodes(entry.value)
    before = nodes[: nodes.index(name)] if name in nodes else nodes
    return any(members[one].applied < entry.modified for one in before if one in members)


def _nodes(text: str) -> list[str]:
    """The order; of what is none, nobody waits for anybody."""
    try:
        nodes = json.loads(text)["nodes"]
    except (ValueError, TypeError, KeyError):
        return []
    return [name for name in nodes if isinstance(name, str)] if isinstance(nodes, list) else []
