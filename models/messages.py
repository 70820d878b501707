"""Messages between the API, the workflows and the activities. One object per call.

Fields are only ever added, with defaults: a running workflow may have been started by older code.
"""

import datetime as dt
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel

from models.booking import Booking, Item, PaymentView, Problem
from models.changing import ChangeNote, ChangeRequest, ChangeWish
from models.keys import item_reference
from models.lifecycle import BookingState, CancelledBy
from models.money import Currency, MinorUnits
from models.supply import Quote, Reservation
from models.trip import Contact, Traveler, TripOption

CANCEL_UPDATE = "cancel"
RESOLVE_UPDATE = "resolve"
BOOKING_QUERY = "booking"
EVENTS_QUERY = "events"
PAYMENT_SIGNAL = "payment_changed"
"""Tells a running booking that its payment has changed at the gateway: look at it now."""
SUPPLIER_SIGNAL = "supplier_changed"
"""Tells a running booking that a reservation has changed at its supplier: look at it now."""
PAYMENT_METHOD_UPDATE = "payment_method"
REFUND_UPDATE = "refund"
MODIFY_UPDATE = "modify"


class BookingOrder(StrEnum):
    """In which order the items of a trip are booked (docs/booking-order.md)."""

    CONTRACT = "contract"
    """Flights, then hotels, then experiences (contracts.md §1)."""
    UNDOABLE_FIRST = "undoable_first"
    """What is free to undo first and together, what cannot be undone last."""


class Patience(BaseModel):
    """How long to wait and how to dispatch, fixed when a workflow starts (so replay agrees).

    Times in seconds.
    """

    provider_timeout: dict[str, float] = {}
    """Longest answer of each provider; an activity gets a little more."""
    local: list[str] = []
    """Providers whose calls run as local activities (settings ``dispatch_*``)."""
    gateway: str = "stripe"
    """Who moves the money; its name in ``provider_timeout``, ``local`` and its queue."""
    order: BookingOrder = BookingOrder.CONTRACT
    """In which order the items are booked (settings ``booking_order``)."""
    task_queue: str = "trips"
    """The workflows' queue; a supplier's queue is ``{task_queue}-{supplier}``."""
    heartbeat: float = 6
    """A worker that dies during a call is noticed within this time, however slow the supplier."""
    retry_initial: float = 0.5
    step_deadline: float = 180
    undo_attempts: int = 20
    authentication_deadline: float = 900

    def queue(self, supplier: str) -> str:
        """Return the task queue of a supplier, where its rate limit holds."""
        return f"{self.task_queue}-{supplier}"


class BookTripRequest(BaseModel):
    """Everything ``BookTrip`` needs. Ids are made by the caller of the workflow."""

    booking_id: str
    booking_reference: str
    caller_id: str
    idempotency_key: str
    fingerprint: str
    """Of the request body; a repeat with another one is refused."""
    trip: TripOption
    travelers: list[Traveler]
    contact: Contact
    payment_method_id: str
    billing_details: dict[str, Any]
    amount: MinorUnits
    currency: Currency
    traveler_id: str = ""
    patience: Patience = Patience()

    def new_booking(self, now: dt.datetime) -> Booking:
        """Return the booking as it begins: PENDING, nothing quoted, booked or paid."""
        return Booking(
            id=self.booking_id,
            reference=self.booking_reference,
            trip_option_id=self.trip.trip_option_id,
            state=BookingState.PENDING,
            currency=self.currency,
            accepted_total=self.amount,
            items=[
                Item(
                    number=number,
                    type=component.type,
                    supplier=component.supplier,
                    component_id=component.component_id,
                    title=component.title,
                    currency=self.currency,
                    price=0 if component.currency != self.currency else component.price,
                    supplier_price=(
                        component.money if component.currency != self.currency else None
                    ),
                    reference=item_reference(self.booking_id, number),
                )
                for number, component in enumerate(self.trip.components, start=1)
            ],
            payment=PaymentView(
                gateway=self.patience.gateway,
                payment_method_id=self.payment_method_id,
                currency=self.currency,
                amount=self.amount,
            ),
            created_at=now,
            updated_at=now,
        )


class CancelRequest(BaseModel):
    """A wish to cancel: the whole booking, or the components named."""

    by: CancelledBy = CancelledBy.GUEST
    who: str
    """The caller, for the history."""
    reason: str = ""
    components: list[str] = []
    """Component ids; empty for the whole booking."""


class NewCard(BaseModel):
    """Another card for a booking whose card was refused."""

    payment_method_id: str
    who: str
    """The caller, for the history."""


class GoodwillRefund(BaseModel):
    """An operator gives back more than the terms ask for."""

    key: str
    """Of the request: a repeat gives nothing back a second time."""
    amount: MinorUnits
    who: str
    reason: str = ""
    item: int | None = None
    """The item it is about, if any."""


