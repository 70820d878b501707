"""Every row of Viator's error table (providers.md §5), and answers other than asked."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.errors import (
    AuthConfig,
    Duplicate,
    InvalidRequest,
    NotCancellable,
    PriceChanged,
    ProviderError,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.supply import ItemType, Quote, Reservation, ReservationStatus, TripComponent
from models.core.terms import CancellationTerms
from suppliers.core.protocol import Party
from suppliers.viator.adapter import ViatorSupplier
from tests.suppliers.conftest import Reply, Scripted, component

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
            "bookingQuestions": ["AGEBAND", "FULL_NAMES_FIRST", "DATE_OF_BIRTH", "HEIGHT"],
            "productOptions": [{"productOptionCode": "TG1"}],
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
    body = {"status": status, "bookingRef": "BR-1", "partnerBookingRef": "ours-1"}
    return Reply(200, {**body, "currency": "USD", **prices(), **change})


def error(status: int, code: str, **headers: str) -> Reply:
    body = {"code": code, "message": "No.", "timestamp": "2031-01-01T00:00:00Z", "trackingId": "T"}
    return Reply(status, body, {"X-Unique-ID": "U-1", **headers})


@pytest.fixture
async def tours(scripted: Scripted) -> AsyncIterator[ViatorSupplier]:
    supplier = ViatorSupplier(scripted.settings())
    scripted.say("/products/5P1", product())
    scripted.say("/availability/check", check())
    scripted.say("/bookings/hold", hold())
    scripted.say("/bookings/book", booking())
    scripted.say("/bookings/status", error(404, "NOT_FOUND"))
    yield supplier
    await supplier.close()


@pytest.fixture
def item() -> TripComponent:
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
    return component({"offer": offer, **found}, ItemType.ACTIVITY, "viator")


@pytest.fixture
def quote() -> Quote:
    return Quote(
        price=PRICE,
        terms=CancellationTerms.free(),
        title="Tour Five",
        offer={"questions": ["AGEBAND", "FULL_NAMES_FIRST"], "operator": "Slow Steps"},
    )


RESERVATION = Reservation(
    reference="ours-1",
    supplier_id="BR-1",
    confirmation_code="BR-1",
    provider="Slow Steps",
    price=PRICE,
)

EVERYWHERE: list[tuple[Reply, type[ProviderError]]] = [
    (error(400, "BAD_REQUEST"), InvalidRequest),
    (error(400, "INVALID_HEADER_VALUE"), AuthConfig),
    (error(406, "NOT_ACCEPTABLE"), InvalidRequest),
    (error(401, "UNAUTHORIZED"), AuthConfig),
    (error(403, "FORBIDDEN"), AuthConfig),
    (error(429, "TOO_MANY_REQUESTS", **{"Retry-After": "7"}), Retryable),
]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        *EVERYWHERE,
        (error(500, "INTERNAL_SERVER_ERROR"), UnknownOutcome),
        (error(503, "SERVICE_UNAVAILABLE", **{"Retry-After": "7"}), UnknownOutcome),
        (Reply(502, b"<html>"), UnknownOutcome),
        (Reply(0), UnknownOutcome),
        (Reply(400, b"<html>"), UnknownOutcome),
        (error(404, "NOT_FOUND"), UnknownOutcome),
        (Reply(200, b"{"), UnknownOutcome),
        (Reply(200, {"bookingRef": "BR-1"}), UnknownOutcome),
        (booking("DREAMT"), UnknownOutcome),
        (booking(bookingRef=7), UnknownOutcome),
        (booking(partnerBookingRef="theirs"), UnknownOutcome),
        (booking(**prices(140.0)), UnknownOutcome),
        (booking("PENDING", **prices(140.0)), UnknownOutcome),
        (booking(**prices(people=3)), UnknownOutcome),
        (booking(currency="EUR"), UnknownOutcome),
        (booking(currency="XXXX"), UnknownOutcome),
        (booking(totalPrice=None), UnknownOutcome),
        (booking("CANCELED"), Duplicate),
        (booking("REJECTED", rejectionReasonCode="DUPLICATE_BOOKING"), Duplicate),
        (
            booking("REJECTED", rejectionReasonCode="BOOKABLE_ITEM_IS_NO_LONGER_AVAILABLE"),
            Unavailable,
        ),
        (booking("REJECTED", rejectionReasonCode="WEATHER"), Unavailable),
        (booking("REJECTED", rejectionReasonCode="PRODUCT_NO_LONGER_OPERATING"), Unavailable),
        (booking("REJECTED", rejectionReasonCode="OTHER"), Unavailable),
    ],
)
async def test_errors_on_book(
    scripted: Scripted,
    tours: ViatorSupplier,
    item: TripComponent,
    quote: Quote,
    party: Party,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say("/bookings/book", reply)
    with pytest.raises(ProviderError) as caught:
        await tours.book(item, quote, party, "ours-1")
    assert type(caught.value) is expected
    assert (caught.value.provider, caught.value.operation) == ("viator", "book")
    if reply.headers.get("X-Unique-ID"):
        assert caught.value.request_id == "U-1"
    if isinstance(caught.value, Retryable):
        assert caught.value.retry_after == dt.timedelta(seconds=7)
    assert [path.rsplit("/", 1)[1] for path, _ in scripted.requests] == ["hold", "book"]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        *EVERYWHERE,
        (error(404, "NOT_FOUND"), Unavailable),
        (error(500, "INTERNAL_SERVER_ERROR"), Retryable),
        (error(503, "SERVICE_UNAVAILABLE", **{"Retry-After": "7"}), Retryable),
        (Reply(0), Retryable),
        (hold(**prices(140.0)), PriceChanged),
        (hold(currency="EUR"), PriceChanged),
        (hold(totalPrice=None), Retryable),
        (hold(bookingRef=""), Retryable),
    ],
)
async def test_errors_on_hold_book_nothing(
    scripted: Scripted,
    tours: ViatorSupplier,
    item: TripComponent,
    quote: Quote,
    party: Party,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say("/bookings/hold", reply)
    with pytest.raises(ProviderError) as caught:
        await tours.book(item, quote, party, "ours-1")
    assert type(caught.value) is expected
    assert not any(path.endswith("/book") for path, _ in scripted.requests)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        *EVERYWHERE,
        (error(404, "NOT_FOUND"), Unavailable),
        (error(500, "INTERNAL_SERVER_ERROR"), Retryable),
        (error(503, "SERVICE_UNAVAILABLE"), Retryable),
        (check(available=False, unavailableReason="SOLD_OUT"), Unavailable),
        (check(available=False, unavailableReason="NOT_OPERATING"), Unavailable),
        (check(available=False, unavailableReason="PAST_BOOKING_CUTOFF"), Unavailable),
        (check(available=False, unavailableReason="UNKNOWN"), Unavailable),
        (check(available=False, unavailableReason="TRAVELER_MISMATCH"), InvalidRequest),
        (check(startTime="11:00"), Unavailable),
        (check(productOptionCode="TG2"), Unavailable),
        (check(available="yes"), Retryable),
        (check(totalPrice=None), Retryable),
        (check(**prices(people=3)), InvalidRequest),
        (check(**prices(123.456)), Retryable),
        (Reply(200, {**check().body, "currency": "EUR"}), InvalidRequest),
        (Reply(200, {**check().body, "travelDate": "2031-05-02"}), Unavailable),
        (Reply(200, {**check().body, "productCode": "6P1"}), Unavailable),
        (Reply(200, {**check().body, "bookableItems": []}), Unavailable),
    ],
)
async def test_errors_on_availability(
    scripted: Scripted,
    tours: ViatorSupplier,
    item: TripComponent,
    party: Party,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say("/availability/check", reply)
    with pytest.raises(ProviderError) as caught:
        await tours.quote(item, party)
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (error(404, "NOT_FOUND"), Unavailable),
        (product(status="INACTIVE"), Unavailable),
        (product(title="Tour Six"), Unavailable),
        (product(cancellationPolicy=None), Unavailable),
        (product(timeZone="Nowhere/Land"), Retryable),
        (error(500, "INTERNAL_SERVER_ERROR"), Retryable),
        (error(403, "FORBIDDEN"), AuthConfig),
    ],
)
async def test_errors_on_the_product(
    scripted: Scripted,
    tours: ViatorSupplier,
    item: TripComponent,
    party: Party,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say("/products/5P1", reply)
    with pytest.raises(ProviderError) as caught:
        await tours.quote(item, party)
    assert type(caught.value) is expected


async def test_terms_count_local_days(
    tours: ViatorSupplier, item: TripComponent, party: Party
) -> None:
    terms = (await tours.quote(item, party)).terms
    day_before = dt.datetime(2031, 4, 30, 13, 30, tzinfo=dt.UTC)  # 09:30 in New York
    assert terms.fee_at(day_before - dt.timedelta(seconds=1), PRICE.amount) == 0
    assert terms.fee_at(day_before, PRICE.amount) == PRICE.amount


async def test_questions_are_answered_as_far_as_known(
    scripted: Scripted, tours: ViatorSupplier, item: TripComponent, party: Party
) -> None:
    await tours.book(item, await tours.quote(item, party), party, "ours-1")
    sent = scripted.requests[-1][1]
    assert sent["bookingRef"] == "BR-1"
    assert [
        (a["travelerNum"], a["question"], a["answer"]) for a in sent["bookingQuestionAnswers"]
    ] == [
        (1, "AGEBAND", "ADULT"),
        (1, "FULL_NAMES_FIRST", "Ana"),
        (1, "DATE_OF_BIRTH", "1990-01-31"),
        (2, "AGEBAND", "ADULT"),
        (2, "FULL_NAMES_FIRST", "Bo"),
        (2, "DATE_OF_BIRTH", "1990-01-31"),
    ]


@pytest.mark.parametrize("status", ["PENDING", "IN_PROGRESS"])
async def test_pending_is_a_reservation(
    scripted: Scripted,
    tours: ViatorSupplier,
    item: TripComponent,
    quote: Quote,
    party: Party,
    status: str,
) -> None:
    scripted.say("/bookings/book", booking(status, lineItems=[], totalPrice=None))
    booked = await tours.book(item, quote, party, "ours-1")
    assert booked.status is ReservationStatus.PENDING
    assert booked.price == PRICE


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (error(404, "NOT_FOUND"), None),
        (booking("REJECTED", rejectionReasonCode="WEATHER"), None),
        (booking(), ReservationStatus.CONFIRMED),
        (booking("PENDING"), ReservationStatus.PENDING),
        (booking("IN_PROGRESS"), ReservationStatus.PENDING),
        (booking("CANCELED"), ReservationStatus.CANCELLED),
        (Reply(404, b"<html>no route</html>"), Retryable),
        (error(500, "INTERNAL_SERVER_ERROR"), Retryable),
        (error(503, "SERVICE_UNAVAILABLE"), Retryable),
        (error(429, "TOO_MANY_REQUESTS"), Retryable),
        (error(401, "UNAUTHORIZED"), AuthConfig),
        (booking(partnerBookingRef="theirs"), Retryable),
        (booking("DREAMT"), Retryable),
    ],
)
async def test_find(scripted: Scripted, tours: ViatorSupplier, reply: Reply, expected: Any) -> None:
    scripted.say("/bookings/status", reply)
    if isinstance(expected, type):
        with pytest.raises(expected):
            await tours.find("ours-1", since=dt.datetime.now(dt.UTC))
        return
    found = await tours.find("ours-1", since=dt.datetime.now(dt.UTC))
    assert (found.status if found else None) == expected
    assert found is None or found.price == PRICE


async def test_find_without_a_price_says_so(scripted: Scripted, tours: ViatorSupplier) -> None:
    scripted.say("/bookings/status", Reply(200, {"status": "CANCELED", "bookingRef": "BR-1"}))
    found = await tours.find("ours-1", since=dt.datetime.now(dt.UTC))
    assert found is not None
    assert found.details["price_stated"] is False


def cancel_quote(status: str = "CANCELLABLE", **refund: Any) -> Reply:
    return Reply(200, {"bookingId": "BR-1", "status": status, "refundDetails": refund or None})


@pytest.mark.parametrize(
    ("quoted", "cancelled", "already", "fee"),
    [
        (cancel_quote(refundPercentage=100), {"status": "ACCEPTED"}, False, 0),
        (cancel_quote(refundPercentage=50), {"status": "ACCEPTED"}, False, 6170),
        (cancel_quote(refundPercentage=33), {"status": "ACCEPTED"}, False, 12340 - 4072),
        (cancel_quote(refundPercentage=0), {"status": "ACCEPTED"}, False, 12340),
        (cancel_quote(), {"status": "ACCEPTED"}, False, None),
        (
            cancel_quote(refundPercentage=100),
            {"status": "DECLINED", "reason": "ALREADY_CANCELLED"},
            True,
            0,
        ),
        (cancel_quote("CANCELLED"), None, True, None),
    ],
)
async def test_cancel(
    scripted: Scripted,
    tours: ViatorSupplier,
    quoted: Reply,
    cancelled: dict[str, Any] | None,
    already: bool,
    fee: int | None,
) -> None:
    scripted.say("/cancel-quote", quoted)
    scripted.say("/cancel", Reply(200, {"bookingId": "BR-1", **(cancelled or {})}))
    done = await tours.cancel(RESERVATION, "key")
    assert done.already == already
    assert (done.fee.amount if done.fee else None) == fee
    assert any(path.endswith("/cancel") for path, _ in scripted.requests) == (cancelled is not None)


DECLINED = Reply(200, {"bookingId": "BR-1", "status": "DECLINED", "reason": "NOT_CANCELLABLE"})


@pytest.mark.parametrize(
    ("quoted", "cancelled", "expected"),
    [
        (cancel_quote("NOT_CANCELLABLE"), DECLINED, NotCancellable),
        (cancel_quote(), DECLINED, NotCancellable),
        (error(404, "NOT_FOUND"), DECLINED, InvalidRequest),
        (error(500, "INTERNAL_SERVER_ERROR"), DECLINED, Retryable),
        (cancel_quote(), error(500, "INTERNAL_SERVER_ERROR"), UnknownOutcome),
        (cancel_quote(), error(503, "SERVICE_UNAVAILABLE"), UnknownOutcome),
        (cancel_quote(), Reply(0), UnknownOutcome),
        (cancel_quote(), Reply(200, {"status": "ACCEPTED"}), UnknownOutcome),
        (cancel_quote(), error(429, "TOO_MANY_REQUESTS"), Retryable),
        (cancel_quote(), error(400, "BAD_REQUEST"), InvalidRequest),
        (cancel_quote(), error(403, "FORBIDDEN"), AuthConfig),
    ],
)
async def test_errors_on_cancel(
    scripted: Scripted,
    tours: ViatorSupplier,
    quoted: Reply,
    cancelled: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say("/cancel-quote", quoted)
    scripted.say("/cancel", cancelled)
    with pytest.raises(ProviderError) as caught:
        await tours.cancel(RESERVATION, "key")
    assert type(caught.value) is expected
