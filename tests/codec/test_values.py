"""What is left out of payloads is filled in again."""

import datetime as dt
import json

from codec.values import LeanPayloadConverter
from models.bookings.booking import Booking
from models.core.patience import Patience
from models.trips.changes import ChangeRequest, TripChanges
from models.trips.messages import BookTripRequest
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


def test_how_a_booking_waits_is_written_whole() -> None:
    """It is fixed when a workflow starts; another version may have other defaults."""
    converter = LeanPayloadConverter()
    patience = Patience(provider_timeout={"viator": 3})
    (payload,) = converter.to_payloads([trip_request().model_copy(update={"patience": patience})])
    written = json.loads(payload.data)["patience"]
    assert written.keys() == Patience.model_fields.keys()
    (read,) = converter.from_payloads([payload], [BookTripRequest])
    assert read.patience == patience


def test_a_change_is_sent_under_its_first_name() -> None:
    """Runs of an older version are sent it as well."""
    asked = ChangeRequest(
        change_id="c",
        booking_id="b",
        fingerprint="f",
        who="ada",
        requested=TripChanges(drop=["tour"]),
        accepted_total=1,
    )
    converter = LeanPayloadConverter()
    (payload,) = converter.to_payloads([asked])
    assert "wish" in json.loads(payload.data)
    assert "wish" in asked.model_dump(mode="json", by_alias=True)
    assert converter.from_payloads([payload], [ChangeRequest]) == [asked]
