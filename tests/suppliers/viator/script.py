"""Viator's published shapes, and how each of its answers ends (providers.md §5)."""

import datetime as dt
from typing import Any

from models.core.errors import (
    AuthConfig,
    Duplicate,
    InvalidRequest,
    NotCancellable,
    PriceChanged,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.supply import ItemType, Quote, Reservation
from models.core.terms import CancellationTerms
from suppliers.viator import ViatorSupplier
from tests.suppliers.conftest import Reply, component, now, party_of
from tests.suppliers.scripts import Endpoint, Script, rows

AGE_BANDS = [
    {"ageBand": "CHILD", "startAge": 3, "endAge": 12, "maxTravelersPerBooking": 9},
    {"ageBand": "ADULT", "startAge": 13, "endAge": 64},
    {"ageBand": "SENIOR", "startAge": 65, "endAge": 99},
]
PRICE = Money(amount=12340, currency="USD")


def prices(retail: float = 123.4, people: int = 2) -> dict[str, Any]:
    whole = {
        "recommendedRetailPrice": retail,
        "partnerNetPrice": 80,
        "bookingFee": 5,
        "partnerTotalPrice": 85,
    }
    return {
        "lineItems": [
            {"ageBand": "ADULT", "numberOfTravelers": people, "subtotalPrice": {"price": whole}}
        ],
        "totalPrice": {"price": whole},
    }


def product(**change: Any) -> Reply:
    policy = {
        "type": "STANDARD",
        "cancelIfBadWeather": False,
        "cancelIfInsufficientTravelers": False,
        "refundEligibility": [
            {"dayRangeMin": 1, "percentageRefundable": 100},
            {"dayRangeMin": 0, "dayRangeMax": 1, "percentageRefundable": 0},
        ],
    }
    return Reply(
        200,
        {
            "status": "ACTIVE",
            "productCode": "5P1",
            "title": "Tour Five",
            "timeZone": "America/New_York",
            "bookingQuestions": [
                "AGEBAND",
                "FULL_NAMES_FIRST",
                "DATE_OF_BIRTH",
                "SPECIAL_REQUIREMENTS",
            ],
            "supplier": {"name": "Slow Steps", "reference": "7"},
            "itinerary": {"duration": {"fixedDurationInMinutes": 150}},
            "logistics": {
                "start": [{"location": {"ref": "LOC-1"}, "description": "By the\nfountain"}],
                "travelerPickup": {"additionalInfo": "We fetch you from hotels downtown."},
            },
            "pricingInfo": {"type": "PER_PERSON", "ageBands": AGE_BANDS},
            "productOptions": [{"productOptionCode": "TG1", "title": "Morning"}],
            "cancellationPolicy": policy,
            **change,
        },
    )


def check(**change: Any) -> Reply:
    item = {"productOptionCode": "TG1", "startTime": "09:30", "available": True, **prices()}
    body = {"currency": "USD", "productCode": "5P1", "travelDate": "2031-05-01"}
    return Reply(200, {**body, "bookableItems": [{**item, **change}]})


def hold(**change: Any) -> Reply:
    info = {"availability": {"status": "HOLD_NOT_PROVIDED"}, "pricing": {"status": "HOLDING"}}
    return Reply(
        200,
        {"bookingRef": "BR-1", "bookingHoldInfo": info, "currency": "USD", **prices(), **change},
    )


def booking(status: str = "CONFIRMED", **change: Any) -> Reply:
    body = {"status": status, "bookingRef": "BR-1", "partnerBookingRef": "ref-1"}
    return Reply(200, {**body, "currency": "USD", **prices(), **change})


def error(status: int, code: str, **headers: str) -> Reply:
    body = {"code": code, "message": "No.", "timestamp": "2031-01-01T00:00:00Z", "trackingId": "T"}
    return Reply(status, body, {"X-Unique-ID": "U-1", **headers})


def cancel_quote(status: str = "CANCELLABLE", **refund: Any) -> Reply:
    return Reply(200, {"bookingId": "BR-1", "status": status, "refundDetails": refund or None})


def rejected(reason: str) -> Reply:
    return booking("REJECTED", rejectionReasonCode=reason)


def unavailable(reason: str) -> Reply:
    return check(available=False, unavailableReason=reason)


def whole_check(**change: Any) -> Reply:
    return Reply(200, {**check().body, **change})


start = dt.datetime(2031, 5, 1, 13, 30, tzinfo=dt.UTC)
offer = {
    "productCode": "5P1",
    "title": "Tour Five",
    "productOptionCode": "TG1",
    "travelDate": "2031-05-01",
    "startTime": "09:30",
    "currency": "USD",
    "paxMix": [{"ageBand": "ADULT", "numberOfTravelers": 2}],
}
found = {"price": PRICE.amount, "currency": "USD", "starts_at": start, "ends_at": start}
ITEM = component({"offer": offer, **found}, ItemType.ACTIVITY, "viator")
QUOTE = Quote(
    price=PRICE,
    terms=CancellationTerms.free(),
    title="Tour Five",
    offer={"questions": ["AGEBAND", "FULL_NAMES_FIRST"], "operator": "Slow Steps"},
)
PARTY = party_of()
RESERVATION = Reservation(
    reference="ref-1",
    supplier_id="BR-1",
    confirmation_code="BR-1",
    provider="Slow Steps",
    price=PRICE,
)

EVENT = {
    "transactionRef": "T-1",
    "eventType": "CANCELLATION",
    "acknowledgeBy": "2031-01-02T00:00:00Z",
    "bookingRef": "BR-1",
    "partnerBookingRef": "ref-1",
    "lastUpdated": "2031-01-01T00:00:00Z",
    "bookedItem": {"productCode": "5P1", "travelDate": "2031-05-01"},
}


DECLINED = Reply(200, {"bookingId": "BR-1", "status": "DECLINED", "reason": "NOT_CANCELLABLE"})
UNKNOWN = error(404, "NOT_FOUND")

SCRIPT = Script(
    make=ViatorSupplier,
    base="/partner",
    replies={
        "/products/5P1": product(),
        "/availability/check": check(),
        "/bookings/hold": hold(),
        "/bookings/book": booking(),
        "/bookings/status": UNKNOWN,
        "/cancel-quote": cancel_quote(),
        "/cancel": Reply(200, {"bookingId": "BR-1", "status": "ACCEPTED"}),
    },
    everywhere=(
        *rows(InvalidRequest, error(400, "BAD_REQUEST"), error(406, "NOT_ACCEPTABLE")),
        *rows(
            AuthConfig,
            error(400, "INVALID_HEADER_VALUE"),
            error(401, "UNAUTHORIZED"),
            error(403, "FORBIDDEN"),
        ),
        *rows(Retryable, error(429, "TOO_MANY_REQUESTS", **{"Retry-After": "7"})),
    ),
    endpoints=(
        Endpoint(
            "quote",
            "/products/5P1",
            lambda tours: tours.quote(ITEM, PARTY),
            (
                *rows(
                    Unavailable,
                    UNKNOWN,
                    product(status="INACTIVE"),
                    product(title="Tour Six"),
                    product(cancellationPolicy=None),
                ),
                *rows(Retryable, error(500, "INTERNAL_ERROR")),
            ),
        ),
        Endpoint(
            "quote",
            "/availability/check",
            lambda tours: tours.quote(ITEM, PARTY),
            (
                *rows(
                    Unavailable,
                    UNKNOWN,
                    *map(unavailable, ("SOLD_OUT", "NOT_OPERATING", "PAST_BOOKING_CUTOFF")),
                    unavailable("UNKNOWN"),
                    check(startTime="11:00"),
                    check(productOptionCode="TG2"),
                    whole_check(travelDate="2031-05-02"),
                    whole_check(productCode="6P1"),
                    whole_check(bookableItems=[]),
                ),
                *rows(
                    InvalidRequest,
                    unavailable("TRAVELER_MISMATCH"),
                    check(**prices(people=3)),
                    whole_check(currency="EUR"),
                ),
                *rows(
                    Retryable,
                    check(available="yes"),
                    check(totalPrice=None),
                    check(**prices(123.456)),
                ),
            ),
        ),
        Endpoint(
            "book",
            "/bookings/hold",
            lambda tours: tours.book(ITEM, QUOTE, PARTY, "ref-1"),
            (
                *rows(Unavailable, UNKNOWN),
                *rows(PriceChanged, hold(**prices(140.0)), hold(currency="EUR")),
                *rows(Retryable, hold(totalPrice=None), hold(bookingRef="")),
            ),
        ),
        Endpoint(
            "book",
            "/bookings/book",
            lambda tours: tours.book(ITEM, QUOTE, PARTY, "ref-1"),
            (
                *rows(
                    UnknownOutcome,
                    error(503, "SERVICE_UNAVAILABLE", **{"Retry-After": "7"}),
                    UNKNOWN,
                    Reply(200, {"bookingRef": "BR-1"}),
                    booking("DREAMT"),
                    booking("FAILED"),
                    booking(bookingRef=7),
                    booking(partnerBookingRef="theirs"),
                    booking(**prices(140.0)),
                    booking("PENDING", **prices(140.0)),
                    booking(**prices(people=3)),
                    booking(currency="EUR"),
                    booking(currency="XXXX"),
                    booking(totalPrice=None),
                ),
                *rows(Duplicate, booking("CANCELED"), rejected("DUPLICATE_BOOKING")),
                *rows(
                    Unavailable,
                    *map(rejected, ("BOOKABLE_ITEM_IS_NO_LONGER_AVAILABLE", "WEATHER", "OTHER")),
                ),
            ),
            changes=True,
        ),
        Endpoint(
            "find",
            "/bookings/status",
            lambda tours: tours.find("ref-1", since=now()),
            rows(
                Retryable,
                Reply(404, b"<html>no route</html>"),
                booking(partnerBookingRef="theirs"),
                booking("DREAMT"),
            ),
        ),
        Endpoint(
            "find",
            "/bookings/status",
            lambda tours: tours.look(RESERVATION),
            rows(
                Retryable,
                UNKNOWN,
                booking("DREAMT"),
                booking(bookingRef="BR-2"),
                booking(partnerBookingRef="theirs"),
            ),
        ),
        Endpoint(
            "find",
            "/cancel-quote",
            lambda tours: tours.cancel_quote(RESERVATION),
            rows(InvalidRequest, UNKNOWN),
        ),
        Endpoint(
            "cancel",
            "/cancel-quote",
            lambda tours: tours.cancel(RESERVATION, "key"),
            (
                *rows(NotCancellable, cancel_quote("NOT_CANCELLABLE")),
                *rows(InvalidRequest, UNKNOWN),
            ),
        ),
        Endpoint(
            "cancel",
            "/cancel",
            lambda tours: tours.cancel(RESERVATION, "key"),
            (
                *rows(NotCancellable, DECLINED),
                *rows(
                    UnknownOutcome,
                    error(503, "SERVICE_UNAVAILABLE"),
                    Reply(200, {"status": "ACCEPTED"}),
                ),
            ),
            changes=True,
        ),
        Endpoint(
            "find",
            "/bookings/modified-since?modified-since=2031-01-01T00%3A00%3A00.000000Z&count=50",
            lambda tours: tours.changes(dt.datetime(2031, 1, 1, tzinfo=dt.UTC)),
            rows(
                Retryable,
                UNKNOWN,
                Reply(200, {"bookings": [{**EVENT, "transactionRef": 7}]}),
                Reply(200, {"bookings": [{**EVENT, "lastUpdated": "soon"}]}),
                Reply(200, {"bookings": None}),
            ),
        ),
    ),
)
