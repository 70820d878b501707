"""Migration 0011: what older code recorded of payments is carried over, there and back."""

import asyncio
import uuid
from typing import Any

import psycopg
from psycopg.rows import dict_row

from localworld.shared import Servers
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.payments import refunds
from tests.conftest import migrate
from tests.ledger.bookings import NOON, TOTAL, TOUR
from tests.ledger.conftest import Books
from tests.payments.test_repository import ask, changed, disputed, given_back


async def _story(url: str) -> Booking:
    """A booking with two payments, refunds by us and by others, a dispute, and goodwill."""
    books = Books(url)
    try:
        booking = await changed(books)
        first, second = booking.payments
        key = await ask(books, booking, second, "request")
        given_back(first, 400)
        given_back(second, 700, key=key)
        second.disputes = [disputed(second, "open")]
        second.waits_until = NOON
        booking.goodwill, booking.paid_by_hand, booking.grants = 1_100, 50, ["granted"]
        booking = await books.record(booking, BookingState.CONFIRMED)
        await ask(books, booking, first, "unanswered")
        return booking
    finally:
        await books.engine.dispose()


async def _stored(url: str, booking: Booking) -> tuple[Booking, refunds.RefundRequest | None]:
    books = Books(url)
    try:
        async with books.sessions() as session:
            waiting = await refunds.open_refund(session, booking.id)
        return await books.stored(booking), waiting
    finally:
        await books.engine.dispose()


def _row(url: str, query: str, booking: Booking) -> dict[str, Any]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        (row,) = connection.execute(query, (booking.id,)).fetchall()
        return row


def test_payments_are_carried_over_there_and_back(shared_servers: Servers) -> None:
    url = shared_servers.create_database(f"t{uuid.uuid4().hex[:12]}")
    migrate(url)
    booking = asyncio.run(_story(url))
    before = asyncio.run(_stored(url, booking))
    change = booking.payments[1].change
    migrate(url, "0008", down=True)

    first = _row(url, "SELECT * FROM payments WHERE booking_id = %s", booking)
    assert (first["captured"], first["refunded"]) == (TOTAL - TOUR, 400)
    assert (first["goodwill"], first["paid_by_hand"]) == (1_100, 50)
    assert first["details"]["grants"] == ["granted"]
    assert [(one["amount"], one["key"]) for one in first["refunds"]] == [(400, None)]
    second = _row(url, "SELECT * FROM supplements WHERE booking_id = %s", booking)
    assert (second["number"], second["hold"], second["captured"]) == (1, 1001, TOUR)
    assert second["details"]["change"] == change
    assert [one["amount"] for one in second["refunds"]] == [700]
    assert [one["status"] for one in second["disputes"]] == ["open"]
    money = _row(url, "SELECT * FROM booking_money WHERE booking_id = %s", booking)
    assert (money["captured"], money["refunded"]) == (TOTAL, 1_100)
    item = "SELECT * FROM booking_items WHERE booking_id = %s AND number = 1"
    assert _row(url, item, booking)["payment_intent_id"] == booking.payment.id

    # As today's code would have written it then: items of a change name the change.
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE booking_items SET change_id = %s WHERE booking_id = %s AND number = 3",
            (change, booking.id),
        )
    migrate(url)
    after, waiting = asyncio.run(_stored(url, booking))
    for payment in after.payments[1:]:
        assert payment.hold == 1001, "the gateway knows it by the ordinal it was made with"
        payment.hold = 2
    assert (after, waiting) == before
