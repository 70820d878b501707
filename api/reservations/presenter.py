"""Reservations as callers see them."""

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from api.bookings import money as told_money
from api.bookings import words
from api.reservations.answers import (
    AlternativeAnswer,
    CancellationAnswer,
    CancelQuote,
    FailureAnswer,
    FeeStepAnswer,
    GuestAnswer,
    HistoryAnswer,
    PaymentAnswer,
    PriceLineAnswer,
    PriceSnapshot,
    ReservationAnswer,
    Status,
    VenueOfAnswer,
)
from models.bookings.booking import Booking, HistoryEntry, PaymentView
from models.bookings.lifecycle import BookingState, CancelledBy, PaymentStatus
from models.core.venues import Alternative, Price
from models.reservations.repository import StoredReservation

_S = BookingState
_STATUS: dict[BookingState, Status] = {
    _S.CONFIRMED: "CONFIRMED",
    _S.CHECKED_IN: "CHECKED_IN",
    _S.COMPLETED: "COMPLETED",
    _S.NO_SHOW: "NO_SHOW",
    _S.CANCELLED: "CANCELLED",
    _S.EXPIRED: "EXPIRED",
    # nothing was had: callers are told why
    _S.FAILED: "CANCELLED",
}
_BY = {
    CancelledBy.GUEST: "GUEST",
    CancelledBy.PROVIDER: "VENUE",
    CancelledBy.OPERATOR: "OPERATOR",
}


_NO_CARD = (
    "Nothing is paid when reserving: no card is needed, and one that was sent is neither kept nor"
    " charged."
)


def status_of(state: BookingState) -> Status:
    """Return the status that callers see: while it is being made, it is PENDING."""
    return _STATUS.get(state, "PENDING")


def offset_of(moment: dt.datetime, zone: str) -> str:
    """Return the offset to UTC of a zone's clocks at a moment, such as ``+02:00``."""
    return offset_text(moment.astimezone(ZoneInfo(zone)).utcoffset() or dt.timedelta(0))


