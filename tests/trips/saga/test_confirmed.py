"""A trip that works out."""

from models.bookings.lifecycle import BookingState
from tests.support.checker import check
from tests.support.stack import Stack


async def test_books_the_sample_trip(stack: Stack) -> None:
    booking = await stack.book()

    assert booking.state is BookingState.CONFIRMED, booking.problem
    assert [item.type for item in booking.items] == ["FLIGHT", "HOTEL", "ACTIVITY", "ACTIVITY"]
    assert all(item.live and item.reservation for item in booking.items)
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert booking.payment.captured == sum(item.price for item in booking.items)
    assert booking.payment.hold == 1, "a hold that lasts is left alone"
    assert booking.payment.capture_before is not None
    assert [row["to_state"] for row in facts.history] == [
        "PENDING",
        "VALIDATING",
        "PROCESSING",
        "CONFIRMED",
    ]
