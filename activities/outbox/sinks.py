"""Serving a sink: events are delivered at least once, in order for each group.

One worker at a time serves a sink, by a lease. Its cursor is fenced by an epoch: a worker that was
paused and has lost the lease delivers at worst what it had begun, and moves nothing.
"""

import asyncio
import datetime as dt
import logging
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.exc import InterfaceError, OperationalError

from models.core.cases import CaseKind, close_case, open_case
from models.core.database import Sessions
from models.core.errors import AuthConfig, Fault
from models.core.outbox import FedEvent, events_after
from models.core.sinks import (
    Lease,
    add_dead_letter,
    add_sink,
    end_replay,
    lease_sink,
    letters_to_replay,
    move_cursor,
    release_sink,
)

STALLED = dt.timedelta(minutes=5)
"""After so long without a delivery a person must look."""

OUTAGES = (Fault, AuthConfig, TimeoutError, OSError, OperationalError, InterfaceError)
"""The consumer or the database is away, or does not let us in: not the event's fault."""

log = logging.getLogger("tripsaga.outbox")


@dataclass(frozen=True)
class Pace:
    """How a sink is served."""

    at_once: int = 8
    """Groups of events that are delivered together, one event of each at a time."""
    batch: int = 100
    """Events of one round."""
    lease_seconds: float = 30.0
    """How long a worker has the sink for itself; a dead worker's sink is taken over after it."""
    work_seconds: float = 20.0
    """How long one round of deliveries may take: always less than the lease."""


class Sink(Protocol):
    """Somebody who is told of events."""

    name: str
    """Of its row in ``event_sinks``."""
    pace: Pace

    def group(self, event: FedEvent) -> str | None:
        """Return what the event is about: events of one group are delivered one after another.

        None: it need not be told of this event.
        """

    async def deliver(self, event: FedEvent) -> None:
        """Tell it. May happen again for the same event.

        Raises:
            Fault, AuthConfig: it is away: nothing is delivered until it is back.
            Exception: it refuses this event; the event becomes a dead letter and a case.
        """


class SinkService:
    """Delivers what a sink has not heard of yet."""

    def __init__(self, sessions: Sessions, sink: Sink) -> None:
        self._sessions = sessions
        self._sink = sink
        self._pace = sink.pace
        self._lease = dt.timedelta(seconds=self._pace.lease_seconds)
        self._worker = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"

    @property
    def name(self) -> str:
        """The sink's name."""
        return self._sink.name

    async def begin(self) -> None:
        """Give a sink that is new its place: it gets every event that is kept."""
        async with self._sessions.begin() as session:
            await add_sink(session, self._sink.name)

    async def end(self) -> None:
        """Let another worker have the sink at once."""
        async with self._sessions.begin() as session:
            await release_sink(session, self._sink.name, self._worker)

    async def serve(self) -> bool | None:
        """Deliver the next events; True: there may be more, False: nothing to do.

        None: nothing can be delivered, wait before trying again.
        """
        async with self._sessions.begin() as session:
            lease = await lease_sink(session, self._sink.name, self._worker, self._lease)
            if lease is None:
                return False
            letters = await letters_to_replay(session, lease.sink, self._pace.batch)
            events = await events_after(session, lease.position, self._pace.batch)
        if letters:
            return await self._replay(lease, letters)
        if not events:
            return False
        left, error = await self._deliver(events)
        done = min(left) - 1 if left else events[-1].position
        if done > lease.position:  # it goes on, if not as fast as it might
            error = None
        await self._note(lease, done, error)
        return None if error else True

    async def _replay(self, lease: Lease, letters: Mapping[int, FedEvent]) -> bool | None:
        """Deliver dead letters again, oldest first; see :meth:`serve`."""
        name = lease.sink
        for letter, event in letters.items():
            try:
                async with asyncio.timeout(self._pace.work_seconds / len(letters)):
                    await self._sink.deliver(event)
            except OUTAGES as outage:
                await self._note(lease, lease.position, _said(outage))
                return None
            except Exception as error:  # noqa: BLE001 - it stays a dead letter
                log.warning("%s refuses %s again: %s", name, event.id, error)
                async with self._sessions.begin() as session:
                    await end_replay(session, letter, error=_said(error))
                continue
            async with self._sessions.begin() as session:
                await end_replay(session, letter)
                await close_case(
                    session,
                    source=f"event:{name}:{event.id}",
                    by="outbox",
                    resolution="sent again, and accepted",
                )
        return True

    async def _deliver(self, events: Sequence[FedEvent]) -> tuple[set[int], str | None]:
        """Deliver events; return the positions that are left, and why there are any."""
        groups: dict[str, list[FedEvent]] = {}
        for event in events:
            group = self._sink.group(event)
            if group is not None:
                groups.setdefault(group, []).append(event)
        left = {event.position for group in groups.values() for event in group}
        outages: list[str] = []
        room = asyncio.Semaphore(self._pace.at_once)

        async def tell(group: Sequence[FedEvent]) -> None:
            async with room:
                for event in group:
                    if outages:
                        return
                    try:
                        await self._tell(event)
                    except OUTAGES as outage:
                        outages.append(_said(outage))
                        return
                    left.discard(event.position)

        try:
            async with asyncio.timeout(self._pace.work_seconds):
                await asyncio.gather(*(tell(group) for group in groups.values()))
        except TimeoutError:
            outages.append(f"no answer within {self._pace.work_seconds:g} s")
        return left, outages[0] if outages else None

    async def _tell(self, event: FedEvent) -> None:
        try:
            await self._sink.deliver(event)
        except OUTAGES:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the events behind it must go
            await self._give_up(event, _said(error))

    async def _give_up(self, event: FedEvent, error: str) -> None:
        name = self._sink.name
        log.warning("%s refuses %s of booking %s: %s", name, event.type, event.booking_id, error)
        async with self._sessions.begin() as session:
            await add_dead_letter(session, name, event, error)
            await open_case(
                session,
                kind=CaseKind.EVENT,
                source=f"event:{name}:{event.id}",
                booking_id=event.booking_id,
                summary=f"{name} does not accept {event.type} of this booking: tell it otherwise",
                details={"eventId": event.id, "position": event.position, "error": error},
            )

    async def _note(self, lease: Lease, position: int, error: str | None) -> None:
        name, stalled = lease.sink, lease.stalled_for
        async with self._sessions.begin() as session:
            if not await move_cursor(session, lease, position, error):
                log.info("another worker serves %s", name)
                return
            if error is not None and stalled is not None and stalled >= STALLED:
                await open_case(
                    session,
                    kind=CaseKind.EVENT,
                    source=f"sink:{name}",
                    summary=f"{name} has heard of no booking for {STALLED}: {error}",
                    details={"error": error},
                )
            if error is None and stalled is not None:
                await close_case(
                    session, source=f"sink:{name}", by="outbox", resolution="it answers again"
                )
        if error is not None and stalled is None:
            log.warning("%s cannot be told: %s", name, error)
        if error is None and stalled is not None:
            log.info("%s can be told again", name)


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:500]
