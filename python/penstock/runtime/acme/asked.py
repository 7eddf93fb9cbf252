"""Waits until some certificate is to be ordered; only then is loaded what orders them."""

import asyncio
import logging
from importlib import import_module
from typing import TYPE_CHECKING

from penstock.runtime.change.ordered import ordered
from penstock.store import Damaged, Unavailable

if TYPE_CHECKING:
    from penstock.runtime.supervisor import Supervisor

_log = logging.getLogger("penstock")
_AGAIN_SECONDS = 1.0


async def order_when_asked(supervisor: "Supervisor") -> None:
    """Order the certificates of a gateway, from when there are some until this is cancelled."""
    applying = supervisor.applying
    while not await _is_asked(supervisor):
        await applying.outcome_of(applying.outcome.store_revision + 1)
    try:
        module = await asyncio.to_thread(import_module, "penstock.runtime.acme.ordering")
    except ImportError as problem:
        _log.error("no certificates are ordered: %s; pip install 'penstock[acme]'", problem)
        return
    supervisor.ordering = module.Ordering(supervisor)
    while True:
        try:
            await supervisor.ordering.keep()
        except Exception:  # noqa: BLE001 - whatever it is, it must not end what serves
            _log.exception("no certificates are ordered for a moment")
            await asyncio.sleep(_AGAIN_SECONDS)


async def _is_asked(supervisor: "Supervisor") -> bool:
    try:
        return any(ordered(await supervisor.applying.seen()))
    except (Unavailable, Damaged):
        return False
