"""What a kind of booking does in the transaction of a state change.

The record knows what all kinds share. What only one has (a trip's option and its lock), and what
follows from a transition elsewhere (the ledger), are hooks: ``models.kinds`` lists them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking
from models.bookings.changes import ChangeNote
from models.bookings.lifecycle import BookingKind, BookingState


@dataclass(frozen=True)
class Step:
    """A transition that is being written; the booking's row is locked."""

    booking: Booking
    """As it is to be stored."""
    from_state: BookingState
    """As stored before."""
    version: int
    """As it will be stored."""
    change: ChangeNote | None
    details: Mapping[str, Any] | None = None
    """Of the transition: what only its kind knows."""


class Hook:
    """Does nothing; kinds override what they need. What a hook raises undoes the transition."""

    async def before(self, session: AsyncSession, step: Step) -> None:
        """Act before the booking and its items are written."""

    def columns(self, step: Step) -> dict[str, Any]:  # noqa: ARG002
        """Return what else is written of the booking's row: who it is for, as a rule nothing."""
        return {}

    async def after(self, session: AsyncSession, step: Step) -> None:
        """Act when everything else is written."""


Hooks = Mapping[BookingKind, Sequence[Hook]]
"""Of each kind, in the order in which they act."""
