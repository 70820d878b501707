"""What callers are answered. Amounts in minor units, times in UTC (contracts.md §1)."""

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from api.core.schemas import Answer
from models.bookings.lifecycle import (
    BookingKind,
    BookingState,
    CancelledBy,
    ItemStatus,
    PaymentStatus,
    SagaState,
)
from models.bookings.problems import Code
from models.core.legs import Leg
from models.core.supply import ItemType


class FlightConfirmation(Answer):
    """What the traveller shows at the airport."""

    confirmation_code: str
    booking_reference: str
    pnr: str | None
    provider: str
    total_price: int
    currency: str


class PropertyChargeAnswer(Answer):
    """A tax or fee that the traveller pays at the hotel, on top of what was paid for it."""

    name: str = Field(description='What for ("city tax").')
    amount: int | None = Field(description="For the whole stay; null where the hotel does not say.")
    currency: str | None
    conditional: bool = Field(description="Only paid if its reason occurs, such as a pet.")


PayAtProperty = Annotated[
    list[PropertyChargeAnswer],
    Field(
        description="What the hotel takes itself, if anything; not part of the price.",
        exclude_if=lambda charges: not charges,
    ),
]


class HotelConfirmation(Answer):
    """What the traveller shows at the hotel."""

    confirmation_code: str
    booking_reference: str
    hotel_name: str
    total_price: int
    currency: str
    pay_at_property: PayAtProperty = Field(default=[])


class ActivityConfirmation(Answer):
    """What the traveller shows at the tour."""

    confirmation_code: str
    booking_reference: str
    name: str
    provider: str
    total_price: int
    currency: str
    status: Literal["CONFIRMED", "PENDING"] = "CONFIRMED"
    """PENDING: paid for, and yet to be confirmed by its operator; its price comes back if not."""


class Confirmations(Answer):
    """What has been booked; ``flight`` and ``hotel`` are the first ones of the lists."""

    flight: FlightConfirmation | None = None
    hotel: HotelConfirmation | None = None
    activities: list[ActivityConfirmation] = Field(default=[])
    flights: list[FlightConfirmation] = Field(default=[])
    hotels: list[HotelConfirmation] = Field(default=[])


class PaymentAnswer(Answer):
    """What was paid. ``clientSecret`` and ``nextAction`` only while the bank wants a proof.

    ``waitsUntil`` while the booking waits for that proof or for another card.
    """

    payment_intent_id: str | None
    amount: int
    """Really taken."""
    currency: str
    client_secret: str | None = None
    next_action: dict[str, Any] | None = None
    waits_until: AwareDatetime | None = None


class Undone(Answer):
    """A part that had been booked and has been given back."""

    component_id: str
    type: ItemType
    title: str
    message: str


class ComponentError(Answer):
    """Why a part is not as it was ordered, in words for the traveller."""

    code: Code
    """Stable; for machines."""
    message: str
    """Which part failed, and why."""
    field: str | None = Field(
        default=None,
        description="The part of the request it is about, where that is known.",
        examples=["travelers[1].document.number"],
        exclude_if=lambda field: field is None,
    )
    supplier_said: str | None = Field(
        default=None,
        description="The supplier's own words. In `GET /booking/{id}`, with an operator's key.",
        exclude_if=lambda words: words is None,
    )
    supplier_code: str | None = Field(
        default=None,
        description="The supplier's own code. In `GET /booking/{id}`, with an operator's key.",
        exclude_if=lambda code: code is None,
    )


class ErrorAnswer(ComponentError):
    """Why a booking is not as it was ordered, in words for the traveller."""

    failed_step: str
    undone: list[Undone]
    money: str
    """What happens to the money."""
    next_step: str
    """What the traveller can do."""
    details: dict[str, Any] = Field(default={})


class CaseAbout(Answer):
    """Something of the booking that a person is settling; it keeps nobody from the rest."""

    case_id: int
    kind: str
    component_id: str | None = Field(description="The component it is about, if any.")
    opened_at: AwareDatetime


class BookAnswer(Answer):
    """How a booking went, or where it stands."""

    success: bool
    booking_id: str
    booking_reference: str
    state: BookingState
    confirmations: Confirmations
    payment: PaymentAnswer
    warnings: list[str]
    needs_attention: bool = False
    cases: list[CaseAbout] = Field(default=[])
    error: ErrorAnswer | None = None
    message: str | None = None
    status_url: str | None = None
    events_url: str | None = None


