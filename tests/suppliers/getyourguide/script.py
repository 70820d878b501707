"""GetYourGuide's published shapes, and how each of its answers ends (providers.md §6)."""

import datetime as dt
from typing import Any

from models.core.errors import (
    AuthConfig,
    InvalidRequest,
    NotCancellable,
    PriceChanged,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.supply import ItemType, Quote, Reservation, ReservationStatus
from models.core.terms import CancellationTerms
from suppliers.getyourguide import GetYourGuideSupplier
from tests.suppliers.conftest import Reply, component, party_of
from tests.suppliers.scripts import Endpoint, Script, rows

PRICE = Money(amount=12340, currency="USD")
TOUR, OPTIONS, DAYS = "/tours/5?cnt_language=en&currency=USD", "limit=500", "cnt-language=en"
PRICES, BOOKINGS, CARTS = "/price-breakdown", "/1/bookings", "/1/carts"
BOOKING, CART = (
    "/bookings/B1?cnt_language=en&currency=USD",
    "/carts/C1?cnt_language=en&currency=USD",
)

Json = dict[str, Any]


def tour(**change: Any) -> Reply:
    policy = {
        "cancellable": True,
        "cancellation_fee_unit": "percentage",
        "cancellation_fee_value": None,
        "cancellation_offset_minutes": 1440,
        "cancellation_policy_text": "Free until the day before.",
    }
    one = {"tour_id": 5, "title": "Tour Five", "cancellation_policy": policy, **change}
    return Reply(200, {"_metadata": {"status": "OK"}, "data": {"tours": [one]}})


def options(**change: Any) -> Reply:
    one = {
        "option_id": 51,
        "tour_id": 5,
        "free_sale": True,
        "questions": {},
        "duration": 2.5,
        "duration_unit": "hour",
        "meeting_point": "By the fountain",
        "pick_up": "We fetch you from hotels downtown.",
        **change,
    }
    return Reply(200, {"data": {"tour_options": [one]}})


def days(**change: Any) -> Reply:
    body = {
        "tour_id": 5,
        "participants_range": {"min": 1, "max": 9},
        "categories": [],
        "available_dates": [{"date": "2031-05-01", "has_deal": False}],
        "update_timestamp": "2031-01-01T00:00:00",
    }
    return Reply(200, {**body, **change})


def prices(summary: Json | None = None, **change: Any) -> Reply:
    breakdown = {
        "individuals": [{"category_id": 7, "ticket_category": "adult", "quantity": 2, "price": {}}],
        "price_summary": {"retail_price": 123.4, "currency": "USD", **(summary or {})},
    }
    slot = {"date_time": "2031-05-01T09:30:00", "vacancies": 9, "price_breakdown": breakdown}
    slot = {name: value for name, value in {**slot, **change}.items() if value is not None}
    return Reply(200, {"tour_options": [{"option_id": 51, "time_slots": [slot]}]})


def hold(**change: Any) -> Reply:
    body = {
        "shopping_cart_hash": "C1",
        "booking_hash": "B1",
        "status": "temp",
        "return_code": 0,
        "reservation_expires_at": "2031-01-01T00:00:00Z",
        **change,
    }
    return Reply(200, {"data": {"bookings": body}})


def shown(status: str = "temp", item: Json | None = None, **change: Any) -> Json:
    bookable = {
        "tour_id": 5,
        "option_id": 51,
        "datetime": "2031-05-01T09:30:00",
        "datetime_utc": "2031-05-01T13:30:00Z",
        "datetime_type": "datetime",
        "price": 123.4,
        "categories": [{"category_id": 7, "name": "Adults", "number_of_participants": 2}],
        "currently_cancellable_at_no_fee": True,
        **(item or {}),
    }
    return {
        "booking_hash": "B1",
        "booking_status": status,
        "shopping_cart_hash": "C1",
        "bookable": bookable,
        **change,
    }


def booking(status: str = "temp", item: Json | None = None, **change: Any) -> Reply:
    return Reply(200, {"booking": shown(status, item, **change)})


def cart(
    status: str = "completed",
    bookings: list[Json] | None = None,
    info: Json | None = None,
    **change: Any,
) -> Reply:
    ticket = {"booking_reference": "GYG1", "ticket_url": "https://t"}
    body = {
        "shopping_cart_hash": "C1",
        "status": status,
        "bookings": [shown("confirmed", ticket=ticket)] if bookings is None else bookings,
        "payment_info": {"payment_currency": "USD", "total_price": 123.4, **(info or {})},
        **change,
    }
    return Reply(200, {"data": body})


def cart_shown(status: str, **change: Any) -> Reply:
    return Reply(
        200, {"data": {"shopping_cart": {"shopping_cart_hash": "C1", "status": status, **change}}}
    )


def deleted(status: str = "canceled", **change: Any) -> Reply:
    return Reply(
        200, {"data": {"bookings": {"booking_hash": "B1", "booking_status": status, **change}}}
    )


def error(status: int, code: int = 2) -> Reply:
    issue = {"errorCode": code, "errorMessage": "No."}
    return Reply(status, {"status": "ERROR", "errors": [issue]}, {"X-Request-Id": "R-1"})


start = dt.datetime(2031, 5, 1, 13, 30, tzinfo=dt.UTC)
offer = {
    "tour_id": 5,
    "title": "Tour Five",
    "option_id": 51,
    "datetime": "2031-05-01T09:30:00",
    "currency": "USD",
    "participants": {"adult": 2},
}
found = {"price": PRICE.amount, "currency": "USD", "starts_at": start, "ends_at": start}
ITEM = component({"offer": offer, **found}, ItemType.ACTIVITY, "getyourguide")
ASKED: Json = {
    "option_id": 51,
    "datetime": "2031-05-01T09:30:00",
    "categories": [{"category_id": 7, "number_of_participants": 2}],
    "questions": ["traveler_names"],
    "language": ["language_live", "en"],
    "free_sale": True,
    "country": "US",
    "policy": {"cancellable": True, "offset_minutes": 1440},
    "starts_at": "2031-05-01T13:30:00Z",
}
QUOTE = Quote(price=PRICE, terms=CancellationTerms.free(), title="Tour Five", offer=ASKED)
PARTY = party_of()
KEPT = Reservation(
    reference="ref-1",
    supplier_id="B1",
    confirmation_code="B1",
    provider="GetYourGuide",
    price=PRICE,
    status=ReservationStatus.HELD,
    held_until=dt.datetime(2031, 1, 1, tzinfo=dt.UTC),
    details={"shopping_cart_hash": "C1", "free_sale": True, "policy": ASKED["policy"]},
)

OTHER_DAY = {"datetime": "2031-05-02T09:30:00"}
THREE = {"categories": [{"category_id": 7, "number_of_participants": 3}]}


def asking(kind: str, question: str) -> Reply:
    return options(questions={kind: [{"question": question, "mandatory": True}]})


def individuals(*counts: tuple[str, int]) -> Reply:
    """Prices for so many people of these categories."""
    found = [
        {"category_id": number, "ticket_category": name, "quantity": count}
        for number, (name, count) in enumerate(counts, 7)
    ]
    summary = {"retail_price": 123.4, "currency": "USD"}
    return prices(price_breakdown={"individuals": found, "price_summary": summary})


def confirmed(item: Json | None = None, **change: Any) -> Reply:
    return cart(bookings=[shown("confirmed", item, **change)])


def reason(group: str) -> Reply:
    return prices(unavailability_reason={"reason_group": group})


LONG = Reply(200, b" " * (2 * 1024 * 1024 + 1))

SCRIPT = Script(
    make=GetYourGuideSupplier,
    base="/1",
    replies={
        TOUR: tour(),
        OPTIONS: options(),
        DAYS: days(),
        PRICES: prices(),
        BOOKINGS: hold(),
        BOOKING: booking(),
        CARTS: cart(),
        CART: cart_shown("open"),
    },
    everywhere=(
        *rows(AuthConfig, Reply(401, b""), error(401, 25)),
        *rows(InvalidRequest, Reply(405, b"")),
    ),
    endpoints=(
        *(
            Endpoint(
                "quote",
                path,
                lambda tours: tours.quote(ITEM, PARTY),
                (
                    *rows(Retryable, Reply(404, b"<html>"), Reply(200, {}), LONG, *retryable),
                    *rows(InvalidRequest, error(400), error(422), *invalid),
                    *rows(Unavailable, error(404), *unavailable),
                ),
            )
            for path, unavailable, invalid, retryable in (
                (
                    TOUR,
                    (tour(title="Another"), tour(tour_id=6)),
                    (),
                    (
                        tour(tour_id="5"),
                        tour(cancellation_policy={"cancellable": "yes"}),
                        tour(
                            cancellation_policy={
                                "cancellable": True,
                                "cancellation_fee_unit": "fixed",
                                "cancellation_fee_value": 1.234,
                            }
                        ),
                    ),
                ),
                (
                    OPTIONS,
                    (options(option_id=52), options(tour_id=6)),
                    (
                        asking("booking_questions", "booking_flight_details"),
                        asking("participant_questions", "traveler_heights"),
                        options(questions={"free_text_question": {"mandatory": True}}),
                        options(questions={"conduction_language": {"mandatory": True}}),
                    ),
                    (),
                ),
                (
                    DAYS,
                    (days(tour_id=6), days(available_dates=[])),
                    (days(participants_range={"min": 3}), days(participants_range={"max": 1})),
                    (),
                ),
                (
                    PRICES,
                    (
                        Reply(200, {"tour_options": []}),
                        prices(date_time="2031-05-01T10:30:00"),
                        prices(date_time="2031-05-02T09:30:00"),
                        prices(vacancies=1),
                        reason("no_availability"),
                        individuals(),
                    ),
                    (
                        reason("invalid_request"),
                        prices({"currency": "EUR"}),
                        individuals(("adult", 3)),
                        individuals(("child", 2)),
                        individuals(("adult", 2), ("child", 1)),
                    ),
                    (
                        prices(price_breakdown=None),
                        prices({"retail_price": "123.4"}),
                        prices({"retail_price": 123.456}),
                        prices({"retail_price": -1}),
                    ),
                ),
            )
        ),
        Endpoint(
            "book",
            BOOKINGS,
            lambda tours: tours.book(ITEM, QUOTE, PARTY, "ref-1"),
            (
                *rows(Unavailable, error(400), error(404), error(409)),
                *rows(
                    UnknownOutcome,
                    Reply(404, b"<html>"),
                    Reply(200, {}),
                    LONG,
                    hold(status="confirmed"),
                    hold(return_code=3),
                    hold(booking_hash=""),
                    hold(booking_hash=7),
                    hold(shopping_cart_hash=None),
                    hold(reservation_expires_at="2031-01-01T00:00:00"),
                    hold(reservation_expires_at=None),
                ),
            ),
            changes=True,
        ),
        Endpoint(
            "complete",
            CARTS,
            lambda tours: tours.complete(KEPT, QUOTE, PARTY, "key"),
            (
                *rows(Unavailable, error(400), error(404), cart(bookings=[shown("canceled")])),
                *rows(
                    UnknownOutcome,
                    Reply(404, b"<html>"),
                    Reply(200, {}),
                    LONG,
                    cart(bookings=[]),
                    confirmed(booking_hash="B2"),
                    cart(shopping_cart_hash="C2"),
                    *map(cart, ("open", "in_payment", "invalid", "dreamt")),
                    cart(bookings=[shown("temp")]),
                    confirmed({"option_id": 52}),
                    confirmed(OTHER_DAY),
                    confirmed({"price": 130}),
                    confirmed({"price": "123.4"}),
                    confirmed({"categories": []}),
                    cart(bookings=[shown("confirmed"), shown("confirmed")]),
                    cart(info={"total_price": 130}),
                    cart(info={"total_price": 1.234}),
                    cart(info={"payment_currency": "EUR"}),
                ),
            ),
            changes=True,
        ),
        Endpoint(
            "complete",
            BOOKING,
            lambda tours: tours.complete(KEPT, QUOTE, PARTY, "key"),
            (
                *rows(Unavailable, *map(booking, ("deleted_by_daemon", "deleted", "canceled"))),
                *rows(PriceChanged, booking(item={"price": 130})),
                *rows(
                    InvalidRequest,
                    booking(item={"option_id": 52}),
                    booking(item=OTHER_DAY),
                    booking(item=THREE),
                ),
                *rows(UnknownOutcome, booking("confirmed", {"price": 130})),
                *rows(
                    Retryable,
                    booking(shopping_cart_hash="C2"),
                    booking(booking_hash="B2"),
                    error(404),
                ),
            ),
        ),
        *(
            Endpoint(
                "find",
                path,
                lambda tours: tours.look(KEPT),
                (
                    *rows(Retryable, Reply(404, b"<html>"), Reply(200, {}), LONG, *odd),
                    *rows(InvalidRequest, error(400)),
                ),
            )
            for path, odd in (
                (
                    BOOKING,
                    (
                        error(404),
                        booking("dreamt"),
                        booking(booking_hash="B2"),
                        Reply(200, {"booking": shown(), "data": {"booking": shown()}}),
                    ),
                ),
                (CART, (cart_shown("open", shopping_cart_hash="C2"), cart_shown("dreamt"))),
            )
        ),
        Endpoint(
            "cancel",
            BOOKING,
            lambda tours: tours.cancel(KEPT, "key"),
            (
                *rows(NotCancellable, error(400)),
                *rows(
                    UnknownOutcome,
                    error(404),
                    Reply(404, b"<html>"),
                    LONG,
                    deleted("confirmed"),
                    deleted("dreamt"),
                    deleted(booking_hash="B2"),
                ),
            ),
            changes=True,
            before=(booking("confirmed"),),
            after=(booking("confirmed"),),
            most=3,
        ),
        *(
            Endpoint(operation, BOOKING, call, rows(Retryable, error(404)))
            for operation, call in (
                ("cancel", lambda tours: tours.cancel(KEPT, "key")),
                ("find", lambda tours: tours.cancel_quote(KEPT)),
            )
        ),
    ),
)
