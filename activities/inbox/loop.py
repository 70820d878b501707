"""The loop that empties the inbox: part of every worker process, as many of which may run.

Two workers never have one event at once (the claim is a row lock and a lease). When the database
is away the loop says so once and waits; nothing is lost, for the events are in it.
"""

import asyncio
import logging
from collections.abc import Sequence

from activities.core.pauses import LONGEST_SECONDS, pause
from activities.inbox.inbox import Inbox
from models.inbox.repository import ClaimedEvent

AT_ONCE = 8
"""Payments a worker looks at together: a gateway that is slow for one holds up no other."""

log = logging.getLogger("tripsaga.inbox")


class InboxLoop:
    """Claims what is due and handles it, several payments at a time."""

    def __init__(self, inbox: Inbox, poll_seconds: float) -> None:
        self._inbox = inbox
        self._poll_seconds = poll_seconds
        self._room = asyncio.Semaphore(AT_ONCE)
        self._away = False

    async def run(self, stop: asyncio.Event, grace_seconds: float) -> None:
        """Run until ``stop`` is set; what is being handled then has ``grace_seconds`` to end.

        What does not end in time comes back when its lease runs out.
        """
        seconds = self._poll_seconds
        handling: set[asyncio.Task[None]] = set()
        while not stop.is_set():
            await self._room.acquire()
            events = [] if stop.is_set() else await self._claim()
            if events:
                task = asyncio.create_task(self._handle(events))
                handling.add(task)
                task.add_done_callback(handling.discard)
                continue
            self._room.release()
            seconds = min(2 * seconds, LONGEST_SECONDS) if self._away else self._poll_seconds
            await pause(stop, seconds)
        if handling:
            await asyncio.wait(handling, timeout=grace_seconds)
        for task in handling:
            task.cancel()
        await asyncio.gather(*handling, return_exceptions=True)

    async def _claim(self) -> Sequence[ClaimedEvent]:
        try:
            events = await self._inbox.claim()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            if not self._away:
                log.warning("the inbox cannot be read: %s", error)
            self._away = True
            return []
        if self._away:
            log.info("the inbox can be read again")
            self._away = False
        return events

    async def _handle(self, events: Sequence[ClaimedEvent]) -> None:
        try:
            await self._inbox.handle(events)
        except Exception as error:  # noqa: BLE001 - nothing may end the loop
            # The outcome could not be written: the events come back with their lease.
            log.warning("events %s: %s", [event.id for event in events], error)
        finally:
            self._room.release()
