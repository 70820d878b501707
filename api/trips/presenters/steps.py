"""What is told to those who watch a booking: its transitions, and what suppliers and banks say."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from api.bookings import words
from models.bookings.booking import Booking, HistoryEntry
from models.bookings.progress import AttemptSeen
from models.bookings.repository import Found
from models.core.money import Money
from models.core.supply import ItemType, Reservation, ReservationStatus
from models.core.venues import VENUE
from models.suppliers.listings import BY_NAME, title_of

_AT_THE_GATEWAY = {
    "confirm": "authorise",
    "capture": "capture",
    "cancel": "payment",
    "refund": "refund",
}
"""The step that a call to the gateway belongs to."""


@dataclass(frozen=True)
class Step:
    """Something that has happened."""

    at: dt.datetime
    """By the database's clock (UTC)."""
    step: str
    status: str
    message: str


def steps_of(found: Found) -> list[Step]:
    """Return what has happened to a booking, oldest first; later calls only add at the end."""
    steps = [_transition(entry) for entry in found.history]
    for attempt in found.attempts:
        steps += _steps_at_suppliers(found.booking, attempt) if attempt.item else _paid(attempt)
    return sorted(steps, key=lambda step: step.at)


def _transition(entry: HistoryEntry) -> Step:
    why = "the booking is accepted" if entry.from_state is None else entry.why
    return Step(entry.recorded_at, "booking", entry.to_state, words.sentence(why))


def _sought(attempt: AttemptSeen) -> str:
    """Return how it is found out at a supplier what became of a call."""
    if attempt.provider == VENUE and attempt.operation == "book":
        return "asking again is safe"
    supplier = BY_NAME.get(attempt.provider)
    if attempt.operation != "book" or supplier is None:
        return "looking"
    if supplier.finds:
        return "looking for our reference"
    return "nobody can look there" if supplier.once_only else "asking again is safe"


def _rescue(attempt: AttemptSeen, step: str, whom: str, sought: str) -> Iterator[Step]:
    """Tell how it is found out what became of a call that nobody answered."""
    if attempt.number > 1 and attempt.outcome != "tombstone":
        yield Step(attempt.started_at, step, "again", f"Asking {whom} once more.")
    if attempt.unanswered_at is not None:
        seconds = (attempt.unanswered_at - attempt.started_at).total_seconds()
        answer = f"error {attempt.http_status}" if attempt.http_status else "no answer"
        told = f"{whom}: {answer} after {seconds:.0f} s … {sought}."
        yield Step(attempt.unanswered_at, step, "unanswered", told)
    if attempt.settled == "found" and attempt.finished_at is not None:
        what = "booked" if attempt.operation == "book" else "done"
        # One whose worker died has no moment at which it was given up.
        cut_off = "" if attempt.unanswered_at else ": the call was cut off"
        told = f"{whom}{cut_off} … found: {what} once."
        yield Step(attempt.finished_at, step, "found", told)


def _steps_at_suppliers(booking: Booking, attempt: AttemptSeen) -> Iterator[Step]:
    item = next((item for item in booking.items if item.number == attempt.item), None)
    if item is None:
        return
    step, title, supplier = item.type.lower(), item.title, title_of(attempt.provider)
    place = item.type is ItemType.VENUE_SLOT
    begun = {
        "book": f"Reserving {title}." if place else f"Booking {title} at {supplier}.",
        "complete": f"Completing {title}.",
        "cancel": f"Cancelling {title}.",
    }
    if _began(attempt) and attempt.operation in begun:
        yield Step(attempt.started_at, step, "started", begun[attempt.operation])
    yield from _rescue(attempt, step, supplier, _sought(attempt))
    if attempt.finished_at is None:
        return
    if attempt.outcome == "refused":
        told = "could not be cancelled" if attempt.operation == "cancel" else "was refused"
        yield Step(attempt.finished_at, step, "failed", f"{title} {told} at {supplier}.")
    elif attempt.outcome == "done" and attempt.operation == "cancel":
        yield Step(attempt.finished_at, step, "undone", f"{title}: nothing is held any more.")
    elif attempt.outcome == "done":
        status, told = _reserved(
            Reservation.model_validate(attempt.result), "reserved" if place else "booked"
        )
        yield Step(attempt.finished_at, step, status, f"{title} {told}.")


def _reserved(reservation: Reservation, done: str) -> tuple[str, str]:
    match reservation.status:
        case ReservationStatus.HELD:
            until = reservation.held_until
            return "held", f"is held until {until:%d %b %H:%M} UTC" if until else "is held"
        case ReservationStatus.PENDING:
            return "waiting", "is yet to be confirmed"
        case _:
            return "done", f"is {done}: {reservation.confirmation_code}"


def _paid(attempt: AttemptSeen) -> Iterator[Step]:
    if _began(attempt) and attempt.operation == "confirm":
        yield Step(attempt.started_at, "authorise", "started", "Asking the bank to hold the money.")
    if attempt.operation in _AT_THE_GATEWAY:
        step = _AT_THE_GATEWAY[attempt.operation]
        yield from _rescue(attempt, step, "The payment gateway", "looking")
    if attempt.finished_at is None:
        return
    if attempt.outcome == "refused" and attempt.operation == "confirm":
        yield Step(attempt.finished_at, "authorise", "failed", "The card was refused.")
    elif attempt.outcome == "done" and attempt.result is not None:
        amount = Money.model_validate(attempt.result["amount"])
        match attempt.operation, attempt.result.get("state"):
            case "confirm", "AUTHORISED":
                step, status, told = "authorise", "done", f"{amount} held on the card."
            case "confirm", "ACTION_REQUIRED":
                step, status = "authorise", "waiting"
                told = "The card holder's bank asks for authentication."
            case "capture", _:
                taken = Money(amount=attempt.result["captured"], currency=amount.currency)
                step, status, told = "capture", "done", f"{taken} paid."
            case "cancel", _:
                step, status, told = "payment", "undone", "No money is held any more."
            case "refund", _:
                step, status, told = "refund", "done", f"{amount} is on its way back."
            case _:
                return
        yield Step(attempt.finished_at, step, status, told)


def _began(attempt: AttemptSeen) -> bool:
    """Tell whether this is the first attempt at something, and not the closing of it."""
    return attempt.number == 1 and attempt.outcome != "tombstone"