def offset_text(offset: dt.timedelta) -> str:
    """Return an offset to UTC as callers read it."""
    minutes = int(offset.total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def alternative(one: Alternative) -> AlternativeAnswer:
    """Return another start, which is told on the venue's clock."""
    return AlternativeAnswer(
        date=one.starts_at.date().isoformat(),
        time=f"{one.starts_at:%H:%M}",
        utc_offset=offset_text(one.starts_at.utcoffset() or dt.timedelta(0)),
        free=one.free,
    )


def reservation(
    booking: Booking, stored: StoredReservation, history: Sequence[HistoryEntry]
) -> ReservationAnswer:
    """Return a reservation, whole."""
    item, payment = booking.items[0], _shown_payment(booking)
    made = item.reservation
    reached = _reached(history)
    return ReservationAnswer(
        id=booking.id,
        booking_reference=booking.reference,
        version=booking.version,
        status=status_of(booking.state),
        attention=booking.needs_attention,
        guest=GuestAnswer(
            id=stored.guest_id,
            name=stored.guest["name"],
            email=stored.guest["email"],
            phone=stored.guest.get("phone"),
        ),
        venue=VenueOfAnswer(
            id=stored.venue_id,
            type=stored.venue_type,
            name=stored.venue_name,
            time_zone=stored.time_zone,
        ),
        date=stored.local_date.isoformat(),
        time=f"{stored.local_time:%H:%M}",
        utc_offset=offset_of(stored.starts_at, stored.time_zone),
        starts_at=stored.starts_at,
        ends_at=stored.ends_at,
        duration_minutes=(stored.ends_at - stored.starts_at) // dt.timedelta(minutes=1),
        party_size=stored.party_size,
        resource_id=stored.resource_id,
        assigned_resource_id=made.details.get("assigned_resource_id") if made else None,
        notes=stored.notes,
        price_snapshot=_snapshot(stored.price),
        payment=PaymentAnswer(
            status=_status_of_money(booking, payment),
            amount=booking.chargeable,
            captured=booking.captured,
            refunded=booking.refunded,
            waits_until=payment.waits_until,
            client_secret=payment.client_secret if payment.waits_until else None,
            next_action=payment.next_action if payment.waits_until else None,
            note=_NO_CARD if payment.status is PaymentStatus.NOT_REQUIRED else None,
        ),
        inventory_reference=made.confirmation_code if made else None,
        hold_expires_at=booking.hold_expires_at if _held(booking) else None,
        cancellation=_cancellation(booking),
        failure=_failure(booking),
        message=_message(booking),
        created_at=booking.created_at,
        updated_at=booking.updated_at,
        confirmed_at=booking.confirmed_at,
        checked_in_at=reached.get("CHECKED_IN"),
        completed_at=reached.get("COMPLETED"),
        cancelled_at=booking.cancelled_at,
        no_show_at=reached.get("NO_SHOW"),
        expired_at=reached.get("EXPIRED"),
        history=_history(history),
    )


def cancel_quote(booking: Booking, by: CancelledBy, now: dt.datetime) -> CancelQuote:
    """Return what cancelling would keep now."""
    live = booking.live_items if booking.confirmed_at is not None else []
    fee = sum(item.fee_at(now, by) for item in live)
    ends = [
        end
        for item in live
        if by.pays_fee
        and item.quote
        and (end := item.quote.payable.terms.step_ends(now)) is not None
    ]
    if booking.state is _S.CANCELLED:
        fee = sum(item.fee for item in booking.items)
    return CancelQuote(
        id=booking.id,
        status=status_of(booking.state),
        fee=fee,
        refund=max(booking.captured - booking.refunded - fee, 0) if live else booking.refunded,
        currency=booking.currency,
        valid_until=min(ends, default=None),
    )


def _shown_payment(booking: Booking) -> PaymentView:
    """Return the payment that callers have to know of: one that waits, or the last that counts."""
    given_up = {PaymentStatus.RELEASED, PaymentStatus.FAILED}
    waiting = [payment for payment in booking.payments if payment.waits_until]
    counting = [payment for payment in booking.payments if payment.status not in given_up]
    return (waiting or counting or booking.payments)[-1]


def _status_of_money(booking: Booking, payment: PaymentView) -> PaymentStatus:
    """Return how the money stands: what was given back may be of several payments."""
    if payment.waits_until is not None:
        return PaymentStatus.FAILED if booking.problem else payment.status
    if not booking.refunded:
        return payment.status
    whole = booking.refunded >= booking.captured
    return PaymentStatus.REFUNDED if whole else PaymentStatus.PARTIALLY_REFUNDED


def _held(booking: Booking) -> bool:
    return status_of(booking.state) == "PENDING"


def _snapshot(price: Price) -> PriceSnapshot:
    whole = json.dumps(price.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return PriceSnapshot(
        total=price.total,
        currency=price.currency,
        lines=[PriceLineAnswer(**line.model_dump()) for line in price.lines],
        deposit=price.deposit,
        no_show_fee=price.no_show_fee,
        terms=[FeeStepAnswer(until=step.until, fee=step.fee) for step in price.terms.steps],
        sha256=hashlib.sha256(whole.encode()).hexdigest(),
    )


def _cancellation(booking: Booking) -> CancellationAnswer | None:
    if booking.cancelled_by is None:
        return None
    return CancellationAnswer(
        by=_BY[booking.cancelled_by],
        reason=booking.cancel_reason,
        fee=sum(item.fee for item in booking.items),
        refund=booking.refunded,
    )


def _failure(booking: Booking) -> FailureAnswer | None:
    problem = booking.problem
    if problem is None or booking.state not in {_S.FAILED, _S.EXPIRED, _S.PAYMENT_PENDING}:
        return None
    code, _, message, next_step = words.failure(booking)
    return FailureAnswer(
        code=code, message=message, money=told_money.money(booking), next_step=next_step
    )


def _message(booking: Booking) -> str:
    """Say how it stands, what is waited for, and where the money is."""
    told = [_STANDS[booking.state]]
    if booking.state is _S.PAYMENT_PENDING:
        told = [_CARD_WAITS if booking.problem else _PROOF_WAITS]
    elif booking.change_waits:
        told.append(_CHANGE_CARD_WAITS if booking.problem else _CHANGE_PROOF_WAITS)
    unsettled = any(case.details.get("operation") == "cancel" for case in booking.cases)
    if unsettled and booking.live_items:
        told.append(_CANCEL_WAITS)
    if booking.chargeable:
        told.append(told_money.money(booking))
    return " ".join(told)


_PROOF_WAITS = "The place is held until you approve the payment at your bank."
_CARD_WAITS = "The card was refused: the place is held until another one is sent."
_CHANGE_PROOF_WAITS = "A change of it is not made yet: it waits until you approve the payment."
_CHANGE_CARD_WAITS = "A change of it is not made: the card was refused; another one can be sent."
_CANCEL_WAITS = "It was to be cancelled, and the venue has not let go of it: we are settling it."


_STANDS = {
    _S.QUOTED: "The reservation is being made.",
    _S.PENDING: "The reservation is being made.",
    _S.VALIDATING: "The reservation is being made.",
    _S.HELD: "The place is held until the venue approves the reservation, or does not.",
    _S.PAYMENT_PENDING: _PROOF_WAITS,
    _S.PROCESSING: "The reservation is being made.",
    _S.CONFIRMED: "The place is reserved.",
    _S.CHECKED_IN: "The guest has come.",
    _S.COMPLETED: "The visit is over.",
    _S.NO_SHOW: "The guest did not come.",
    _S.CANCELLED: "The reservation was cancelled.",
    _S.EXPIRED: "The place was held and nobody acted in time; it is free again.",
    _S.FAILED: "The reservation could not be had; nothing is reserved.",
    _S.NEEDS_ATTENTION: "A person is looking after the reservation.",
}


def _history(history: Sequence[HistoryEntry]) -> list[HistoryAnswer]:
    """Return the steps that callers can tell apart."""
    told = []
    before: Status | None = None
    for entry in history:
        status = status_of(entry.to_state)
        if status != before or entry.from_state is entry.to_state:
            told.append(
                HistoryAnswer(
                    **{"from": before}, to=status, at=entry.at, who=entry.who, why=entry.why
                )
            )
        before = status
    return told


def _reached(history: Sequence[HistoryEntry]) -> dict[str, dt.datetime]:
    """Return when each status was reached last."""
    return {
        str(entry.to_state): entry.at for entry in history if entry.from_state is not entry.to_state
    }
