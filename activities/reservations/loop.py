"""The loop that looks after the time of reservations: part of every worker process."""

import asyncio
import logging

from activities.core.pauses import keep_doing
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
        trouble = "what is due about reservations cannot be read"
        rounds = asyncio.create_task(keep_doing(self._round, stop, log, trouble))
        await stop.wait()
        await asyncio.wait([rounds], timeout=grace_seconds)
        rounds.cancel()
        await asyncio.gather(rounds, return_exceptions=True)

    async def _round(self) -> float:
        more = await self._lifecycle.round()
        return 0 if more else ROUND_SECONDS