class SettlePaymentRequest(BaseModel):
    """What ``SettlePayment`` needs: a booking at rest whose money is to be looked at."""

    booking_id: str
    why: str
    """What led here, for the history: an event of the gateway, a reconciliation, an operator."""
    refund: GoodwillRefund | None = None
    stray: str | None = None
    """A payment made under this booking's id that is not the one on record: to be given back."""
    patience: Patience = Patience()


class ModifyBookingRequest(BaseModel):
    """What ``ModifyBooking`` needs."""

    booking_id: str
    change: ChangeRequest
    patience: Patience = Patience()


class QuoteChangeRequest(BaseModel):
    """What ``QuoteChange`` needs: a change that is only asked about."""

    booking_id: str
    wish: ChangeWish
    patience: Patience = Patience()


class CancelBookingRequest(BaseModel):
    """What ``CancelBooking`` needs."""

    booking_id: str
    cancel: CancelRequest
    patience: Patience = Patience()


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


# -- activities ------------------------------------------------------------------------------


class OpenBooking(BaseModel):
    """Asks for a booking to be written down."""

    request: BookTripRequest
    run: str
    """The workflow's first run id: tells this workflow, repeating itself, from an earlier one."""


class OpenedBooking(BaseModel):
    """The answer of ``open_booking``."""

    version: int = 0
    """Of the record of the new booking, which is VALIDATING."""
    taken_by: str | None = None
    """The booking that has this trip option, when it is not ours."""
    existing: Booking | None = None
    """The stored booking, when this id was booked before and Temporal has forgotten it."""


class BookingRef(BaseModel):
    """Names a booking."""

    booking_id: str


class ItemsQuoted(BaseModel):
    """The answer of ``quote_items``: what every item costs now, or why one cannot be had.

    Quotes come without their offers: those are large and stay in the record.
    """

    quotes: dict[int, Quote] = {}
    problems: list[Problem] = []

    def without_offers(self) -> "ItemsQuoted":
        """Return the same as workflows get it: the offers stay in the record."""
        quotes = {n: quote.model_copy(update={"offer": {}}) for n, quote in self.quotes.items()}
        return self.model_copy(update={"quotes": quotes})


class ItemCall(BaseModel):
    """Asks for one item to be booked or cancelled. The record holds what the supplier needs."""

    booking_id: str
    item: int
    key: str
    supplier_id: str | None = None
    """Found by an operator, where the supplier cannot look up our reference."""


class BookedItem(BaseModel):
    """The answer of ``book_item``: the reservation, or a definite refusal."""

    reservation: Reservation | None = None
    refused: Problem | None = None
    after_capture: bool = False
    """A HELD reservation is completed after the money is taken, not before."""
    doubtful: bool = False
    """Refused, but an earlier attempt was never answered and may still take effect."""


class LookedItem(BaseModel):
    """The answer of ``look_at_item``: the reservation as the supplier has it now."""

    reservation: Reservation | None = None
    """None: nothing was ever reserved, or nobody has seen what was."""


class CancelledItem(BaseModel):
    """The answer of ``cancel_item``: nothing is left of the item, or the supplier refused."""

    was_live: bool = False
    """Whether there was something to cancel."""
    supplier_fee: MinorUnits | None = None
    """What the supplier says it keeps, where it says so; minor units of its own currency."""
    supplier_fee_currency: Currency | None = None
    refused: Problem | None = None


class PaymentCall(BaseModel):
    """Asks for the booking's payment to be authorised, captured, given back or read.

    ``amount`` in minor units of the booking's currency.
    """

    booking_id: str
    key: str
    amount: MinorUnits = 0
    keep: MinorUnits = 0
    """For refunds: what stays with the house; everything else that was taken goes back."""
    hold: int = 1
    """Which payment of the booking: 2 when the first hold lapsed and was made anew, and so on."""
    authorisations: int = 1
    """How often the gateway has been asked to hold money so far: what an undo has to close."""
    payment_method_id: str | None = None
    """Another card than the booking began with."""
    reason: str = ""
    """Why money goes back; kept with the refund."""
    items: dict[int, MinorUnits] = {}
    """What of a refund is for which item, by item number."""


class StrayPayment(BaseModel):
    """Asks for a payment to be given back that is not the one the booking has on record."""

    booking_id: str
    payment_id: str
    key: str


class Advice(StrEnum):
    """What a refused card means for the traveller."""

    OTHER_CARD = "other_card"
    """Another card, or this one with its data mended, may be accepted."""
    DO_NOT_RETRY = "do_not_retry"
    """Lost, stolen, suspected of fraud: no further card is taken for this booking."""


class PaymentOutcome(BaseModel):
    """The payment as it is now, or a definite refusal."""

    payment: PaymentView | None = None
    """None when it was never created."""
    refused: Problem | None = None
    advice: Advice | None = None
    """With a refused card: what may help."""


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
