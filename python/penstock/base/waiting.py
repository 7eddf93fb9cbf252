"""Waits that come to an end."""

import asyncio


async def comes(event: asyncio.Event, seconds: float | None) -> bool:
    """Whether an event comes within a time; without one it is waited for as long as it takes."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
