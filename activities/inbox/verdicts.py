"""What becomes of events, and who decides it: one handler for each kind of sender."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from models.inbox.repository import ClaimedEvent, EventStatus

UNKNOWN_FOR = dt.timedelta(minutes=5)
"""How long an event waits for its booking to be on record."""


@dataclass(frozen=True)
class Verdict:
    """What became of events: DONE, KEPT, DEAD, or RECEIVED for "later"."""

    status: EventStatus
    why: str


class Handler(Protocol):
    """Handles the events of some senders."""

    async def decide(self, events: Sequence[ClaimedEvent]) -> Verdict:
        """Handle events about one thing by one look, begun after all of them had arrived.

        Raises:
            Exception: they could not be handled now; they are handled again.
        """
        ...

    async def booking_of(self, events: Sequence[ClaimedEvent]) -> str | None:
        """Return the booking that events are about, as far as the record knows."""
        ...


def later(why: str) -> Verdict:
    """Have events handled later."""
    return Verdict(EventStatus.RECEIVED, why)


def unknown(events: Sequence[ClaimedEvent]) -> Verdict:
    """Return what becomes of events about a booking that is not on record (yet)."""
    if max(event.age for event in events) < UNKNOWN_FOR:
        return later("no booking is known for it yet")
    return Verdict(EventStatus.KEPT, "no booking is known for it")
