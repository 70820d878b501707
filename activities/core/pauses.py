"""How long the loops of a worker wait: for news, and while somebody is away."""

import asyncio
import contextlib

LONGEST_SECONDS = 30.0
"""Between two attempts at what is away."""


async def pause(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, ``seconds`` at the longest; returns whether it has come."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()


def longer(seconds: float) -> float:
    """Return the pause after one of ``seconds`` (0: after none) that was in vain."""
    return min(max(2 * seconds, 1.0), LONGEST_SECONDS)
