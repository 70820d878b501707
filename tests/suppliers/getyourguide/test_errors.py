"""GetYourGuide's errors (providers.md §6), and answers other than asked."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.errors import (
    AuthConfig,
    InvalidRequest,
    NotCancellable,
    PriceChanged,
    ProviderError,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.people import Document
from models.core.supply import ItemType, Quote, Reservation, ReservationStatus, TripComponent
from models.core.terms import CancellationTerms
from suppliers.core.protocol import Party
from suppliers.getyourguide.adapter import GetYourGuideSupplier
from suppliers.getyourguide.requests import Policy
from tests.suppliers.conftest import Reply, Scripted, component, in_days, traveler

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
    one = {"option_id": 51, "tour_id": 5, "free_sale": True, "questions": {}, **change}
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
    said = {"errorCode": code, "errorMessage": "No."}
    return Reply(status, {"status": "ERROR", "errors": [said]}, {"X-Request-Id": "R-1"})


@pytest.fixture
async def tours(scripted: Scripted) -> AsyncIterator[GetYourGuideSupplier]:
    supplier = GetYourGuideSupplier(scripted.settings())
    scripted.say(TOUR, tour())
    scripted.say(OPTIONS, options())
    scripted.say(DAYS, days())
    scripted.say(PRICES, prices())
    scripted.say(BOOKINGS, hold())
    scripted.say(BOOKING, booking())
    scripted.say(CARTS, cart())
    scripted.say(CART, cart_shown("open"))
    yield supplier
    await supplier.close()


@pytest.fixture
def item() -> TripComponent:
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
    return component({"offer": offer, **found}, ItemType.ACTIVITY, "getyourguide")


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


@pytest.fixture
def quote() -> Quote:
    return Quote(price=PRICE, terms=CancellationTerms.free(), title="Tour Five", offer=ASKED)


KEPT = Reservation(
    reference="ours-1",
    supplier_id="B1",
    confirmation_code="B1",
    provider="GetYourGuide",
    price=PRICE,
    status=ReservationStatus.HELD,
    held_until=dt.datetime(2031, 1, 1, tzinfo=dt.UTC),
    details={"shopping_cart_hash": "C1", "free_sale": True, "policy": ASKED["policy"]},
)

NO_BODY: list[tuple[Reply, type[ProviderError]]] = [
    (Reply(401, b""), AuthConfig),
    (error(401, 25), AuthConfig),
    (Reply(403, b""), AuthConfig),
    (Reply(405, b""), InvalidRequest),
    (Reply(429, b""), Retryable),
]
"""Statuses that say the same everywhere."""
SILENT = [
    Reply(500, b""),
    Reply(502, b"<html>"),
    Reply(400, b""),
    Reply(404, b"<html>"),
    Reply(302, b""),
    Reply(0),
    Reply(200, b"{"),
    Reply(200, {}),
    Reply(200, b" " * (2 * 1024 * 1024 + 1)),
]
"""Answers that tell nothing."""


async def refusal(call: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await call
    assert caught.value.provider == "getyourguide"
    return caught.value


# -- quote ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [TOUR, OPTIONS, DAYS, PRICES])
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        *NO_BODY,
        *((reply, Retryable) for reply in SILENT),
        (error(400), InvalidRequest),
        (error(404), Unavailable),
        (error(422), InvalidRequest),
    ],
)
async def test_errors_on_quote(
    scripted: Scripted,
    tours: GetYourGuideSupplier,
    item: TripComponent,
    party: Party,
    path: str,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say(path, reply)
    caught = await refusal(tours.quote(item, party))
    assert type(caught) is expected
    assert caught.operation == "quote"
    if isinstance(reply.body, dict) and "errors" in reply.body:
        assert caught.request_id == "R-1"


@pytest.mark.parametrize(
    ("path", "reply", "expected"),
    [
        (TOUR, tour(title="Another"), Unavailable),
        (TOUR, tour(tour_id=6), Unavailable),
        (TOUR, tour(tour_id="5"), Retryable),
        (TOUR, tour(cancellation_policy={"cancellable": "yes"}), Retryable),
        (
            TOUR,
            tour(
                cancellation_policy={
                    "cancellable": True,
                    "cancellation_fee_unit": "fixed",
                    "cancellation_fee_value": 1.234,
                }
            ),
            Retryable,
        ),
        (OPTIONS, options(option_id=52), Unavailable),
        (OPTIONS, options(tour_id=6), Unavailable),
        (
            OPTIONS,
            options(
                questions={
                    "booking_questions": [{"question": "booking_flight_details", "mandatory": True}]
                }
            ),
            InvalidRequest,
        ),
        (
            OPTIONS,
            options(
                questions={
                    "participant_questions": [{"question": "traveler_heights", "mandatory": True}]
                }
            ),
            InvalidRequest,
        ),
        (
            OPTIONS,
            options(
                questions={
                    "participant_questions": [
                        {"question": "traveler_passport_numbers", "mandatory": True}
                    ]
                }
            ),
            InvalidRequest,
        ),
        (OPTIONS, options(questions={"free_text_question": {"mandatory": True}}), InvalidRequest),
        (OPTIONS, options(questions={"conduction_language": {"mandatory": True}}), InvalidRequest),
        (DAYS, days(tour_id=6), Unavailable),
        (DAYS, days(available_dates=[]), Unavailable),
        (DAYS, days(participants_range={"min": 3}), InvalidRequest),
        (DAYS, days(participants_range={"max": 1}), InvalidRequest),
        (PRICES, Reply(200, {"tour_options": []}), Unavailable),
        (PRICES, prices(date_time="2031-05-01T10:30:00"), Unavailable),
        (PRICES, prices(date_time="2031-05-02T09:30:00"), Unavailable),
        (PRICES, prices(vacancies=1), Unavailable),
        (PRICES, prices(vacancies="9"), Retryable),
        (PRICES, prices(unavailability_reason={"reason_group": "no_availability"}), Unavailable),
        (PRICES, prices(unavailability_reason={"reason_group": "invalid_request"}), InvalidRequest),
        (PRICES, prices(price_breakdown=None), Retryable),
        (PRICES, prices({"currency": "EUR"}), InvalidRequest),
        (PRICES, prices({"retail_price": "123.4"}), Retryable),
        (PRICES, prices({"retail_price": 123.456}), Retryable),
        (PRICES, prices({"retail_price": -1}), Retryable),
    ],
)
async def test_answers_on_quote_that_are_other_than_asked(
    scripted: Scripted,
    tours: GetYourGuideSupplier,
    item: TripComponent,
    party: Party,
    path: str,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say(path, reply)
    assert type(await refusal(tours.quote(item, party))) is expected


@pytest.mark.parametrize(
    ("individuals", "expected"),
    [
        ([], Unavailable),
        ([{"category_id": 7, "ticket_category": "adult", "quantity": 3}], InvalidRequest),
        ([{"category_id": 7, "ticket_category": "child", "quantity": 2}], InvalidRequest),
        (
            [
                {"category_id": 7, "ticket_category": "adult", "quantity": 2},
                {"category_id": 8, "ticket_category": "child", "quantity": 1},
            ],
            InvalidRequest,
        ),
    ],
)
async def test_prices_for_other_people(
    scripted: Scripted,
    tours: GetYourGuideSupplier,
    item: TripComponent,
    party: Party,
    individuals: list[Json],
    expected: type[ProviderError],
) -> None:
    summary = {"retail_price": 123.4, "currency": "USD"}
    breakdown = {"individuals": individuals, "price_summary": summary}
    scripted.say(PRICES, prices(price_breakdown=breakdown))
    assert type(await refusal(tours.quote(item, party))) is expected


async def test_questions_are_answered(
    scripted: Scripted, tours: GetYourGuideSupplier, item: TripComponent, party: Party
) -> None:
    document = Document(
        number="X1", expiry_date=in_days(900), issuance_country="ES", nationality="ES"
    )
    known = [
        "traveler_names",
        "traveler_dates_of_birth",
        "traveler_ages",
        "traveler_passport_numbers",
        "traveler_passport_details",
        "traveler_id_numbers",
    ]
    asked = [{"question": name, "mandatory": True} for name in known]
    scripted.say(
        OPTIONS,
        options(
            questions={
                "participant_questions": [*asked, {"question": "traveler_weights"}],
                "conduction_language": {"mandatory": True},
            },
            cond_language={"language_live": ["de"], "language_audio": ["fr", "en"]},
        ),
    )
    both = (traveler("Ana", document=document), traveler("Bo", document=document))
    party = party.model_copy(update={"travelers": both})
    await tours.book(item, await tours.quote(item, party), party, "ours-1")
    (body,) = [body for path, body in scripted.requests if path == BOOKINGS]
    questions = body["data"]["booking"]["bookable"]["questions"]
    assert questions["conduction_language"] == {"type": "language_audio", "value": "en"}
    first = questions["participant_questions"][0]
    assert first["category_id"] == 7
    expiry = document.expiry_date.isoformat()
    assert first["participant_answers"] == {
        "traveler_name": {"first_name": "Ana", "last_name": "Roe"},
        "traveler_date_of_birth": {"value": "1990-01-31"},
        "traveler_age": {"value": "41"},
        "traveler_passport_number": {"value": "X1"},
        "traveler_passport_details": {"value": f"X1 Country ES Expiry {expiry}"},
        "traveler_id_number": {"value": "X1"},
    }


@pytest.mark.parametrize(
    ("policy", "before", "fee"),
    [
        ({}, 90, 999),
        ({"cancellable": False, "value": "0"}, 90, 999),
        ({"cancellable": True}, 90, 0),
        ({"cancellable": True}, -1, 999),
        ({"cancellable": True, "value": "0"}, 90, 0),
        ({"cancellable": True, "unit": "percentage", "value": "10.5"}, 90, 105),
        ({"cancellable": True, "unit": "percentage", "value": "250"}, 90, 999),
        ({"cancellable": True, "unit": "fixed", "value": "2.5"}, 90, 250),
        ({"cancellable": True, "unit": "fixed", "value": "25"}, 90, 999),
        ({"cancellable": True, "unit": "standard", "value": "1"}, 90, 999),
        ({"cancellable": True, "offset_minutes": 120}, 90, 999),
        ({"cancellable": True, "offset_minutes": 120}, 121, 0),
    ],
)
def test_policies(policy: Json, before: int, fee: int) -> None:
    start = dt.datetime(2031, 5, 1, 13, 30, tzinfo=dt.UTC)
    terms = Policy.model_validate(policy).terms(start, Money(amount=999, currency="USD"))
    assert terms.fee_at(start - dt.timedelta(minutes=before), 999) == fee


# -- book -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        *NO_BODY,
        *((reply, UnknownOutcome) for reply in SILENT),
        (error(400), Unavailable),
        (error(404), Unavailable),
        (error(409), Unavailable),
        (hold(status="confirmed"), UnknownOutcome),
        (hold(return_code=3), UnknownOutcome),
        (hold(booking_hash=""), UnknownOutcome),
        (hold(booking_hash=7), UnknownOutcome),
        (hold(shopping_cart_hash=None), UnknownOutcome),
        (hold(reservation_expires_at="2031-01-01T00:00:00"), UnknownOutcome),
        (hold(reservation_expires_at=None), UnknownOutcome),
    ],
)
async def test_errors_on_book(
    scripted: Scripted,
    tours: GetYourGuideSupplier,
    item: TripComponent,
    quote: Quote,
    party: Party,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say(BOOKINGS, reply)
    caught = await refusal(tours.book(item, quote, party, "ours-1"))
    assert type(caught) is expected
    assert caught.operation == "book"


@pytest.mark.parametrize(
    ("why", "expected"),
    [
        (prices({"retail_price": 130}), PriceChanged),
        (prices(vacancies=0), Unavailable),
        (prices(unavailability_reason={"reason_group": "invalid_request"}), InvalidRequest),
        (Reply(500, b""), Unavailable),
        (Reply(401, b""), AuthConfig),
    ],
)
async def test_a_refused_hold_is_explained_by_the_price_breakdown(
    scripted: Scripted,
    tours: GetYourGuideSupplier,
    item: TripComponent,
    quote: Quote,
    party: Party,
    why: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say(BOOKINGS, error(400, 8))
    scripted.say(PRICES, why)
    caught = await refusal(tours.book(item, quote, party, "ours-1"))
    assert type(caught) is expected
    if isinstance(caught, PriceChanged):
        assert caught.new_price == Money(amount=13000, currency="USD")


@pytest.mark.parametrize(
    "change", [{"offer": {}}, {"offer": {**ASKED, "categories": []}}, {"offer": {"option_id": 1}}]
)
async def test_a_quote_that_is_none_of_ours(
    tours: GetYourGuideSupplier, item: TripComponent, quote: Quote, party: Party, change: Json
) -> None:
    other = quote.model_copy(update=change)
    assert type(await refusal(tours.book(item, other, party, "ours-1"))) is InvalidRequest
    assert type(await refusal(tours.complete(KEPT, other, party, "key"))) is InvalidRequest


async def test_a_quote_for_other_people(
    tours: GetYourGuideSupplier, item: TripComponent, quote: Quote, party: Party
) -> None:
    categories = [{"category_id": 7, "number_of_participants": 3}]
    other = quote.model_copy(update={"offer": {**ASKED, "categories": categories}})
    assert type(await refusal(tours.book(item, other, party, "ours-1"))) is InvalidRequest


# -- complete ---------------------------------------------------------------------------------


async def test_a_confirmed_cart(tours: GetYourGuideSupplier, quote: Quote, party: Party) -> None:
    done = await tours.complete(KEPT, quote, party, "key")
    assert (done.status, done.confirmation_code) == (ReservationStatus.CONFIRMED, "GYG1")
    assert done.details["voucher_url"] == "https://t"
    assert done.starts_at == dt.datetime(2031, 5, 1, 13, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        *NO_BODY,
        *((reply, UnknownOutcome) for reply in SILENT),
        (error(400), Unavailable),
        (error(404), Unavailable),
        (cart(bookings=[]), UnknownOutcome),
        (cart(bookings=[shown("confirmed", booking_hash="B2")]), UnknownOutcome),
        (cart(shopping_cart_hash="C2"), UnknownOutcome),
        (cart("open"), UnknownOutcome),
        (cart("in_payment"), UnknownOutcome),
        (cart("invalid"), UnknownOutcome),
        (cart("dreamt"), UnknownOutcome),
        (cart(bookings=[shown("temp")]), UnknownOutcome),
        (cart(bookings=[shown("canceled")]), Unavailable),
        (cart(bookings=[shown("confirmed", {"option_id": 52})]), UnknownOutcome),
        (cart(bookings=[shown("confirmed", {"datetime": "2031-05-02T09:30:00"})]), UnknownOutcome),
        (cart(bookings=[shown("confirmed", {"price": 130})]), UnknownOutcome),
        (cart(bookings=[shown("confirmed", {"price": "123.4"})]), UnknownOutcome),
        (cart(bookings=[shown("confirmed", {"categories": []})]), UnknownOutcome),
        (cart(bookings=[shown("confirmed"), shown("confirmed")]), UnknownOutcome),
        (cart(info={"total_price": 130}), UnknownOutcome),
        (cart(info={"total_price": 1.234}), UnknownOutcome),
        (cart(info={"payment_currency": "EUR"}), UnknownOutcome),
    ],
)
async def test_errors_on_complete(
    scripted: Scripted,
    tours: GetYourGuideSupplier,
    quote: Quote,
    party: Party,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say(CARTS, reply)
    caught = await refusal(tours.complete(KEPT, quote, party, "key"))
    assert type(caught) is expected
    assert caught.operation == "complete"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (booking("deleted_by_daemon"), Unavailable),
        (booking("deleted"), Unavailable),
        (booking("canceled"), Unavailable),
        (booking(item={"price": 130}), PriceChanged),
        (booking(item={"option_id": 52}), InvalidRequest),
        (booking(item={"datetime": "2031-05-02T09:30:00"}), InvalidRequest),
        (
            booking(item={"categories": [{"category_id": 7, "number_of_participants": 3}]}),
            InvalidRequest,
        ),
        (booking("confirmed", {"price": 130}), UnknownOutcome),
        (booking(shopping_cart_hash="C2"), Retryable),
        (booking(booking_hash="B2"), Retryable),
        (error(404), Retryable),
        (Reply(500, b""), Retryable),
    ],
)
async def test_what_is_held_is_compared_before_it_is_paid(
    scripted: Scripted,
    tours: GetYourGuideSupplier,
    quote: Quote,
    party: Party,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say(BOOKING, reply)
    assert type(await refusal(tours.complete(KEPT, quote, party, "key"))) is expected
    assert all(path != CARTS for path, _ in scripted.requests)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (booking("confirmed"), ReservationStatus.CONFIRMED),
        (booking("unconfirmed"), ReservationStatus.PENDING),
        (booking("temp"), Unavailable),
        (booking("deleted_by_daemon"), Unavailable),
        (booking("confirmed", {"price": 130}), UnknownOutcome),
        (Reply(500, b""), UnknownOutcome),
    ],
)
async def test_a_refused_confirmation_is_looked_at(
    scripted: Scripted,
    tours: GetYourGuideSupplier,
    quote: Quote,
    party: Party,
    after: Reply,
    expected: ReservationStatus | type[ProviderError],
) -> None:
    scripted.say(CARTS, error(400))
    scripted.say(BOOKING, booking(), after)
    if isinstance(expected, ReservationStatus):
        done = await tours.complete(KEPT, quote, party, "key")
        assert done.status is expected
    else:
        assert type(await refusal(tours.complete(KEPT, quote, party, "key"))) is expected


# -- look -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "before", "expected"),
    [
        ("temp", "HELD", "HELD"),
        ("unconfirmed", "HELD", "PENDING"),
        ("confirmed", "PENDING", "CONFIRMED"),
        ("canceled", "CONFIRMED", "CANCELLED"),
        ("canceled", "HELD", "CANCELLED"),
        ("canceled", "PENDING", "REJECTED"),
        ("deleted", "HELD", "CANCELLED"),
        ("deleted_by_customer", "HELD", "CANCELLED"),
        ("deleted_by_daemon", "HELD", "CANCELLED"),
    ],
)
async def test_every_status(
    scripted: Scripted, tours: GetYourGuideSupplier, status: str, before: str, expected: str
) -> None:
    scripted.say(BOOKING, booking(status))
    kept = KEPT.model_copy(update={"status": ReservationStatus(before)})
    seen = await tours.look(kept)
    assert seen.status == expected
    assert (seen.held_until is not None) == (expected == "HELD")
    assert (seen.settles_by is not None) == (expected == "PENDING")
    assert seen.details["policy"] == ASKED["policy"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [("open", "HELD"), ("invalid", "CANCELLED"), ("in_payment", None), ("completed", None)],
)
async def test_the_cart_of_what_is_temporary(
    scripted: Scripted, tours: GetYourGuideSupplier, status: str, expected: str | None
) -> None:
    scripted.say(CART, cart_shown(status))
    if expected is None:
        assert type(await refusal(tours.look(KEPT))) is Retryable
    else:
        assert (await tours.look(KEPT)).status == expected


@pytest.mark.parametrize("path", [BOOKING, CART])
@pytest.mark.parametrize(
    ("reply", "expected"),
    [*NO_BODY, *((reply, Retryable) for reply in SILENT), (error(400), InvalidRequest)],
)
async def test_errors_on_look(
    scripted: Scripted,
    tours: GetYourGuideSupplier,
    path: str,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say(path, reply)
    assert type(await refusal(tours.look(KEPT))) is expected


@pytest.mark.parametrize(
    ("path", "reply"),
    [
        (BOOKING, booking("dreamt")),
        (BOOKING, booking(booking_hash="B2")),
        (BOOKING, booking(item={"price": 1.234})),
        (BOOKING, booking(item={"datetime_utc": "2031-05-01T13:30:00"})),
        (BOOKING, Reply(200, {"booking": shown(), "data": {"booking": shown()}})),
        (CART, cart_shown("open", shopping_cart_hash="C2")),
        (CART, cart_shown("dreamt")),
    ],
)
async def test_looks_that_show_something_else(
    scripted: Scripted, tours: GetYourGuideSupplier, path: str, reply: Reply
) -> None:
    scripted.say(path, reply)
    assert type(await refusal(tours.look(KEPT))) is Retryable


async def test_a_look_in_an_envelope_and_without_a_time(
    scripted: Scripted, tours: GetYourGuideSupplier
) -> None:
    day = shown("confirmed", {"datetime_type": "date"})
    scripted.say(BOOKING, Reply(200, {"data": {"booking": day}}))
    seen = await tours.look(KEPT)
    assert (seen.status, seen.starts_at) == (ReservationStatus.CONFIRMED, None)


async def test_what_lapsed_is_not_known_any_more(
    scripted: Scripted, tours: GetYourGuideSupplier, quote: Quote, party: Party
) -> None:
    scripted.say(BOOKING, error(404))
    assert type(await refusal(tours.look(KEPT))) is Retryable
    past = KEPT.model_copy(update={"held_until": dt.datetime(2021, 1, 1, tzinfo=dt.UTC)})
    assert (await tours.look(past)).status is ReservationStatus.CANCELLED
    assert (await tours.cancel(past, "key")).already
    assert not (await tours.cancel_quote(past)).cancellable
    assert type(await refusal(tours.complete(past, quote, party, "key"))) is Unavailable


# -- cancel -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "free", "policy", "fee"),
    [
        ("temp", None, None, 0),
        ("temp", False, {}, 0),
        ("unconfirmed", True, None, 0),
        ("confirmed", True, {}, 0),
        ("confirmed", None, {}, None),
        ("confirmed", False, None, None),
        ("confirmed", False, {"cancellable": True}, None),
        ("confirmed", False, {"cancellable": True, "unit": "percentage", "value": "10"}, 1234),
        ("unconfirmed", False, {}, 12340),
    ],
)
async def test_the_fee(
    scripted: Scripted,
    tours: GetYourGuideSupplier,
    status: str,
    free: bool | None,
    policy: Json | None,
    fee: int | None,
) -> None:
    now = booking(status, {"currently_cancellable_at_no_fee": free})
    scripted.say(BOOKING, now, now, deleted())
    kept = KEPT.model_copy(update={"details": {**KEPT.details, "policy": policy}})
    expected = None if fee is None else Money(amount=fee, currency="USD")
    assert (await tours.cancel_quote(kept)).fee == expected
    assert (await tours.cancel(kept, "key")).fee == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        *NO_BODY,
        *((reply, UnknownOutcome) for reply in SILENT),
        (error(400), NotCancellable),
        (error(404), UnknownOutcome),
        (deleted("confirmed"), UnknownOutcome),
        (deleted("dreamt"), UnknownOutcome),
        (deleted(booking_hash="B2"), UnknownOutcome),
    ],
)
async def test_errors_on_cancel(
    scripted: Scripted,
    tours: GetYourGuideSupplier,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say(BOOKING, booking("confirmed"), reply, booking("confirmed"))
    caught = await refusal(tours.cancel(KEPT, "key"))
    assert type(caught) is expected
    assert caught.operation == "cancel"


@pytest.mark.parametrize("status", [400, 404])
async def test_a_cancel_that_somebody_was_faster_with(
    scripted: Scripted, tours: GetYourGuideSupplier, status: int
) -> None:
    scripted.say(BOOKING, booking("confirmed"), error(status), booking("canceled"))
    done = await tours.cancel(KEPT, "key")
    assert (done.already, done.fee) == (True, Money(amount=0, currency="USD"))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [*NO_BODY, (Reply(500, b""), Retryable), (Reply(0), Retryable), (error(404), Retryable)],
)
async def test_errors_on_the_look_before_a_cancel(
    scripted: Scripted,
    tours: GetYourGuideSupplier,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say(BOOKING, reply)
    for ask in (tours.cancel(KEPT, "key"), tours.cancel_quote(KEPT)):
        assert type(await refusal(ask)) is expected
    assert all(body is None for _, body in scripted.requests)
