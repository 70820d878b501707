"""Heartbeats: how the server notices within seconds that a worker has died during a call."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from pydantic import BaseModel
from temporalio import activity

BEAT_SECONDS = 5.0


@asynccontextmanager
async def heartbeating() -> AsyncIterator[None]:
    """Heartbeat while the block runs, three times within the activity's heartbeat timeout."""
    timeout = activity.info().heartbeat_timeout
    if timeout is None:  # a local activity: the workflow task's own heartbeat covers it
        yield
        return
    async with _beats(timeout.total_seconds() / 3):
        yield


@asynccontextmanager
async def beating(progress: BaseModel | None = None) -> AsyncIterator[None]:
    """Heartbeat while the block runs, with the progress where there is one, and at its end."""
    details = () if progress is None else (progress,)
    try:
        async with _beats(BEAT_SECONDS, details):
            yield
    finally:
        activity.heartbeat(*details)


@asynccontextmanager
async def _beats(pause: float, details: Sequence[BaseModel] = ()) -> AsyncIterator[None]:
    beats = asyncio.create_task(_beat(pause, details))
    try:
        yield
    finally:
        beats.cancel()
        with suppress(asyncio.CancelledError):
            await beats


async def _beat(pause: float, details: Sequence[BaseModel]) -> None:
    while True:
        activity.heartbeat(*details)
        await asyncio.sleep(pause)
