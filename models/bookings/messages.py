"""Messages that every kind of booking shares: transitions, cancelling, an operator's decision."""

import hashlib
import json
from enum import StrEnum
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel

from models.bookings.booking import Booking
from models.bookings.changes import ChangeNote
from models.bookings.lifecycle import BookingState, CancelledBy
from models.bookings.problems import Problem
from models.core.fencing import Fence
from models.core.money import MinorUnits
from models.core.patience import Patience

REQUEST_SIGNAL = "request"
"""Brings a ``BookingRequest`` to whatever workflow runs under the booking's id."""

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
    APPROVE = "APPROVE"
    """Of a reservation that is HELD."""
    EXPIRE = "EXPIRE"
    """Made by us when nobody has approved it in time."""
    MOVE = "MOVE"
    """Another time, party or table for a reservation."""
    PAY = "PAY"
    """For what is held out of a quote."""


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
    request: BookingRequest | None = None
    """A request about it that begins to be carried out: on record from now on."""
    fence: Fence | None = None
    """Of the workflow that has something of it written."""


HOLD_LOST = "HoldLost"
"""Type of the error of a transition that would sell what is not held any more."""


class OpenedBooking(BaseModel):
    """The answer of an activity that writes a new booking down."""

    version: int = 0
    """Of the record of the new booking, which is VALIDATING."""
    reference: str = ""
    """Its human reference: another one than was asked for where that belongs to another booking."""
    refusal: Problem | None = None
    """Why it cannot be: another booking has what only one can have."""
    existing: Booking | None = None
    """The stored booking, when this id was booked before and Temporal has forgotten it."""


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


_VOLATILE = frozenset(
    {
        "fence",
        "version",
        "created_at",
        "updated_at",
        "confirmed_at",
        "booked_at",
        "cancelled_at",
        "opened_at",
        "resolved_at",
        "waits_until",
    }
)


def _without(content: Any, names: frozenset[str]) -> Any:
    """Return JSON without what is called one of ``names``, at any depth."""
    if isinstance(content, dict):
        return {k: _without(value, names) for k, value in content.items() if k not in names}
    return [_without(one, names) for one in content] if isinstance(content, list) else content


class Transition(BaseModel):
    """One recorded step of a booking: state, history, items and payment in one transaction."""

    booking: Booking
    """As it is to be stored; ``version`` is the one read, the stored one is one more."""
    from_state: BookingState
    who: str
    why: str
    fence: Fence | None = None
    """Of the workflow that writes it; None where nothing else can be writing."""
    change: ChangeNote | None = None
    """What it means for a change of the booking that is under way."""
    cases: list[CaseNote] = []
    """What a person must settle; opened in the same transaction."""
    settled_cases: list[CaseClosing] = []
    ended_requests: list[RequestOutcome] = []
    details: dict[str, Any] | None = None
    """What its kind's hook writes besides; None: nothing has changed of that."""

    def digest(self) -> str:
        """Return a digest of what is written, versions and our own times left out.

        A worker's successor takes the same step at another time: what it writes is the same then.
        """
        unused = {"details"} if self.details is None else None  # as digests were made without it
        content = _without(self.model_dump(mode="json", exclude=unused), _VOLATILE)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class EndedRequests(BaseModel):
    """Requests that ended without a transition."""

    booking_id: str
    outcomes: list[RequestOutcome]
    fence: Fence | None = None


class Recorded(BaseModel):
    """The answer of ``record``."""

    version: int
