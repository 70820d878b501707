"""A trip with a hotel of Booking.com's that wants to know more of who books, on the real stack."""

import asyncio

from models.bookings.lifecycle import BookingState
from models.trips.messages import BookTripRequest
from sandbox.booking_com.catalogue import ADDRESSED, product_id, property_of, rooms_for
from sandbox.booking_com.ledger import Stay
from tests.support.stack import Stack


async def at_the_addressed(stack: Stack) -> BookTripRequest:
    """A trip to the one hotel that wants the booker's address."""
    suppliers = {"flight": None, "hotel": "booking_com", "activity": None}
    request = await stack.request(suppliers=suppliers)
    (component,) = request.trip.components
    hotel, room = property_of(ADDRESSED), rooms_for(2)[0]
    assert hotel is not None
    nights = (component.starts_at.date(), component.ends_at.date())
    component.offer |= {
        "accommodation": hotel.id,
        "name": hotel.name,
        "product": product_id(hotel, room),
    }
    component.price = Stay(hotel, room, *nights, 2, "USD").price
    request.trip.total_price = request.amount = component.price
    return request


async def test_the_payer_s_address_reaches_the_hotel(stack: Stack) -> None:
    address = {"line1": "1 Main St", "city": "Hove", "postalCode": "BN3", "country": "GB"}
    request = await at_the_addressed(stack)
    request.billing_details["address"] = address
    handle = await stack.start(request)
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.CONFIRMED, booking.problem
    (order,) = await stack.sandbox.reservations(booking.id)
    assert order["live"], "without an address the hotel takes no order"
