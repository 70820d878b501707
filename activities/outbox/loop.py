"""The loop that moves events out: part of every worker process, as many of which may run."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from activities.outbox.sinks import Sink, SinkService
from models.core.database import Sessions
from models.core.outbox import BATCH, sequence

BUSY_SECONDS = 0.1
IDLE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
"""Between two attempts at a consumer that is away."""

log = logging.getLogger("tripsaga.outbox")


class OutboxLoop:
    """Gives events their positions, and delivers them to the sinks."""

    def __init__(self, sessions: Sessions, sinks: Sequence[Sink]) -> None:
        self._sessions = sessions
        self._services = [SinkService(sessions, sink) for sink in sinks]

    async def run(self, stop: asyncio.Event, grace_seconds: float) -> None:
        """Run until ``stop`` is set; what is being delivered then has ``grace_seconds`` to end.

        What does not end in time is delivered again by another worker.
        """
        tasks = [asyncio.create_task(self._sequence(stop))]
        tasks += [asyncio.create_task(self._serve(service, stop)) for service in self._services]
        await stop.wait()
        _, running = await asyncio.wait(tasks, timeout=grace_seconds)
        for task in running:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _sequence(self, stop: asyncio.Event) -> None:
        away = 0.0
        while not stop.is_set():
            try:
                async with self._sessions.begin() as session:
                    placed = await sequence(session)
                away = 0.0
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                if not away:
                    log.warning("the outbox cannot be read: %s", error)
                away = _longer(away)
                placed = 0
            if placed < BATCH:
                await _pause(stop, away or (BUSY_SECONDS if placed else IDLE_SECONDS))

    async def _serve(self, service: SinkService, stop: asyncio.Event) -> None:
        away = 0.0
        while not stop.is_set():
            try:
                more = await service.serve()
            except Exception as error:  # noqa: BLE001 - nothing may end the loop
                log.warning("events could not be delivered: %s", error)
                more = None
            away = (
                0.0 if more is not None else min(max(2 * away, IDLE_SECONDS), LONGEST_PAUSE_SECONDS)
            )
            if not more:
                await _pause(stop, away or IDLE_SECONDS)


def _longer(pause: float) -> float:
    return min(max(2 * pause, IDLE_SECONDS), LONGEST_PAUSE_SECONDS)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
