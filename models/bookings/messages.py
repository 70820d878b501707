"""Messages that every kind of booking shares: transitions, cancelling, an operator's decision."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, CancelledBy
from models.bookings.problems import Problem
from models.core.money import MinorUnits
from models.core.patience import Patience
from models.trips.changes import ChangeNote

REQUEST_SIGNAL = "request"
"""Brings a ``BookingRequest`` to whatever workflow runs under the booking's id."""

BOOKING_QUERY = "booking"

EVENTS_QUERY = "events"

PAYMENT_SIGNAL = "payment_changed"
"""Tells a running booking that its payment has changed at the gateway: look at it now."""

SUPPLIER_SIGNAL = "supplier_changed"
"""Tells a running booking that a reservation has changed at its supplier: look at it now."""


class RequestKind(StrEnum):
    """What may be asked of a booking that exists."""

    CANCEL = "CANCEL"
    CHANGE = "CHANGE"
    REFUND = "REFUND"
    RESOLVE = "RESOLVE"


class BookingRequest(BaseModel):
    """Something that is asked of a booking: accepted once it is in the history of a workflow.

    It is carried out whatever runs under the booking's id: a workflow ends by going on with the
    requests that came meanwhile.
    """

    id: str
    """Made by who accepts it; repeats of one request have the same."""
    kind: RequestKind
    requested_at: AwareDatetime
    """When it was accepted (UTC): the moment whose cancellation terms count."""
    who: str
    """The caller, for the history."""
    body: dict[str, Any] = {}
    """``CancelRequest``, ``Resolution``, …, as JSON."""


class RequestOutcome(BaseModel):
    """How a request ended; recorded under its id."""

    request: BookingRequest
    problem: Problem | None = None
    """Why it was not carried out; None when it was."""


class RequestsRun(BaseModel):
    """What a workflow needs that carries requests out: it takes the first, and goes on."""

    booking_id: str
    patience: Patience = Patience()
    waiting: list[BookingRequest] = []
    """Requests of an earlier run; others come by signal."""


class CancelRequest(BaseModel):
    """Asks for the whole booking to be cancelled, or for the components named."""

    by: CancelledBy = CancelledBy.GUEST
    reason: str = ""
    components: list[str] = []
    """Component ids; empty for the whole booking."""
    accepted_fee: MinorUnits | None = None
    """The most that may be kept, in minor units of the booking's currency; None for any fee."""


class Resolution(BaseModel):
    """An operator's decision about one case of a booking.

    ``retry`` runs what failed once more; ``resolved`` says that a person has settled it.
    """

    case_id: int
    decision: Literal["retry", "resolved"]
    note: str
    supplier_id: str | None = None
    """With ``retry``: the supplier's id of a reservation found by hand."""
    paid_by_hand: bool = False
    """With ``resolved``: what the traveller is owed has been paid out otherwise."""


class BookingRef(BaseModel):
    """Names a booking."""

    booking_id: str


UNSETTLED_CASE = "SAGA"
"""Kind of a case: a workflow could not settle something; ``ResolveCase`` carries a decision out."""

SUPPLIER_CASE = "SUPPLIER"
"""Kind of a case: something has happened at a supplier, to be looked after for the traveller."""

FEE_CASE = "FEE"
"""Kind of a case: a supplier keeps another fee than the stored terms say."""


class CaseNote(BaseModel):
    """Something for an operator that does not hold the booking up."""

    kind: str
    source: str
    """At most one case of a source is open."""
    summary: str
    details: dict[str, Any] = {}
    once: bool = False
    """Whether a settled case of this source is the last one: the same thing opens no other."""


class CaseClosing(BaseModel):
    """An open case that is settled."""

    source: str
    by: str
    resolution: str


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
    """What a person must settle; opened in the same transaction."""
    settled_cases: list[CaseClosing] = []
    ended_requests: list[RequestOutcome] = []


class EndedRequests(BaseModel):
    """Requests that ended without a transition."""

    booking_id: str
    outcomes: list[RequestOutcome]


class Recorded(BaseModel):
    """The answer of ``record``."""

    version: int
    planner_told: bool = True
    """False when the trip planner could not be told what became of its trip option."""
