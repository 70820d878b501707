"""How far a running booking has got: what its attempts say beyond its last transition.

The record of a booking moves with its transitions; between two of them the attempt log alone knows
what suppliers and the gateway have answered. Both are read together, so that nobody has to ask the
workflow.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import AwareDatetime, BaseModel

from models.bookings.booking import Booking, Item, PaymentView
from models.bookings.lifecycle import ItemStatus, PaymentStatus, SagaState
from models.core.supply import Reservation, ReservationStatus


class AttemptSeen(BaseModel):
    """A call to a supplier or gateway, as far as it is shown (table ``attempts``)."""

    id: int
    item: int | None
    """The item it is about; None for the gateway's calls."""
    provider: str
    operation: str
    number: int
    started_at: AwareDatetime
    finished_at: AwareDatetime | None
    unanswered_at: AwareDatetime | None = None
    """When it was given up without an answer to rely on."""
    http_status: int | None = None
    settled: str | None = None
    """How it was found out what became of an unanswered one: found, repeated, not_done."""
    outcome: str | None
    """done, refused, not_done, unknown, repeated, tombstone; None while it is under way."""
    result: dict[str, Any] | None
    """The answer of one that was done: a ``Reservation`` or a ``Payment`` as JSON."""


def with_progress(booking: Booking, attempts: Sequence[AttemptSeen]) -> Booking:
    """Return a running booking with what its attempts have come to since its last transition."""
    items = [_item(item, [a for a in attempts if a.item == item.number]) for item in booking.items]
    first, *others = booking.payments
    gateway = [attempt for attempt in attempts if attempt.item is None]
    return booking.model_copy(update={"items": items, "payments": [_paid(first, gateway), *others]})


def _item(item: Item, attempts: Sequence[AttemptSeen]) -> Item:
    if item.status is not ItemStatus.PENDING:
        return item
    seen: dict[str, Any] = {}
    for attempt in attempts:
        match attempt.operation, attempt.outcome:
            case "cancel", "done":
                seen |= {"status": ItemStatus.CANCELLED, "saga_state": SagaState.UNDONE}
            case "cancel", _:
                seen["saga_state"] = SagaState.UNDOING
            case "book" | "complete", "done":
                seen |= _reserved(attempt)
            case "book" | "complete", "refused":
                seen |= {"status": ItemStatus.FAILED, "saga_state": SagaState.REFUSED}
            case "book" | "complete", "tombstone":
                seen["saga_state"] = SagaState.UNDOING
            case "book" | "complete", _:
                seen["saga_state"] = SagaState.BOOKING
    return item.model_copy(update=seen)


def _reserved(attempt: AttemptSeen) -> dict[str, Any]:
    reservation = Reservation.model_validate(attempt.result)
    seen: dict[str, Any] = {"reservation": reservation}
    match reservation.status:
        case ReservationStatus.CONFIRMED:
            confirmed = {"status": ItemStatus.CONFIRMED, "saga_state": SagaState.BOOKED}
            return {**seen, **confirmed, "booked_at": attempt.finished_at}
        case ReservationStatus.HELD:
            return {**seen, "saga_state": SagaState.HELD}
        case _:
            return {**seen, "saga_state": SagaState.BOOKING}


def _paid(payment: PaymentView, attempts: Sequence[AttemptSeen]) -> PaymentView:
    """Return the first payment as the gateway last answered; a running booking has no other."""
    seen: dict[str, Any] = {}
    for attempt in attempts:
        answer = attempt.result
        if answer is None or "state" not in answer:
            continue
        seen["id"] = answer["id"]
        match answer["state"]:
            case "AUTHORISED":
                held = answer["amount"]["amount"]
                seen |= {"status": PaymentStatus.AUTHORISED, "authorised": held}
            case "CAPTURED":
                taken = answer["captured"]
                seen |= {"status": PaymentStatus.SUCCEEDED, "captured": taken}
            case "RELEASED":
                seen |= {"status": PaymentStatus.RELEASED, "authorised": 0}
    return payment.model_copy(update=seen)
