"""Where resources are kept and watched, and how files become one writer among others."""

from penstock.store.entry import (
    Author,
    Change,
    Conflict,
    Damaged,
    Entry,
    Forgotten,
    Lost,
    Result,
    Sealed,
    Snapshot,
    Transaction,
    Unavailable,
    Unknown,
)
from penstock.store.holding import Held, Lease
from penstock.store.memory import MemoryStore
from penstock.store.store import Store
from penstock.store.tree_store import Retention, TreeStore

__all__ = [
    "Author",
    "Change",
    "Conflict",
    "Damaged",
    "Entry",
    "Forgotten",
    "Held",
    "Lease",
    "Lost",
    "MemoryStore",
    "Result",
    "Retention",
    "Sealed",
    "Snapshot",
    "Store",
    "Transaction",
    "TreeStore",
    "Unavailable",
    "Unknown",
]
