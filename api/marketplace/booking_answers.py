"""Bookings of stays, packages and tours as whoever made them sees them."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from api.bookings import money as told_money
from api.bookings import words
from api.marketplace.quote_answers import (
    ProductType,
    QuotedPrice,
    QuotedProvider,
    QuotedTerms,
    SoldAnswer,
    price_answer,
    terms_answer,
    what_is_sold,
    zone_of,
)
from models.bookings.booking import Booking, HistoryEntry
from models.bookings.lifecycle import BookingState, CancelledBy
from models.bookings.statuses import MarketStatus, market_status, status_of
from models.marketplace.quotes.snapshot import Snapshot
from models.marketplace.stock.reading import StoredPurchase

_S = BookingState
_UNPAID = frozenset({_S.HELD, _S.PAYMENT_PENDING})


class BookedPrice(QuotedPrice):
    """The price it was bought at, never reckoned anew; the lines add up to it."""

    version: Annotated[int, Field(description="1, and one more with each change of the booking.")]
    terms: QuotedTerms
    sha256: Annotated[str, Field(description="Of the snapshot, hex: of the first, the quote's.")]


class BookedPayment(BaseModel):
    """What is paid; amounts in minor units of the price's currency."""

    status: str
    amount: int
    captured: int
    refunded: int
    waits_until: Annotated[
        AwareDatetime | None, Field(description="For 3-D Secure, or another card.")
    ]
    client_secret: str | None
    next_action: dict[str, Any] | None


class BookedTraveler(BaseModel):
    """Somebody who comes."""

    first_name: str
    last_name: str


class BookedContact(BaseModel):
    """Where the lead is reached."""

    email: str
    phone: str | None


class BookedCancellation(BaseModel):
    """How it was cancelled."""

    by: Literal["GUEST", "PROVIDER", "OPERATOR"]
    reason: str | None
    fee: int
    refund: int


class BookedFailure(BaseModel):
    """Why it could not be had."""

    code: str
    message: Annotated[str, Field(description="What happened, in plain words.")]
    money: Annotated[str, Field(description="What happens to the traveller's money.")]
    next_step: Annotated[str, Field(description="What can be done now.")]


class BookedStep(BaseModel):
    """A step of its life."""

    from_: MarketStatus | None = Field(alias="from", serialization_alias="from")
    to: MarketStatus
    at: AwareDatetime
    who: str
    why: str


class BookingAnswer(SoldAnswer):
    """A booking, with what was bought. How often it was changed, its version tells."""

    id: str
    reference: str
    version: int
    status: MarketStatus
    attention: Annotated[
        bool, Field(description="Whether a person must settle something about it.")
    ]
    product_type: ProductType
    quote_id: str | None
    provider: QuotedProvider
    hold_expires_at: Annotated[
        AwareDatetime | None, Field(description="Up to then it is held, unpaid.")
    ]
    price_snapshot: BookedPrice
    payment: BookedPayment
    travelers: list[BookedTraveler]
    contact: BookedContact
    requests: str
    no_show: Annotated[bool, Field(description="Whether nobody came.")]
    cancellation: BookedCancellation | None
    failure: BookedFailure | None
    message: Annotated[str, Field(description="How it stands, and where the money is.")]
    created_at: AwareDatetime
    updated_at: AwareDatetime
    confirmed_at: AwareDatetime | None
    checked_in_at: AwareDatetime | None
    completed_at: AwareDatetime | None
    cancelled_at: AwareDatetime | None
    history: list[BookedStep]


class CancelQuoteAnswer(BaseModel):
    """What cancelling would keep now, by the terms it was bought on."""

    dry_run: Literal[True]
    id: str
    status: MarketStatus
    fee: int
    refund: int
    currency: str
    valid_until: Annotated[AwareDatetime | None, Field(description="Up to then it keeps no more.")]