class ExchangeRateAnswer(Answer):
    """How a supplier's price became what is paid: ``rate`` units of ``quote`` for one ``base``."""

    base: str
    quote: str
    rate: str = Field(description="A decimal number, exactly the one used.")
    as_of: dt.date
    source: str


class ComponentAnswer(Answer):
    """A component as stored.

    ``amount``, ``fee`` and the fees of ``cancellationTerms`` are in ``currency``, the payment's;
    ``supplierPrice`` is what the supplier asks, in its own.
    """

    number: int
    component_id: str
    type: ItemType
    supplier: str
    title: str
    status: ItemStatus
    saga_state: SagaState
    reference: str
    vendor_confirmation: str | None
    booking_reference: str | None
    pnr: str | None
    payment_intent_id: str | None
    amount: int
    currency: str
    fee: int
    supplier_price: int
    supplier_currency: str
    exchange_rate: ExchangeRateAnswer | None
    booked_at: AwareDatetime | None
    cancelled_at: AwareDatetime | None
    cancellation_terms: list[dict[str, Any]]
    legs: list[Leg] = Field(
        default=[], description="Where the traveller has to be, and when: local times and zones."
    )
    pay_at_property: list[PropertyChargeAnswer] = Field(
        default=[], description="What the hotel takes itself; not part of `amount`."
    )
    details: dict[str, Any]
    error: ComponentError | None


class RefundAnswer(Answer):
    """Money given back."""

    id: str
    amount: int
    status: str
    at: AwareDatetime


class DisputeAnswer(Answer):
    """A dispute of the charge by the card holder."""

    id: str
    amount: int
    status: str = Field(description="open, won or lost")
    at: AwareDatetime


class WholePaymentAnswer(PaymentAnswer):
    """The payment as stored; ``amount`` is what was to be paid."""

    charge_id: str | None
    payment_method_id: str | None
    status: PaymentStatus
    authorised: int
    captured: int
    refunded: int
    refunds: list[RefundAnswer]
    disputes: list[DisputeAnswer] = Field(default=[])
    supplements: list["WholePaymentAnswer"] = Field(
        default=[], description="What later changes of the booking were paid with."
    )


class HistoryAnswer(Answer):
    """One recorded transition."""

    version: int
    from_state: BookingState | None
    to_state: BookingState
    at: AwareDatetime
    who: str
    why: str


class WholeBooking(Answer):
    """A booking with everything stored about it."""

    booking_id: str
    booking_reference: str
    kind: BookingKind
    trip_option_id: str | None = Field(description="Null: it is no trip.")
    state: BookingState
    total_price: int
    currency: str
    components: list[ComponentAnswer]
    confirmations: Confirmations
    payment: WholePaymentAnswer
    history: list[HistoryAnswer]
    warnings: list[str]
    needs_attention: bool = Field(description="Whether a person must settle something about it.")
    cases: list[CaseAbout] = Field(description="The open ones.")
    error: ErrorAnswer | None
    note: str | None = Field(description="What is going on right now, in plain words.")
    cancelled_by: CancelledBy | None
    cancel_reason: str | None
    version: int
    created_at: AwareDatetime
    updated_at: AwareDatetime
    confirmed_at: AwareDatetime | None
    cancelled_at: AwareDatetime | None


class CancelledComponent(Answer):
    """A component that has been cancelled, what was kept and what is given back."""

    component_id: str
    type: ItemType
    title: str
    price: int
    fee: int
    refund: int = Field(
        description="Its share of what has been given back, which is less than price and fee leave"
        " where a dispute has the money."
    )
    currency: str
    cancelled_at: AwareDatetime | None


class RefundSummary(Answer):
    """What is given back for the booking so far, all refunds together."""

    amount: int
    currency: str
    status: str = Field(description="none, released, pending, partially_refunded or refunded")
    ids: list[str]


class CancelAnswer(Answer):
    """How a cancellation went."""

    success: bool
    booking_id: str
    booking_reference: str
    state: BookingState
    cancelled_components: list[CancelledComponent]
    refund: RefundSummary
    kept: int
    """What is not given back, of what was taken."""
    money: str
    warnings: list[str]
    needs_attention: bool = False
    cases: list[CaseAbout] = Field(default=[])
    error: ErrorAnswer | None = None
    message: str | None = None
    status_url: str | None = None
