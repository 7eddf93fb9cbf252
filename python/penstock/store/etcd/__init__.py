"""A store in etcd, shared by many gateways. Nothing of it is imported before a gateway is told to use it."""

import os

# What the library tells on standard error on its own is told by exceptions too, and is no line of our log.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

# The library reads it when it is imported.
from penstock.store.etcd.access import Access
from penstock.store.etcd.opening import open_etcd_store

__all__ = ["Access", "open_etcd_store"]
