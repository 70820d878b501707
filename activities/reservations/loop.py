"""The loop that looks after the time of reservations: part of every worker process."""

import asyncio
import logging

from activities.core.pauses import pause
from activities.reservations.lifecycle import Lifecycle

ROUND_SECONDS = 10.0
"""A place that was held for too long is free within 30 s: three rounds (I10)."""

log = logging.getLogger("tripsaga.lifecycle")


class LifecycleLoop:
    """Makes a round every few seconds; workers share what is due by leases."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle

    async def run(self, stop: asyncio.Event, grace_seconds: float) -> None:
        """Run until ``stop`` is set; a round that is under way has ``grace_seconds`` to end.

        What it leaves undone is claimed again when its lease runs out.
        """
        rounds = asyncio.create_task(self._rounds(stop))
        await stop.wait()
        await asyncio.wait([rounds], timeout=grace_seconds)
        rounds.cancel()
        await asyncio.gather(rounds, return_exceptions=True)

    async def _rounds(self, stop: asyncio.Event) -> None:
        away = False
        while not stop.is_set():
            more = False
            try:
                more = await self._lifecycle.round()
                away = False
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                if not away:
                    log.warning("what is due about reservations cannot be read: %s", error)
                away = True
            if not more:
                await pause(stop, ROUND_SECONDS)
