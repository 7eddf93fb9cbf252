"""How short memory is, as the workers say in the shared table."""

from collections.abc import Iterable
from dataclasses import dataclass

from penstock._core import SharedTable

LEVELS = ("enough", "scarce", "shedding", "closed")
"""The levels by their numbers in the table; each stops what those before it stop, too."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is used of the limit that is nearest, and how short memory is therefore; `limit_bytes` 0: there is none."""

    level: str = LEVELS[0]
    used_bytes: int = 0
    limit_bytes: int = 0


def memory(table: SharedTable, columns: Iterable[int | None]) -> Memory:
    """What the worker says for whom it is shortest."""
    told = [table.memory(column) for column in columns if column is not None]
    if not told:
        return Memory()
    _, level, used, limit = max(told, key=lambda one: one[1:3])
    return Memory(LEVELS[min(level, len(LEVELS) - 1)], used, limit)
