"""``GET /booking/{id}/events``: a booking's life as server-sent events, as it happens."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sse_starlette import JSONServerSentEvent, ServerSentEvent

from api.core.callers import KnownCaller
from api.core.context import House
from api.core.schemas import Answer
from api.trips import reading, running, waiting
from api.trips.presenters import booking as translate
from api.trips.presenters import words
from models.bookings.booking import Booking, Event, HistoryEntry
from models.bookings.lifecycle import BookingState
from models.core.domain_errors import DomainError

POLL_SECONDS = 0.25
REREAD_SECONDS = 2.0
"""How often the booking itself is asked for when nothing new was told."""
LONGEST_SECONDS = 1800.0
"""A stream ends after this; clients come back by themselves with ``Last-Event-ID``."""
END_ID = "end"
"""Id of the last event. Who comes back with it is told to stop (204)."""


@dataclass(frozen=True)
class Resume:
    """Where a client left off."""

    seen: int
    """How many steps it has seen."""

    @classmethod
    def after(cls, last_event_id: str | None) -> "Resume":
        """Read ``Last-Event-ID``; what is not ours counts as none."""
        text = last_event_id or ""
        return cls(int(text) + 1 if text.isdecimal() and len(text) <= 6 else 0)


def _step(number: int, event: Event) -> ServerSentEvent:
    return JSONServerSentEvent(
        {
            "at": event.at.isoformat(),
            "step": event.step,
            "status": event.status,
            "message": words.sentence(event.message),
        },
        event="step",
        id=str(number),
    )


def _recorded_step(number: int, entry: HistoryEntry) -> ServerSentEvent:
    return _step(
        number,
        Event(at=entry.at, step="booking", status=entry.to_state, message=entry.why),
    )


def _state(booking: Booking) -> ServerSentEvent:
    return JSONServerSentEvent(_json(translate.book_answer(booking)), event="state")


def _end(booking: Booking) -> ServerSentEvent:
    return JSONServerSentEvent(_json(translate.book_answer(booking)), event="end", id=END_ID)


def _json(answer: Answer) -> dict[str, Any]:
    return answer.model_dump(mode="json", by_alias=True, exclude_unset=True)


async def watch(
    house: House, caller: KnownCaller, found: reading.Found, resume: Resume
) -> AsyncIterator[ServerSentEvent]:
    """Tell of every step as it happens, of every change of state, and of the end.

    A booking that waits for a person ends the stream as well: nothing moves until they act.
    """
    if not found.live:
        for number, entry in enumerate(found.history):
            if number >= resume.seen:
                yield _recorded_step(number, entry)
        yield _state(found.booking)
        yield _end(found.booking)
        return
    async for event in _follow(house, caller, found.booking, resume.seen):
        yield event


async def _follow(
    house: House, caller: KnownCaller, booking: Booking, told: int
) -> AsyncIterator[ServerSentEvent]:
    ending = asyncio.create_task(running.result_of(house, booking.id))
    shown: BookingState | None = None
    reread = 0.0
    until = time.monotonic() + LONGEST_SECONDS
    try:
        while time.monotonic() < until:
            over = ending.done()
            events = await running.ask_events(house, booking.id) or []
            for number in range(told, len(events)):
                yield _step(number, events[number])
            news = len(events) > told
            told = max(told, len(events))
            if over or news or time.monotonic() >= reread:
                reread = time.monotonic() + REREAD_SECONDS
                booking = await _now(house, caller, booking)
            if booking.state is not shown:
                shown = booking.state
                yield _state(booking)
            if over or _over(booking):
                # What was told between the two questions belongs before the end.
                last = await running.ask_events(house, booking.id) or []
                for number in range(told, len(last)):
                    yield _step(number, last[number])
                yield _end(booking)
                return
            await asyncio.wait({ending}, timeout=POLL_SECONDS)
    finally:
        ending.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await ending


def _over(booking: Booking) -> bool:
    return waiting.is_settled(booking)


async def _now(house: House, caller: KnownCaller, before: Booking) -> Booking:
    # A stream outlives short troubles of what it reads from.
    with suppress(DomainError, *running.NO_ANSWER, OSError):
        return (await reading.find(house, caller, before.id)).booking
    return before
