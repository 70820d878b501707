"""``GET /booking/{id}/events``: a booking's life as server-sent events, as it happens."""

import datetime as dt
import re
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sse_starlette import JSONServerSentEvent, ServerSentEvent

from api.bookings import finding
from api.core.context import AppContext
from api.core.principals import Principal
from api.core.schemas import Answer
from api.trips.presenters import booking as translate
from api.trips.presenters.steps import Step, steps_of
from models.bookings.booking import Booking
from models.bookings.repository import Found
from models.core.database import DATABASE_AWAY
from models.core.domain_errors import DomainError

REREAD_SECONDS = 5.0
"""How often the booking is read when nothing has changed."""
LATEST = dt.timedelta(seconds=0.2)
"""So young a step may yet be preceded by one that is being committed: it gets its number later."""
LONGEST_SECONDS = 1800.0
"""A stream ends after this; clients come back by themselves with ``Last-Event-ID``."""
_ID = re.compile(r"(\d{1,6})(\.end)?", re.ASCII)
"""An event's id: the number of the last step told, and whether the end was told after it."""


@dataclass(frozen=True)
class Resume:
    """Where a client left off."""

    seen: int
    """How many steps it has seen."""
    ended: bool = False
    """It has seen the end that came after them."""

    @classmethod
    def after(cls, last_event_id: str | None, steps: int) -> "Resume":
        """Read ``Last-Event-ID`` for a booking of so many ``steps``.

        An id that we did not send counts as none.
        """
        told = _ID.fullmatch(last_event_id or "")
        if told is None or int(told[1]) >= steps:
            return cls(0)
        return cls(int(told[1]) + 1, bool(told[2]))

    def nothing_left(self, found: Found) -> bool:
        """Tell whether the end that the client saw still is the end of the booking."""
        return self.ended and not found.live and self.seen >= len(steps_of(found))


async def watch(
    context: AppContext, caller: Principal, found: Found, resume: Resume
) -> AsyncIterator[ServerSentEvent]:
    """Tell of every step as it happens, of every change of state, and of the end.

    ``found`` has the attempts of the booking. The stream ends with the booking's life, or when
    what was asked about it has been carried out.
    """
    told, shown = resume.seen, None
    standing = None
    until = time.monotonic() + LONGEST_SECONDS
    while True:
        steps = steps_of(found)
        young = [step for step in steps if found.live and step.at > found.read_at - LATEST]
        steps = steps[: len(steps) - len(young)]
        for number in range(told, len(steps)):
            yield _step(number, steps[number])
        told = max(told, len(steps))
        if found.booking.state is not shown:
            shown = found.booking.state
            yield _state(found.booking)
        if not found.live:
            yield _end(found.booking, told)
            return
        if time.monotonic() > until:
            return
        pause = LATEST.total_seconds() if young else REREAD_SECONDS
        standing = await context.watch.changed(found.booking.id, standing, pause)
        found = await _now(context, caller, found)


async def _now(context: AppContext, caller: Principal, before: Found) -> Found:
    # A stream outlives short troubles of what it reads from.
    with suppress(DomainError, TimeoutError, *DATABASE_AWAY):
        return await finding.find(context, caller, before.booking.id, attempts=True)
    return before


def _step(number: int, step: Step) -> ServerSentEvent:
    return JSONServerSentEvent(
        {
            "at": step.at.isoformat(),
            "step": step.step,
            "status": step.status,
            "message": step.message,
        },
        event="step",
        id=str(number),
    )


def _state(booking: Booking) -> ServerSentEvent:
    return JSONServerSentEvent(_json(translate.book_answer(booking)), event="state")


def _end(booking: Booking, told: int) -> ServerSentEvent:
    return JSONServerSentEvent(
        _json(translate.book_answer(booking)), event="end", id=f"{told - 1}.end"
    )


def _json(answer: Answer) -> dict[str, Any]:
    return answer.model_dump(mode="json", by_alias=True, exclude_unset=True)
