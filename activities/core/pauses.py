"""The loops of a worker: how long they wait for news, and while somebody is away."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

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


async def keep_doing(
    step: Callable[[], Awaitable[float]],
    stop: asyncio.Event,
    log: logging.Logger,
    trouble: str,
    *,
    wake: asyncio.Event | None = None,
) -> None:
    """Do a step again and again until ``stop`` is set; nothing that goes wrong ends it.

    Args:
        step: returns how many seconds the next one may wait; 0: it is due at once.
        stop: ends the loop after the step that is under way; ``wake`` has to be set with it.
        log: is told of the first failure in a row.
        trouble: what it is told, before the error.
        wake: makes the next step due before its time, not while steps fail.
    """
    away = 0.0
    while not stop.is_set():
        if wake is not None:
            wake.clear()
        try:
            seconds = await step()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            if not away:
                log.warning("%s: %s", trouble, error)
            away = longer(away)
            await pause(stop, away)
            continue
        away = 0.0
        if seconds:
            await pause(wake or stop, seconds)
