"""Where a booking at GetYourGuide stands, compared with what was asked for."""

import datetime as dt
from typing import Final

from models.core.errors import InvalidRequest, PriceChanged, Unavailable
from models.core.money import Money
from models.core.supply import CancelQuote, Reservation, ReservationStatus
from suppliers.core.answers import JsonAnswer
from suppliers.core.comparing import expect_as_asked, other_price
from suppliers.getyourguide import responses
from suppliers.getyourguide.requests import Asked, Policy

_FREE_SALE_CONFIRMS: Final = dt.timedelta(minutes=10)
""""Within a couple of minutes" (specification of the booking status), generously."""
_SUPPLIER_CONFIRMS: Final = dt.timedelta(hours=48)
"""The same for what is not free-sale."""


def taken(answer: JsonAnswer, seen: responses.Booking, before: Reservation) -> Reservation:
    """Return a reservation as GetYourGuide has it now; a price that it does not say is kept."""
    status = _status(seen, before)
    pending = status is ReservationStatus.PENDING
    details = {**before.details, **seen.facts()}
    wait = _FREE_SALE_CONFIRMS if details.get("free_sale") else _SUPPLIER_CONFIRMS
    settles_by = before.settles_by or dt.datetime.now(dt.UTC) + wait
    code = seen.ticket.booking_reference if seen.ticket else None
    return before.model_copy(
        update={
            "status": status,
            "price": seen.stated_price(answer, before.price.currency) or before.price,
            "confirmation_code": code or before.confirmation_code,
            "held_until": before.held_until if status is ReservationStatus.HELD else None,
            "settles_by": settles_by if pending else None,
            "starts_at": seen.starts_at or before.starts_at,
            "details": details,
        }
    )


def _status(seen: responses.Booking, before: Reservation) -> ReservationStatus:
    match seen.booking_status:
        case "temp":
            return ReservationStatus.HELD
        case "unconfirmed":
            return ReservationStatus.PENDING
        case "confirmed":
            return ReservationStatus.CONFIRMED
        case "canceled" if before.status is ReservationStatus.PENDING:
            return ReservationStatus.REJECTED
        case _:
            return ReservationStatus.CANCELLED


def has_lapsed(reservation: Reservation) -> bool:
    """Tell whether it was held, and not longer than until now."""
    until = reservation.held_until
    held = reservation.status is ReservationStatus.HELD
    return held and until is not None and until <= dt.datetime.now(dt.UTC)


def expect_held_as_asked(
    answer: JsonAnswer, seen: responses.Booking, asked: Asked, agreed: Money
) -> None:
    """Make sure, before anything is paid, that what is held is what was asked for.

    Raises:
        PriceChanged, InvalidRequest: it is not.
    """
    price = seen.price(answer, agreed.currency)
    if price != agreed:
        raise answer.failure(
            PriceChanged, f"it is held at {price}, not at {agreed}", new_price=price
        )
    if wrong := seen.other_than(asked):
        raise answer.failure(
            InvalidRequest, f"GetYourGuide holds another: {'; '.join(wrong)}", code="other_held"
        )


def confirmed_in(
    answer: JsonAnswer, cart: responses.ConfirmedCart, cart_hash: str, booking_hash: str
) -> responses.Booking:
    """Return our booking in a confirmed cart.

    Raises:
        UnknownOutcome: it is another cart, not confirmed, or without our booking.
        Unavailable: the booking was not accepted.
    """
    booked = next((one for one in cart.bookings if one.booking_hash == booking_hash), None)
    if booked is None or cart.shopping_cart_hash != cart_hash:
        raise answer.unsettled("GetYourGuide answered about another cart")
    if cart.status != "completed" or booked.booking_status == "temp":
        raise answer.unsettled(
            f"the cart is {cart.status}, its booking {booked.booking_status}", code=cart.status
        )
    if booked.gone:
        raise answer.failure(
            Unavailable, "the reservation was not kept any longer", code=booked.booking_status
        )
    return booked


def cart_of(answer: JsonAnswer, seen: responses.Booking, reservation: Reservation) -> str:
    """Return the hash of the cart that our booking, and no other, was put into.

    Raises:
        Retryable: it is in another one.
    """
    known = reservation.details.get("shopping_cart_hash")
    if not isinstance(known, str) or seen.shopping_cart_hash not in (None, known):
        raise answer.unsettled(f"{reservation.supplier_id} is not in the cart that we know")
    return known


def expect_paid_as_asked(answer: JsonAnswer, cart: responses.ConfirmedCart, agreed: Money) -> None:
    """Make sure that a confirmed cart charges what was agreed, for our booking alone.

    Raises:
        UnknownOutcome: it does not. It is live: only a person or an undo can settle it.
    """
    count, paid = len(cart.bookings), cart.payment_info or responses.PaymentInfo()
    other_cart = f"there are {count} bookings in its cart" if count > 1 else None
    other_payment = None
    if paid.payment_currency not in (None, agreed.currency):
        other_payment = f"it is paid in {paid.payment_currency}"
    elif paid.total_price is not None:
        other_payment = other_price(answer.money(paid.total_price, agreed.currency), agreed)
    expect_as_asked(answer, _confirmed(cart.bookings[0]), other_cart, other_payment)


def as_asked(
    answer: JsonAnswer, seen: responses.Booking, asked: Asked, agreed: Money, before: Reservation
) -> Reservation:
    """Return a booking that is confirmed, or will be, as the reservation that was asked for.

    Raises:
        UnknownOutcome: it is another. It is live: only a person or an undo can settle it.
    """
    price = seen.price(answer, agreed.currency)
    expect_as_asked(answer, _confirmed(seen), *seen.other_than(asked), other_price(price, agreed))
    return taken(answer, seen, before)


def _confirmed(seen: responses.Booking) -> str:
    return f"GetYourGuide confirmed {seen.booking_hash}"


def fee(
    answer: JsonAnswer, seen: responses.Booking, reservation: Reservation, now: dt.datetime
) -> Money | None:
    """Return what cancelling costs at ``now`` (UTC); None where it does not say."""
    price = seen.stated_price(answer, reservation.price.currency) or reservation.price
    free = seen.item.currently_cancellable_at_no_fee
    if seen.booking_status == "temp" or free:
        return Money(amount=0, currency=price.currency)
    policy, starts_at = reservation.details.get("policy"), seen.starts_at or reservation.starts_at
    if free is None or policy is None or starts_at is None:
        return None
    kept = Policy.model_validate(policy).terms(starts_at, price).fee_at(now, price.amount)
    # "Not free" and a policy that says free: then nobody says how much.
    return Money(amount=kept, currency=price.currency) if kept else None


def cancel_quote(
    answer: JsonAnswer, seen: responses.Booking | None, reservation: Reservation, now: dt.datetime
) -> CancelQuote:
    """Return what cancelling would cost at ``now`` (UTC)."""
    if seen is None or seen.gone:
        return CancelQuote(cancellable=False, gone=True, reason="the booking is cancelled already")
    if seen.booking_status == "confirmed":
        if seen.starts_at is not None and seen.starts_at <= now:
            return CancelQuote(cancellable=False, reason="the experience has begun")
        policy = reservation.details.get("policy")
        free = seen.item.currently_cancellable_at_no_fee
        if policy is not None and not free and not Policy.model_validate(policy).cancellable:
            return CancelQuote(cancellable=False, reason="the experience cannot be cancelled")
    return CancelQuote(fee=fee(answer, seen, reservation, now))
