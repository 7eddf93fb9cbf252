"""The messages of etcd's interface that a store needs, and where they are sent.

Source: etcd 3.4 to 3.6, api/etcdserverpb/rpc.proto and api/mvccpb/kv.proto. Fields that are not used are left out.
"""

from typing import NamedTuple

from penstock.store.etcd.protobuf import Field, Shape

_HEADER = Shape({"revision": Field(3, int), "raft_term": Field(4, int)})
KEY_VALUE = Shape(
    {
        "key": Field(1, bytes),
        "create_revision": Field(2, int),
        "mod_revision": Field(3, int),
        "value": Field(5, bytes),
        "lease": Field(6, int),
    }
)
RANGE = Shape(
    {
        "key": Field(1, bytes),
        "range_end": Field(2, bytes),
        "limit": Field(3, int),
        "sort_order": Field(5, int),
        "sort_target": Field(6, int),
        "keys_only": Field(8, bool),
        "max_mod_revision": Field(11, int),
    }
)
_RANGED = Shape({"header": Field(1, _HEADER), "kvs": Field(2, KEY_VALUE, is_repeated=True), "more": Field(3, bool)})
PUT = Shape({"key": Field(1, bytes), "value": Field(2, bytes), "lease": Field(3, int)})
DELETE = Shape({"key": Field(1, bytes), "range_end": Field(2, bytes)})
_DELETED = Shape({"header": Field(1, _HEADER), "deleted": Field(2, int)})
OPERATION = Shape({"range": Field(1, RANGE), "put": Field(2, PUT), "delete": Field(3, DELETE)})
_DONE = Shape({"range": Field(1, _RANGED), "delete": Field(3, _DELETED)})
COMPARE = Shape(
    {
        "result": Field(1, int),
        "target": Field(2, int),
        "key": Field(3, bytes),
        "version": Field(4, int),
        "mod_revision": Field(6, int),
        "value": Field(7, bytes),
    }
)
_TXN = Shape(
    {
        "compare": Field(1, COMPARE, is_repeated=True),
        "success": Field(2, OPERATION, is_repeated=True),
        "failure": Field(3, OPERATION, is_repeated=True),
    }
)
_TXN_DONE = Shape(
    {
        "header": Field(1, _HEADER),
        "succeeded": Field(2, bool),
        "responses": Field(3, _DONE, is_repeated=True),
    }
)
_WATCH_CREATE = Shape(
    {
        "key": Field(1, bytes),
        "range_end": Field(2, bytes),
        "start_revision": Field(3, int),
        "progress_notify": Field(4, bool),
        "fragment": Field(8, bool),
    }
)
_EVENT = Shape({"type": Field(1, int), "kv": Field(2, KEY_VALUE)})
_WATCHED = Shape(
    {
        "header": Field(1, _HEADER),
        "created": Field(3, bool),
        "canceled": Field(4, bool),
        "compact_revision": Field(5, int),
        "cancel_reason": Field(6, str),
        "events": Field(11, _EVENT, is_repeated=True),
    }
)
_LEASE = Shape({"ID": Field(1, int)})
_LEASED = Shape({"header": Field(1, _HEADER), "ID": Field(2, int), "TTL": Field(3, int)})


class Method(NamedTuple):
    """A method of etcd: its path, the shapes of what is sent and answered, and whether it takes a leader."""

    path: str
    request: Shape
    response: Shape
    needs_leader: bool = True


TXN = Method("/etcdserverpb.KV/Txn", _TXN, _TXN_DONE)
WATCH = Method("/etcdserverpb.Watch/Watch", Shape({"create": Field(1, _WATCH_CREATE)}), _WATCHED)
GRANT = Method("/etcdserverpb.Lease/LeaseGrant", Shape({"TTL": Field(1, int), "ID": Field(2, int)}), _LEASED)
REVOKE = Method("/etcdserverpb.Lease/LeaseRevoke", _LEASE, Shape({}))
KEEP_ALIVE = Method("/etcdserverpb.Lease/LeaseKeepAlive", _LEASE, _LEASED)
AUTHENTICATE = Method(
    "/etcdserverpb.Auth/Authenticate",
    Shape({"name": Field(1, str), "password": Field(2, str)}),
    Shape({"token": Field(2, str)}),
)
_MEMBER = Shape(
    {
        "ID": Field(1, int),
        "name": Field(2, str),
        "peerURLs": Field(3, str, is_repeated=True),
        "clientURLs": Field(4, str, is_repeated=True),
        "isLearner": Field(5, bool),
    }
)
_ADDING = Shape({"peerURLs": Field(1, str, is_repeated=True), "isLearner": Field(2, bool)})
MEMBER_ADD = Method("/etcdserverpb.Cluster/MemberAdd", _ADDING, Shape({"member": Field(2, _MEMBER)}))
MEMBER_LIST = Method(
    "/etcdserverpb.Cluster/MemberList",
    Shape({"linearizable": Field(1, bool)}),
    Shape({"members": Field(2, _MEMBER, is_repeated=True)}),
)
MEMBERS_KNOWN = MEMBER_LIST._replace(needs_leader=False)
"""The members as one of them knows them."""
MEMBER_REMOVE = Method("/etcdserverpb.Cluster/MemberRemove", Shape({"ID": Field(1, int)}), Shape({}))
MEMBER_PROMOTE = Method("/etcdserverpb.Cluster/MemberPromote", Shape({"ID": Field(1, int)}), Shape({}))

EQUAL, LESS = 0, 2
VERSION, MODIFIED, VALUE = 0, 2, 3
"""What a comparison looks at."""
DESCENDING, BY_KEY = 2, 0
"""The order of a range."""