def booking_answer(
    booking: Booking, stored: StoredPurchase, history: Sequence[HistoryEntry]
) -> BookingAnswer:
    """Return a booking, whole."""
    snapshot = Snapshot.model_validate(stored.snapshot)
    payment = booking.payments[-1]
    reached = {str(e.to_state): e.at for e in history if e.from_state is not e.to_state}
    lead, *_ = stored.travelers
    return BookingAnswer(
        **what_is_sold(snapshot),
        id=booking.id,
        reference=booking.reference,
        version=booking.version,
        status=market_status(booking),
        attention=booking.needs_attention,
        product_type=str(snapshot.product_type),
        quote_id=stored.quote_id,
        provider=QuotedProvider(**snapshot.provider.model_dump()),
        hold_expires_at=booking.hold_expires_at if booking.state in _UNPAID else None,
        price_snapshot=_price(snapshot, stored),
        payment=BookedPayment(
            status=payment.status,
            amount=booking.chargeable,
            captured=booking.captured,
            refunded=booking.refunded,
            waits_until=payment.waits_until,
            client_secret=payment.client_secret if payment.waits_until else None,
            next_action=payment.next_action if payment.waits_until else None,
        ),
        travelers=[
            BookedTraveler(first_name=one["first_name"], last_name=one["last_name"])
            for one in stored.travelers
        ],
        contact=BookedContact(email=stored.contact["email"], phone=stored.contact.get("phone")),
        requests=lead.get("requests", ""),
        no_show=booking.state is _S.NO_SHOW,
        cancellation=_cancellation(booking),
        failure=_failure(booking),
        message=_message(booking),
        created_at=booking.created_at,
        updated_at=booking.updated_at,
        confirmed_at=booking.confirmed_at,
        checked_in_at=reached.get("CHECKED_IN"),
        completed_at=reached.get("COMPLETED"),
        cancelled_at=booking.cancelled_at,
        history=_history(booking, history),
    )


def cancel_quote(
    booking: Booking, now: dt.datetime, by: CancelledBy = CancelledBy.GUEST
) -> CancelQuoteAnswer:
    """Return what cancelling would keep now."""
    live = booking.live_items if booking.confirmed_at is not None else []
    fee = sum(item.fee_at(now, by) for item in live)
    ends = [end for item in live if item.quote and (end := item.quote.payable.terms.step_ends(now))]
    if booking.state is _S.CANCELLED:
        fee = sum(item.fee for item in booking.items)
    return CancelQuoteAnswer(
        dry_run=True,
        id=booking.id,
        status=market_status(booking),
        fee=fee,
        refund=max(booking.captured - booking.refunded - fee, 0) if live else booking.refunded,
        currency=booking.currency,
        valid_until=min(ends, default=None),
    )


def _price(snapshot: Snapshot, stored: StoredPurchase) -> BookedPrice:
    terms = snapshot.terms
    return BookedPrice(
        **price_answer(snapshot.price).model_dump(exclude_unset=True),
        version=stored.snapshot_version,
        terms=terms_answer(terms.cancellation, terms.no_show_fee, zone_of(snapshot)),
        sha256=bytes(stored.sha256).hex(),
    )


def _cancellation(booking: Booking) -> BookedCancellation | None:
    if booking.cancelled_by is None:
        return None
    return BookedCancellation(
        by=booking.cancelled_by.value,
        reason=booking.cancel_reason,
        fee=sum(item.fee for item in booking.items),
        refund=booking.refunded,
    )


def _failure(booking: Booking) -> BookedFailure | None:
    if booking.problem is None or booking.state not in {_S.FAILED, _S.EXPIRED, _S.PAYMENT_PENDING}:
        return None
    code, _, message, next_step = words.failure(booking)
    told = told_money.money(booking)
    return BookedFailure(code=code, message=message, money=told, next_step=next_step)


_STANDS = {
    _S.HELD: "It is held for you until it is paid.",
    _S.PAYMENT_PENDING: "It is held for you while your bank is asked.",
    _S.PROCESSING: "It is yours; the payment is being taken.",
    _S.CONFIRMED: "It is booked.",
    _S.CHECKED_IN: "You have come.",
    _S.COMPLETED: "It is over.",
    _S.NO_SHOW: "Nobody came.",
    _S.CANCELLED: "It was cancelled.",
    _S.EXPIRED: "It is not held any more; nothing is booked.",
    _S.FAILED: "It could not be had; nothing is booked.",
}


def _message(booking: Booking) -> str:
    waits = booking.state is _S.PAYMENT_PENDING and booking.problem is not None
    told = words.progress(booking.state, booking.kind, card=True) if waits else None
    return " ".join(
        [
            told or _STANDS[booking.state],
            *([told_money.money(booking)] if booking.chargeable else []),
        ]
    )


def _history(booking: Booking, history: Sequence[HistoryEntry]) -> list[BookedStep]:
    """Return the steps that are told apart."""
    told: list[BookedStep] = []
    before: MarketStatus | None = None
    for entry in history:
        status = MarketStatus(status_of(entry.to_state, booking.kind, booking.cancelled_by))
        if status is not before or entry.from_state is entry.to_state:
            told.append(
                BookedStep(**{"from": before}, to=status, at=entry.at, who=entry.who, why=entry.why)
            )
        before = status
    return told
