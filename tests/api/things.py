"""What the generated test of access asks of every route: whoever adds a route adds a line here.

A route of callers is about a thing that its path or body names, lists such things, or does neither.
"""

import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psycopg

from models.bookings.lifecycle import BookingState
from models.core.keys import booking_reference
from models.core.people import Contact
from models.marketplace.quotes.messages import Asker, StayWish
from models.marketplace.quotes.parties import Party
from models.marketplace.stock.messages import HoldRequest, OpenHold
from models.marketplace.stock.opening import open_hold
from models.webhook_endpoints.repository import create_endpoint
from models.webhook_endpoints.tables import DeliveryRow
from tests.ledger.bookings import confirm, request
from tests.ledger.conftest import Books
from tests.marketplace.shop import IN, Shop, day, rooms_of
from tests.reservations.books import Diary
from tests.support.users import SignedIn

Route = tuple[str, str]
"""Method and path, as the route has it."""


@dataclass(frozen=True)
class Thing:
    """Something that belongs to a caller."""

    make: Callable[[Books, str], Awaitable[str]]
    """Makes one for the caller with this id; returns its name."""
    unknown: Callable[[], str]
    """Returns a name of the same form that nothing has."""
    private: bool = False
    """It is its caller's alone: operators have their own."""


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


async def _reservation(books: Books, caller_id: str) -> str:
    diary = Diary(books, caller_id)
    await diary.open_venue()
    booking = await diary.reserve()
    assert booking is not None
    return (await books.record(booking, BookingState.CONFIRMED)).id


async def _reservation_reference(books: Books, caller_id: str) -> str:
    return booking_reference(await _reservation(books, caller_id))


async def _venue(books: Books, caller_id: str) -> str:
    diary = Diary(books, caller_id)
    await diary.open_venue()
    return diary.external_id


async def _endpoint(books: Books, caller_id: str) -> str:
    """An endpoint that was told of the first event there is."""
    async with books.sessions.begin() as session:
        row = await create_endpoint(session, caller_id, f"https://{uuid.uuid4()}.example", [], "")
        session.add(
            DeliveryRow(
                endpoint_id=row.id,
                position=1,
                event_id=_unknown_id(),
                booking_id=_unknown_id(),
                type="booking.created",
                next_at=LATER,
                created_at=LATER,
            )
        )
    return row.id


async def _quote(books: Books, caller_id: str) -> str:
    shop = Shop(books.url)
    shop.asker = Asker(caller_id, None)
    listing, room, _ = shop.add_stay()
    rooms = rooms_of((room, Party(2)))
    quote = await shop.quote(StayWish(listing, IN, day(1), rooms, "EUR"))
    await shop.engine.dispose()
    return quote.id


async def _stay(books: Books, caller_id: str) -> str:
    """A stay that is held."""
    quote = await _quote(books, caller_id)
    booking_id = _unknown_id()
    asked = HoldRequest(
        booking_id=booking_id,
        booking_reference=booking_reference(booking_id),
        caller_id=caller_id,
        idempotency_key=booking_id,
        fingerprint="test",
        quote_id=quote,
        traveler_id=caller_id,
        travelers=[{"first_name": "Ada", "last_name": "Okafor"}],
        contact=Contact(email="ada@example.com"),
    )
    async with books.sessions.begin() as session:
        await open_hold(session, OpenHold(request=asked, run=booking_id))
    return booking_id


THINGS: dict[str, Thing] = {
    "stay": Thing(_stay, _unknown_id),
    "bookingId": Thing(_booking, _unknown_id),
    "bookingReference": Thing(_reference, lambda: booking_reference(_unknown_id())),
    "booking_id": Thing(_reservation, _unknown_id),
    "booking_reference": Thing(_reservation_reference, lambda: booking_reference(_unknown_id())),
    "endpoint_id": Thing(_endpoint, _unknown_id, private=True),
    "quote_id": Thing(_quote, _unknown_id, private=True),
    "external_id": Thing(_venue, _unknown_id, private=True),
}
"""By the name of the parameter of the path, or of the field of the body, that names it."""


def _session(_database_url: str, user: SignedIn) -> str:
    return user.session_id


def _challenge(database_url: str, user: SignedIn) -> str:
    """A code that was sent to an address that the user wants as a contact."""
    found = str(uuid.uuid4())
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO auth_challenges (id, kind, value_hash, user_id, code_hash, client_hash,"
            " network_hash, expires_at)"
            " VALUES (%s, 'EMAIL', %s, %s, %s, '', '', now() + interval '5 minutes')",
            (found, uuid.uuid4().bytes, user.id, b"c" * 32),
        )
    return found


OF_ONE_USER: dict[str, Callable[[str, SignedIn], str]] = {
    "session_id": _session,
    "challenge_id": _challenge,
}
"""By the name of the parameter of the path: how a thing is made that is one user's alone."""

IN_BODY: dict[Route, str] = {("POST", "/booking/cancel"): "bookingId"}
"""Routes whose body names a thing, and the field that does."""

STAYS: set[Route] = {
    ("GET", "/market/v1/bookings/{booking_id}"),
    ("POST", "/market/v1/bookings/{booking_id}/cancel"),
    ("POST", "/market/v1/bookings/{booking_id}/pay"),
    ("POST", "/market/v1/bookings/{booking_id}/payment-method"),
}
"""Routes whose path names a booking of the marketplace."""

LISTS: dict[Route, str] = {
    ("GET", "/booking"): "bookingId",
    ("GET", "/api/bookings"): "bookingId",
    ("GET", "/api/v1/webhook-endpoints"): "endpoint_id",
}
"""Routes that list things: whoever asks finds its own and no other caller's."""

NOTHING: set[Route] = {
    ("POST", "/booking/book"),
    ("POST", "/api/v1/bookings"),
    ("POST", "/api/v1/bookings/availability/check"),
    ("PUT", "/api/v1/venues/{external_id}"),
    ("POST", "/api/v1/webhook-endpoints"),
    ("POST", "/market/v1/quotes"),
    # What is on offer is everybody's to see (tests/marketplace).
    ("GET", "/market/v1/packages"),
    ("GET", "/market/v1/stays"),
    ("GET", "/market/v1/stays/{listing_id}/offers"),
    ("GET", "/market/v1/tours"),
    ("GET", "/market/v1/tours/{tour_id}/departures"),
    # Of another's guest or venue, and of unknown ones, there are none (tests/reservations).
    ("GET", "/api/v1/bookings/guest/{guest_id}"),
    ("GET", "/api/v1/bookings/venue/{venue_id}"),
    # Events are in the feed once a worker has put them there (tests/events).
    ("GET", "/api/v1/events"),
    ("GET", "/api/v1/events/stream"),
}
"""Routes that are about no thing there is already: what they make is their caller's."""
