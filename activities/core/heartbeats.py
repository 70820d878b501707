"""Heartbeats: how the server notices within seconds that a worker has died during a call."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from temporalio import activity


@asynccontextmanager
async def heartbeating() -> AsyncIterator[None]:
    """Heartbeat while the block runs, three times within the activity's heartbeat timeout."""
    timeout = activity.info().heartbeat_timeout
    if timeout is None:  # a local activity: the workflow task's own heartbeat covers it
        yield
        return
    beating = asyncio.create_task(_beat(timeout.total_seconds() / 3))
    try:
        yield
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating


async def _beat(pause: float) -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(pause)
