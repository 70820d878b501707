"""Where a booking at Viator stands: its answers as reservations and refusals."""

import datetime as dt
from typing import Final

from models.core.errors import Duplicate, ProviderError, Unavailable
from models.core.money import Money
from models.core.supply import Reservation, ReservationStatus
from suppliers.core.answers import JsonAnswer
from suppliers.viator.requests import Outing
from suppliers.viator.responses import Booking

_STATUS: Final = {
    "CONFIRMED": ReservationStatus.CONFIRMED,
    "PENDING": ReservationStatus.PENDING,
    "IN_PROGRESS": ReservationStatus.PENDING,
    "CANCELED": ReservationStatus.CANCELLED,
    "REJECTED": ReservationStatus.REJECTED,
    "FAILED": ReservationStatus.REJECTED,
}
_PATIENCE: Final = dt.timedelta(minutes=3)
"""Between two looks at a pending booking, where Viator names no time (providers.md §5)."""


def seen_now(answer: JsonAnswer, seen: Booking, before: Reservation) -> Reservation:
    """Return a reservation as Viator has it now; what Viator does not repeat is kept."""
    price = seen.retail(answer, seen.currency or before.price.currency)
    now_there = reservation(seen, before.reference, price or before.price, before.provider)
    if now_there.status is ReservationStatus.PENDING and now_there.look_after is None:
        patient = dt.datetime.now(dt.UTC) + _PATIENCE
        now_there = now_there.model_copy(update={"look_after": patient})
    kept = {k: v for k, v in before.details.items() if k != "next_poll_at"}
    return now_there.model_copy(
        update={
            "starts_at": now_there.starts_at or before.starts_at,
            "ends_at": before.ends_at,
            "details": {**kept, **now_there.details},
        }
    )


def reservation(booking: Booking, reference: str, price: Money, operator: str) -> Reservation:
    """Return a booking as a reservation."""
    return Reservation(
        reference=reference,
        supplier_id=booking.booking_ref,
        confirmation_code=booking.booking_ref,
        provider=operator,
        price=price,
        status=_STATUS[booking.status],
        look_after=booking.next_poll_at if booking.status in ("PENDING", "IN_PROGRESS") else None,
        starts_at=booking.starts_at,
        details=booking.details(),
    )


def rejection(answer: JsonAnswer, made: Booking, outing: Outing) -> ProviderError:
    """Classify a rejected booking (providers.md §5): duplicates exist, the rest is gone."""
    reason = made.rejection_reason_code
    if reason == "DUPLICATE_BOOKING":
        return answer.failure(Duplicate, "Viator says that this is booked already", code=reason)
    return answer.failure(Unavailable, f"{outing.title} was not accepted ({reason})", code=reason)
