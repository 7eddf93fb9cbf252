"""Opens a store in etcd."""

from penstock.store.etcd.access import Access
from penstock.store.etcd.backend import EtcdBackend
from penstock.store.etcd.client import Client
from penstock.store.etcd.keys import Keys
from penstock.store.revisions.values import Values
from penstock.store.tree_store import Retention, TreeStore


async def open_etcd_store(
    access: Access, retention: Retention | None = None, values: Values | None = None, client: Client | None = None
) -> TreeStore:
    """The store that etcd keeps under a prefix. Whether etcd can be reached is seen by the first request.

    A `client` that is open already is used, and closed with the store.

    Raises: ValueError for endpoints that are none.
    """
    if client is None:
        client = Client(access)
        client.open()
    return TreeStore(EtcdBackend(client, Keys(access.prefix)), retention, values)
