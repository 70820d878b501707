"""What the generated test of access asks of every route: whoever adds a route adds a line here.

A route of callers is about a thing that its path or body names, lists such things, or does neither.
"""

import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from models.bookings.lifecycle import BookingState
from models.core.keys import booking_reference
from tests.ledger.bookings import confirm, request
from tests.ledger.conftest import Books

Route = tuple[str, str]
"""Method and path, as the route has it."""


@dataclass(frozen=True)
class Thing:
    """Something that belongs to a caller."""

    make: Callable[[Books, str], Awaitable[str]]
    """Makes one for the caller with this id; returns its name."""
    unknown: Callable[[], str]
    """Returns a name of the same form that nothing has."""


LATER = dt.datetime(2041, 2, 1, 12, tzinfo=dt.UTC)
"""Made then, it stands in an operator's list before what other tests have left there."""


async def _booking(books: Books, caller_id: str) -> str:
    asked = request().model_copy(update={"caller_id": caller_id})
    booking = await books.begin(asked, LATER)
    booking = await books.record(booking, BookingState.PROCESSING)
    return (await books.record(confirm(booking), BookingState.CONFIRMED)).id


async def _reference(books: Books, caller_id: str) -> str:
    return booking_reference(await _booking(books, caller_id))


def _unknown_id() -> str:
    return str(uuid.uuid4())


THINGS: dict[str, Thing] = {
    "bookingId": Thing(_booking, _unknown_id),
    "bookingReference": Thing(_reference, lambda: booking_reference(_unknown_id())),
}
"""By the name of the parameter of the path, or of the field of the body, that names it."""

IN_BODY: dict[Route, str] = {("POST", "/booking/cancel"): "bookingId"}
"""Routes whose body names a thing, and the field that does."""

LISTS: dict[Route, str] = {
    ("GET", "/booking"): "bookingId",
    ("GET", "/api/bookings"): "bookingId",
}
"""Routes that list things: whoever asks finds its own and no other caller's."""

NOTHING: set[Route] = {("POST", "/booking/book")}
"""Routes that are about no thing there is already: what they make is their caller's."""
