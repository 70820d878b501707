"""The ledger of real bookings: saga, sandbox and database together."""

from models.bookings.lifecycle import BookingState
from models.core.money import Money
from tests.ledger.conftest import Books
from tests.support.checker import check
from tests.support.stack import Stack
from tests.trips.saga.test_cancel_confirmed import set_terms


async def test_a_trip_that_is_booked_and_cancelled_bit_by_bit(stack: Stack, books: Books) -> None:
    booking = await stack.book()
    assert booking.state is BookingState.CONFIRMED, booking.problem
    entries = await books.entries(booking)
    assert [entry.type for entry in entries] == ["capture", *["sale"] * len(booking.items)]
    assert entries[0].source == booking.payment.id
    total = Money(amount=booking.payment.captured, currency=booking.currency)
    assert entries[0].description.endswith(str(total))
    assert [entry.source for entry in entries[1:]] == [item.reference for item in booking.items]
    assert await books.wrong(booking) == []

    for item in booking.items:
        set_terms(stack, booking.id, item.number, [{"until": None, "fee": item.price // 4}])
    fees = [item.price // 4 for item in booking.items]
    tour = booking.items[2]
    after = await stack.cancel(booking.id, [tour.component_id])
    assert (await books.totals(after))[f"FEES {tour.supplier}"] == -fees[2]
    assert await books.wrong(after) == []

    after = await stack.cancel(booking.id)
    assert after.state is BookingState.CANCELLED
    totals = await books.totals(after)
    assert totals.pop(f"GATEWAY {after.payment.gateway}") == sum(fees)
    assert sum(totals.values()) == -sum(fees)
    assert {name.split()[0] for name in totals} == {"FEES"}
    assert await books.wrong(after) == []
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_trip_that_fails_before_the_capture_leaves_no_trace(
    stack: Stack, books: Books
) -> None:
    await stack.sandbox.arm("booking_com", "book", "refuse")
    booking = await stack.book()
    assert booking.state is BookingState.FAILED
    assert await books.entries(booking) == []
    assert await books.wrong(booking) == []
