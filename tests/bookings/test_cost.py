"""How many statements the record takes: each is a round trip, and most of a worker's CPU."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from models.bookings.lifecycle import BookingState
from models.bookings.repository import load_booking, save_quotes
from models.trips.messages import OpenBooking
from models.trips.repository import insert_trip, lock_trip_option
from tests.ledger.bookings import NOON, confirm, quote, request
from tests.ledger.conftest import Books

S = BookingState


@contextmanager
def counted(books: Books) -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _ctx: Any, many: bool) -> None:
        sent.extend([statement] * (len(parameters) if many else 1))

    event.listen(books.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(books.engine.sync_engine, "before_cursor_execute", note)


async def test_a_trip_from_its_opening_to_its_confirmation(books: Books) -> None:
    booking_request = request(prices=(1_000, 2_000, 3_000, 4_000))
    with counted(books) as opening:
        async with books.sessions.begin() as session:
            version = await insert_trip(
                session, OpenBooking(request=booking_request, run="test"), NOON
            )
            await lock_trip_option(session, booking_request)
    assert len(opening) == 2, opening
    booking = booking_request.new_booking(NOON)
    booking.state, booking.version = S.VALIDATING, version
    quotes = {item.number: quote(item.price) for item in booking.items}
    with counted(books) as quoting:
        async with books.sessions.begin() as session:
            await save_quotes(session, booking.id, quotes)
    assert len(quoting) == 1
    with counted(books) as without_money:
        booking = await books.record(booking, S.PROCESSING)
    assert len(without_money) == 2, without_money
    with counted(books) as confirming:
        booking = await books.record(confirm(booking), S.CONFIRMED)
    assert len(confirming) == 6, confirming  # three of the ledger, one of the trip option
    with counted(books) as reading:
        await books.read(lambda session: load_booking(session, booking.id))
    assert len(reading) == 1
