"""Who asks for the members after something was acknowledged is shown it, also where news of it has not come yet."""

import asyncio
from dataclasses import replace

from penstock.runtime.members.member import Member
from penstock.runtime.members.membership import Membership
from penstock.store import MemoryStore


def test_who_has_just_come_is_one_of_the_members_before_anybody_was_told() -> None:
    async def story() -> None:
        store = MemoryStore()
        mine, other = Member("a", "1", applied=5), Member("b", "2", applied=4)
        # It hears of nothing: nobody keeps it.
        deaf = Membership(store, lambda: mine)
        lease = await store.grant(60)
        held = await store.hold("members/b", other.to_text(), lease)
        assert dict(await deaf.look()) == {"b": other}
        assert (await deaf.spread(4, 60)).applied == ("a", "b")
        late = await deaf.spread(5, 0.01)
        assert (late.applied, late.waiting) == (("a",), ("b",))
        await store.hold("members/b", replace(other, applied=5).to_text(), lease, held.fence)
        assert (await deaf.spread(5, 60)).is_everywhere
        await store.revoke(lease)
        assert dict(await deaf.look()) == {}

    asyncio.run(story())
