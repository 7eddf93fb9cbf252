"""Where resources are kept and watched, and how files become one writer among others."""

from penstock.store.entry import Author, Change, Conflict, Entry, Forgotten, Snapshot, Transaction
from penstock.store.memory import MemoryStore
from penstock.store.store import Store

__all__ = [
    "Author",
    "Change",
    "Conflict",
    "Entry",
    "Forgotten",
    "MemoryStore",
    "Snapshot",
    "Store",
    "Transaction",
]
