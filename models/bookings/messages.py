"""Messages that every kind of booking shares: transitions, cancelling, an operator's decision."""

from typing import Any, Literal

from pydantic import BaseModel

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, CancelledBy
from models.trips.changes import ChangeNote

CANCEL_UPDATE = "cancel"

RESOLVE_UPDATE = "resolve"

BOOKING_QUERY = "booking"

EVENTS_QUERY = "events"

PAYMENT_SIGNAL = "payment_changed"
"""Tells a running booking that its payment has changed at the gateway: look at it now."""

SUPPLIER_SIGNAL = "supplier_changed"
"""Tells a running booking that a reservation has changed at its supplier: look at it now."""


class CancelRequest(BaseModel):
    """A wish to cancel: the whole booking, or the components named."""

    by: CancelledBy = CancelledBy.GUEST
    who: str
    """The caller, for the history."""
    reason: str = ""
    components: list[str] = []
    """Component ids; empty for the whole booking."""


class Resolution(BaseModel):
    """An operator's decision about a case.

    ``retry`` runs what failed once more; ``resolved`` says that a person has settled it.
    """

    decision: Literal["retry", "resolved"]
    who: str
    note: str = ""
    supplier_ids: dict[int, str] = {}
    """The supplier's id of a reservation found by hand, by item number, for ``retry``."""
    paid_by_hand: bool = False
    """With ``resolved``: what the traveller is owed has been paid out otherwise."""


class CancelOutcome(BaseModel):
    """How a wish to cancel ended."""

    booking: Booking
    too_late: bool = False
    """The booking was confirmed before the wish could be honoured: cancel the booking instead."""


class BookingRef(BaseModel):
    """Names a booking."""

    booking_id: str


FEE_CASE = "FEE"
"""Kind of a case: a supplier keeps another fee than the stored terms say."""


class CaseNote(BaseModel):
    """Something for an operator that does not hold the booking up."""

    kind: str
    source: str
    """At most one case of a source is open."""
    summary: str
    details: dict[str, Any] = {}


class Transition(BaseModel):
    """One recorded step of a booking: state, history, items and payment in one transaction."""

    booking: Booking
    """As it is to be stored; ``version`` is the one read, the stored one is one more."""
    from_state: BookingState
    who: str
    why: str
    tell_planner: bool = True
    """Whether the trip itself has changed: the planner need not hear of its money."""
    change: ChangeNote | None = None
    """What it means for a change of the booking that is under way."""
    cases: list[CaseNote] = []
    """What a person must settle beside it; opened in the same transaction."""


class Recorded(BaseModel):
    """The answer of ``record``."""

    version: int
    planner_told: bool = True
    """False when the trip planner could not be told what became of its trip option."""
