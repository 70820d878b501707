"""The loop that moves events out: part of every worker process, as many of which may run."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

from activities.core.pauses import keep_doing, longer, pause
from activities.outbox.sinks import Sink, SinkService
from models.core.database import Sessions
from models.core.outbox import BATCH, nudged_by_commits, sequence

BUSY_SECONDS = 0.1
IDLE_SECONDS = 1.0
"""Pauses of who has just had something to do, and of who had not; a nudge ends them."""

log = logging.getLogger("tripsaga.outbox")


class OutboxLoop:
    """Gives events their positions, and delivers them to the sinks."""

    def __init__(
        self, sessions: Sessions, sinks: Sequence[Sink], *, placed: Callable[[], None] | None = None
    ) -> None:
        """Prepare; ``placed`` is called whenever events have got their positions."""
        self._sessions = sessions
        self._tell_placed = placed
        self._services = [SinkService(sessions, sink) for sink in sinks]
        self._written = asyncio.Event()
        """This process has committed events that have no position yet."""
        self._placed = {service: asyncio.Event() for service in self._services}
        """This process has given events their positions; of each sink, for it forgets that."""

    async def run(self, stop: asyncio.Event, grace_seconds: float) -> None:
        """Run until ``stop`` is set; what is being delivered then has ``grace_seconds`` to end.

        What does not end in time is delivered again by another worker.
        """
        with nudged_by_commits(self._written.set):
            trouble = "the outbox cannot be read"
            sequencing = keep_doing(self._sequence, stop, log, trouble, wake=self._written)
            tasks = [asyncio.create_task(sequencing)]
            tasks += [asyncio.create_task(self._serve(service, stop)) for service in self._services]
            await stop.wait()
            for nudge in (self._written, *self._placed.values()):
                nudge.set()
            _, running = await asyncio.wait(tasks, timeout=grace_seconds)
            for task in running:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _sequence(self) -> float:
        async with self._sessions.begin() as session:
            placed = await sequence(session)
        if placed:
            for nudge in self._placed.values():
                nudge.set()
            if self._tell_placed is not None:
                self._tell_placed()
        if placed == BATCH:
            return 0
        return BUSY_SECONDS if placed else IDLE_SECONDS

    async def _serve(self, service: SinkService, stop: asyncio.Event) -> None:
        placed, away, known = self._placed[service], 0.0, False
        busy = False
        while not stop.is_set():
            placed.clear()
            try:
                if not known:
                    await service.begin()
                    known = True
                more = await service.serve()
            except Exception as error:  # noqa: BLE001 - nothing may end the loop
                log.warning("events could not be delivered to %s: %s", service.name, error)
                more = None
            away = longer(away) if more is None else 0.0
            if away:
                await pause(stop, away)
            elif not more:
                await pause(placed, BUSY_SECONDS if busy else IDLE_SECONDS)
            busy = bool(more)
        with contextlib.suppress(Exception):  # the lease ends by itself
            await service.end()
