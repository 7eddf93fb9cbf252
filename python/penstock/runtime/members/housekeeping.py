"""What one node does for the store of all: it lets go of history that is not to be kept any longer."""

import asyncio
import logging

from penstock.store import Damaged, Held, Store, Unavailable

_log = logging.getLogger("penstock")
DUTY = "history"
_LOOK_SECONDS = 20.0


async def shorten_history(store: Store, held: Held) -> None:
    """Shorten history again and again, for as long as the duty is held.

    Raises: Lost.
    """
    while True:
        try:
            await store.collect(held)
        except (Unavailable, Damaged) as problem:
            _log.warning("history could not be shortened: %s", problem)
        await asyncio.sleep(_LOOK_SECONDS)
