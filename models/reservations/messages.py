"""Messages about reservations."""

import datetime as dt

from pydantic import BaseModel

from models.bookings.booking import Booking, Item, PaymentView, Visit
from models.bookings.lifecycle import BookingKind, BookingState, PaymentStatus
from models.core.fencing import Fence
from models.core.keys import item_reference
from models.core.patience import Patience
from models.core.people import Contact
from models.core.supply import Quote
from models.core.venues import VenueGuest, VenueSlot
from models.reservations.policy import Approval

SLOT = 1
"""The number of the one item of a reservation."""
APPROVE = "approve"
"""The step that problems of a reservation name which waited for its venue."""


def visit_of(slot: VenueSlot) -> Visit:
    """Return what events tell of a slot."""
    return Visit(
        venue_id=slot.venue_id,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        time_zone=slot.time_zone,
        party_size=slot.party_size,
    )


class BookReservationRequest(BaseModel):
    """Everything ``BookReservation`` needs. Ids are made by the caller of the workflow."""

    booking_id: str
    booking_reference: str
    caller_id: str
    idempotency_key: str
    fingerprint: str
    """Of the request body; a repeat with another one is refused."""
    venue_id: str
    """Of our own record (``venues.id``)."""
    slot: VenueSlot
    guest_id: str
    """The caller's own id of the guest."""
    guest: VenueGuest
    contact: Contact
    allow_duplicate: bool = False
    """Whether the guest may have another reservation at the venue at that time."""
    quote: Quote
    """What it costs, answered before anything was begun; honoured until it expires."""
    payment_method_id: str | None = None
    """None where nothing is to be paid."""
    approval: Approval = "instant"
    """``manual``: it ends HELD, and a person decides (``ConfirmHeld``)."""
    hold_seconds: int
    """How long the place is held to be paid, and approved."""
    traveler_id: str = ""
    patience: Patience = Patience()

    def new_booking(self, now: dt.datetime) -> Booking:
        """Return the booking as it begins: PENDING, quoted, nothing reserved or paid."""
        price = self.quote.payable.price
        free = price.amount == 0
        return Booking(
            id=self.booking_id,
            kind=BookingKind.RESERVATION,
            reference=self.booking_reference,
            state=BookingState.PENDING,
            currency=price.currency,
            accepted_total=price.amount,
            items=[
                Item(
                    number=SLOT,
                    type=self.slot.type,
                    supplier=self.slot.supplier,
                    component_id=self.slot.venue_id,
                    title=self.slot.title,
                    currency=price.currency,
                    price=price.amount,
                    reference=item_reference(self.booking_id, SLOT),
                )
            ],
            payments=[
                PaymentView(
                    gateway=self.patience.gateway,
                    payment_method_id=None if free else self.payment_method_id,
                    currency=price.currency,
                    amount=price.amount,
                    status=PaymentStatus.NOT_REQUIRED if free else PaymentStatus.PENDING,
                )
            ],
            visit=visit_of(self.slot),
            hold_expires_at=now + dt.timedelta(seconds=self.hold_seconds),
            created_at=now,
            updated_at=now,
        )


class OpenReservation(BaseModel):
    """Asks for a reservation to be written down and its place to be claimed."""

    request: BookReservationRequest
    run: str
    """The workflow's first run id: tells this workflow, repeating itself, from an earlier one."""
    fence: Fence | None = None


class ApproveRequest(BaseModel):
    """Asks for a reservation that is HELD to be confirmed."""

    reason: str = ""


class ExpireRequest(BaseModel):
    """Asks for a reservation that is HELD, and was not approved in time, to be given up."""

    rule: str
    """By which it is, with the deadline; for the history."""
