"""etcd that is not open to everybody: users, whose tokens may be forgotten, and certificates of both sides."""

import asyncio
from typing import Any

import pytest

from penstock.store import Author, Unavailable
from penstock.store.etcd import Access, open_etcd_store
from penstock.store.etcd.client import Client
from penstock.store.etcd.messages import Method
from penstock.store.etcd.protobuf import Field, Shape
from tests.servers.etcd import Etcd
from tests.servers.tls_client import AUTHORITY, CERTIFICATES

ME = Author("me", "test")
NAMED = Shape({"name": Field(1, str), "password": Field(2, str)})
GRANTED = Shape({"user": Field(1, str), "role": Field(2, str)})
PERMISSION = Shape({"type": Field(1, int), "key": Field(2, bytes), "range_end": Field(3, bytes)})
STEPS: tuple[tuple[str, Shape, dict[str, Any]], ...] = (
    ("RoleAdd", NAMED, {"name": "root"}),
    ("UserAdd", NAMED, {"name": "root", "password": "rooted"}),
    ("UserGrantRole", GRANTED, {"user": "root", "role": "root"}),
    ("RoleAdd", NAMED, {"name": "gateway"}),
    (
        "RoleGrantPermission",
        Shape({"name": Field(1, str), "perm": Field(2, PERMISSION)}),
        {"name": "gateway", "perm": {"type": 2, "key": b"/penstock/", "range_end": b"/penstock0"}},
    ),
    ("UserAdd", NAMED, {"name": "gateway", "password": "secret"}),
    ("UserGrantRole", GRANTED, {"user": "gateway", "role": "gateway"}),
    ("AuthEnable", Shape({}), {}),
)


def test_a_user_may_do_what_etcd_lets_it_and_its_token_is_renewed() -> None:
    with Etcd("3.4") as etcd:

        async def story() -> None:
            client = Client(Access(etcd.endpoints))
            client.open()
            for name, shape, request in STEPS:
                await client.ask(Method(f"/etcdserverpb.Auth/{name}", shape, Shape({})), request)
            await client.close()
            store = await open_etcd_store(Access(etcd.endpoints, user="gateway", password="secret"))
            await store.put("a", "1", ME)
            # A member that starts again knows none of the tokens that it gave out.
            etcd.kill(etcd.members[0])
            etcd.start(etcd.members[0])
            await asyncio.to_thread(etcd.wait, etcd.members[0])
            await store.put("a", "2", ME)
            lease = await store.grant(30)
            await store.keep_alive(lease)
            watch = store.watch(1)
            assert (await asyncio.wait_for(anext(watch), 20)).put["a"].value == "2"
            await store.close()
            for access, said in (
                (Access(etcd.endpoints, user="gateway", password="wrong"), "authentication failed"),
                (Access(etcd.endpoints, user="gateway", password="secret", prefix="/other/"), "permission denied"),
                (Access(etcd.endpoints), "user name is empty"),
            ):
                refused = await open_etcd_store(access)
                with pytest.raises(Unavailable, match=said):
                    await refused.put("a", "3", ME)
                await refused.close()

        asyncio.run(story())


def test_certificates_of_both_sides_are_asked_for() -> None:
    files = {"cert": "shop.pem", "key": "shop.key", "trusted-ca": AUTHORITY.name}
    flags = [f"--{name}-file={CERTIFICATES / file}" for name, file in files.items()]
    with Etcd("3.4", flags=[*flags, "--client-cert-auth"], scheme="https") as etcd:
        authority, certificate, key = (
            (CERTIFICATES / name).read_text() for name in (AUTHORITY.name, "client.pem", "client.key")
        )

        async def story() -> None:
            good = Access(
                etcd.endpoints, authorities=authority, certificate=certificate, key=key, server_name="shop.test"
            )
            store = await open_etcd_store(good)
            await store.put("a", "1", ME)
            await store.close()
            for bad in (
                Access(etcd.endpoints, authorities=authority, server_name="shop.test", patience_seconds=0.5),
                Access(etcd.endpoints, certificate=certificate, key=key, server_name="shop.test", patience_seconds=0.5),
                Access(etcd.endpoints, authorities=authority, certificate=certificate, key=key, patience_seconds=0.5),
            ):
                refused = await open_etcd_store(bad)
                with pytest.raises(Unavailable):
                    await refused.put("a", "2", ME)
                await refused.close()

        asyncio.run(story())
