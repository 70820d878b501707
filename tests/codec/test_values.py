"""What is left out of payloads is filled in again."""

import datetime as dt

from codec.values import LeanPayloadConverter
from models.bookings.booking import Booking
from tests.support.fake_trip import trip_request


def test_a_booking_comes_back_as_it_was_without_its_defaults_on_the_way() -> None:
    booking = trip_request().new_booking(dt.datetime.now(dt.UTC))
    booking.items[0].fee = 7
    booking.payments[0].captured = 0
    converter = LeanPayloadConverter()
    (payload,) = converter.to_payloads([booking])
    assert b'"fee":7' in payload.data
    assert b'"captured"' not in payload.data
    assert converter.from_payloads([payload], [Booking]) == [booking]


def test_what_is_required_is_written_even_when_it_is_null() -> None:
    payment = trip_request().new_booking(dt.datetime.now(dt.UTC)).payments[0]
    free = payment.model_copy(update={"payment_method_id": None})
    converter = LeanPayloadConverter()
    (payload,) = converter.to_payloads([free])
    assert converter.from_payloads([payload], [type(free)]) == [free]
