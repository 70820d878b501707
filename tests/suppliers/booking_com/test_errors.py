"""Every row of Booking.com's error table (providers.md §4), and answers other than asked."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.errors import (
    AuthConfig,
    Declined,
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
from models.core.supply import ItemType, Quote, Reservation, TripComponent
from models.core.terms import CancellationTerms
from suppliers.booking_com.adapter import BookingComSupplier
from suppliers.core.protocol import Party
from tests.suppliers.conftest import Reply, Scripted, component

CHECKIN, CHECKOUT = dt.date(2031, 5, 1), dt.date(2031, 5, 4)
DEADLINE = "2031-04-29T00:00:00+00:00"
PRICE = Money(amount=30050, currency="USD")
CREATED = {"order": "41", "accommodation": {"reservation": 77, "pincode": "0042"}}


@pytest.fixture
async def hotels(scripted: Scripted) -> AsyncIterator[BookingComSupplier]:
    supplier = BookingComSupplier(scripted.settings())
    scripted.say("/accommodations/details", said([{"id": 5, "name": {"en-gb": "Hotel Five"}}]))
    scripted.say("/accommodations/availability", said({"id": 5, "products": [{"id": "5_1"}]}))
    scripted.say("/orders/preview", said(preview()))
    yield supplier
    await supplier.close()


def said(data: Any, **more: Any) -> Reply:
    return Reply(200, {"request_id": "r", "data": data, **more})


def error(status: int, code: str) -> Reply:
    return Reply(status, {"request_id": "r", "errors": [{"id": code, "message": "No."}]})


def preview(price: float = 300.5, **change: Any) -> dict[str, Any]:
    return {
        "order_token": "token",
        "accommodation": {
            "id": 5,
            "checkin": "2031-05-01",
            "checkout": "2031-05-04",
            "currency": {"booker": "USD", "accommodation": "EUR"},
            "price": {"total": {"booker_currency": price, "accommodation_currency": 1}},
            "products": [
                {
                    "id": "5_1",
                    "policies": {
                        "cancellation": {
                            "type": "free_cancellation",
                            "free_cancellation_until": DEADLINE,
                            "schedule": [
                                {"from": "now", "price": {"booker_currency": 0}},
                                {"from": DEADLINE, "price": {"booker_currency": price}},
                            ],
                        },
                        "payment": {"timings": ["pay_at_the_property", "pay_online_now"]},
                    },
                }
            ],
            **change,
        },
    }


@pytest.fixture
def item() -> TripComponent:
    offer = {
        "accommodation": 5,
        "name": "Hotel Five",
        "product": "5_1",
        "checkin": CHECKIN.isoformat(),
        "checkout": CHECKOUT.isoformat(),
        "adults": 2,
        "currency": "USD",
    }
    times = {
        "starts_at": dt.datetime(2031, 5, 1, 15, tzinfo=dt.UTC),
        "ends_at": dt.datetime(2031, 5, 4, 11, tzinfo=dt.UTC),
    }
    price = {"price": PRICE.amount, "currency": "USD"}
    return component({"offer": offer, **times, **price}, ItemType.HOTEL, "booking_com")


@pytest.fixture
def quote() -> Quote:
    deadline = dt.datetime.fromisoformat(DEADLINE)
    return Quote(
        price=PRICE,
        terms=CancellationTerms.free_until(deadline, PRICE.amount),
        title="Hotel Five",
        offer={
            "order_token": "token",
            "timing": "pay_online_now",
            "issued_at": dt.datetime.now(dt.UTC).isoformat(),
        },
    )


RESERVATION = Reservation(
    reference="ours-1",
    supplier_id="41",
    confirmation_code="77",
    provider="Hotel Five",
    price=PRICE,
)

EVERYWHERE: list[tuple[Reply, type[ProviderError]]] = [
    (error(400, "missing_parameter"), InvalidRequest),
    (error(400, "invalid_parameter"), InvalidRequest),
    (error(400, "unknown_parameter"), InvalidRequest),
    (error(400, "conflicting_parameters"), InvalidRequest),
    (error(400, "malformed_request"), InvalidRequest),
    (error(405, "method_not_allowed"), InvalidRequest),
    (error(406, "not_acceptable"), InvalidRequest),
    (error(415, "unsupported_media_type"), InvalidRequest),
    (error(401, "unauthorized"), AuthConfig),
    (error(403, "sandbox_blocked"), AuthConfig),
    (Reply(403, b"<html>"), AuthConfig),
    (error(429, "too_many_requests"), Retryable),
    (Reply(429, b""), Retryable),
]

ON_CREATE: list[tuple[Reply, type[ProviderError]]] = [
    *EVERYWHERE,
    (error(409, "order_unavailable"), Unavailable),
    (error(409, "duplicate_request"), Duplicate),
    (error(422, "payment_refused"), Declined),
    (error(422, "payment_refused_insufficient_funds"), Declined),
    (error(422, "payment_refused_card_is_expired"), Declined),
    (error(422, "payment_refused_card_lost"), Declined),
    (error(422, "payment_refused_issuer_cvc_check_failed"), Declined),
    (error(422, "payment_refused_book_process_failed"), Declined),
    (error(422, "payment_refused_sca_required"), Declined),
    (error(500, "internal_error"), UnknownOutcome),
    (error(500, "invalid_parameter"), UnknownOutcome),
    (Reply(502, b"<html>Bad gateway</html>"), UnknownOutcome),
    (Reply(503, b"", {"Retry-After": "7"}), UnknownOutcome),
    (Reply(504, b""), UnknownOutcome),
    (Reply(0), UnknownOutcome),
    (Reply(200, b""), UnknownOutcome),
    (Reply(200, b"not json"), UnknownOutcome),
    (Reply(200, []), UnknownOutcome),
    (said(CREATED, x="\ud800"), UnknownOutcome),
    (said({"order": "41"}), UnknownOutcome),
    (said({**CREATED, "order": ["41"]}), UnknownOutcome),
    (said({**CREATED, "order": "4\x001"}), UnknownOutcome),
    (Reply(302, b"", {"Location": "/elsewhere"}), UnknownOutcome),
    (Reply(400, b"<html>"), UnknownOutcome),
    (Reply(404, b""), UnknownOutcome),
    (Reply(409, b""), UnknownOutcome),
    (Reply(422, {"detail": "?"}), UnknownOutcome),
]


@pytest.mark.parametrize(("reply", "expected"), ON_CREATE)
async def test_errors_on_create(
    scripted: Scripted,
    hotels: BookingComSupplier,
    item: TripComponent,
    quote: Quote,
    party: Party,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say("/orders/create", reply)
    with pytest.raises(ProviderError) as caught:
        await hotels.book(item, quote, party, "ours-1")
    assert type(caught.value) is expected
    assert (caught.value.provider, caught.value.operation) == ("booking_com", "book")
    assert len(scripted.requests) == 1, "adapters never retry"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        *EVERYWHERE,
        (error(409, "order_unavailable"), Unavailable),
        (error(400, "occupancy_mismatch"), InvalidRequest),
        (error(404, "not_found"), Unavailable),
        (error(500, "internal_error"), Retryable),
        (Reply(503, b"", {"Retry-After": "7"}), Retryable),
        (Reply(0), Retryable),
        (Reply(200, b"not json"), Retryable),
    ],
)
@pytest.mark.parametrize("path", ["/accommodations/availability", "/orders/preview"])
async def test_errors_on_quote(
    scripted: Scripted,
    hotels: BookingComSupplier,
    item: TripComponent,
    party: Party,
    reply: Reply,
    expected: type[ProviderError],
    path: str,
) -> None:
    scripted.say(path, reply)
    with pytest.raises(ProviderError) as caught:
        await hotels.quote(item, party)
    assert type(caught.value) is expected


@pytest.mark.parametrize("code", ["expired_token", "invalid_token"])
@pytest.mark.parametrize(
    ("fresh", "listed", "expected"),
    [
        (preview(), [], None),
        (preview(330.55), [], PriceChanged),
        (preview(), [{"id": "41", "label": "ours-1"}], Duplicate),
        (preview(), [{"id": "41", "label": "another"}], None),
    ],
)
async def test_a_token_that_is_gone(
    scripted: Scripted,
    hotels: BookingComSupplier,
    item: TripComponent,
    quote: Quote,
    party: Party,
    code: str,
    fresh: dict[str, Any],
    listed: list[dict[str, Any]],
    expected: type[ProviderError] | None,
) -> None:
    scripted.say("/orders/create", error(400, code), said(CREATED))
    scripted.say("/orders/details", said(listed))
    scripted.say("/orders/preview", said(fresh))
    if expected is None:
        booked = await hotels.book(item, quote, party, "ours-1")
        assert (booked.supplier_id, booked.confirmation_code) == ("41", "77")
        return
    with pytest.raises(expected) as caught:
        await hotels.book(item, quote, party, "ours-1")
    assert sum(path.endswith("/orders/create") for path, _ in scripted.requests) == 1
    if isinstance(caught.value, PriceChanged):
        assert caught.value.new_price == Money(amount=33055, currency="USD")


async def test_a_token_that_is_gone_twice_is_asked_again_later(
    scripted: Scripted, hotels: BookingComSupplier, item: TripComponent, quote: Quote, party: Party
) -> None:
    scripted.say("/orders/create", error(400, "expired_token"))
    scripted.say("/orders/details", said([]))
    with pytest.raises(Retryable):
        await hotels.book(item, quote, party, "ours-1")


async def test_stricter_terms_are_not_taken_silently(
    scripted: Scripted, hotels: BookingComSupplier, item: TripComponent, quote: Quote, party: Party
) -> None:
    fresh = preview()
    fresh["accommodation"]["products"][0]["policies"]["cancellation"] = {
        "type": "non_refundable",
        "schedule": [{"from": "now", "price": {"booker_currency": 300.5}}],
    }
    scripted.say("/orders/create", error(400, "expired_token"), said(CREATED))
    scripted.say("/orders/details", said([]))
    scripted.say("/orders/preview", said(fresh))
    with pytest.raises(Unavailable, match="terms"):
        await hotels.book(item, quote, party, "ours-1")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"id": 6}, Unavailable),
        ({"checkin": "2031-05-02"}, Unavailable),
        ({"checkout": "2031-05-05"}, Unavailable),
        ({"products": []}, Unavailable),
        ({"currency": {"booker": "EUR"}}, InvalidRequest),
        ({"price": {"total": {"booker_currency": "300.5"}}}, Retryable),
        ({"price": {"total": {"booker_currency": True}}}, Retryable),
        ({"price": {"total": {"booker_currency": -1}}}, Retryable),
        ({"price": {"total": {"booker_currency": 300.505}}}, Retryable),
        ({"price": {"total": {"booker_currency": 1e300}}}, Retryable),
        ({"price": {}}, Retryable),
        ({"id": "5"}, Retryable),
    ],
)
async def test_a_preview_of_something_else_is_no_quote(
    scripted: Scripted,
    hotels: BookingComSupplier,
    item: TripComponent,
    party: Party,
    change: dict[str, Any],
    expected: type[ProviderError],
) -> None:
    scripted.say("/orders/preview", said(preview(**change)))
    with pytest.raises(expected):
        await hotels.quote(item, party)


async def test_what_only_the_traveller_could_pay_is_not_ours(
    scripted: Scripted, hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    answer = preview()
    policies = answer["accommodation"]["products"][0]["policies"]
    policies["payment"]["timings"] = ["pay_at_the_property"]
    scripted.say("/orders/preview", said(answer))
    with pytest.raises(Unavailable, match="paid"):
        await hotels.quote(item, party)


async def test_terms_come_from_the_schedule(
    scripted: Scripted, hotels: BookingComSupplier, item: TripComponent, party: Party
) -> None:
    answer = preview()
    policies = answer["accommodation"]["products"][0]["policies"]
    policies["cancellation"] = {
        "type": "special_conditions",
        "schedule": [
            {"from": "now", "price": {"booker_currency": 10}},
            {"from": "2031-04-20T12:00:00+02:00", "price": {"booker_currency": 150.25}},
            {"from": DEADLINE, "price": {"booker_currency": 999}},
        ],
    }
    scripted.say("/orders/preview", said(answer))
    terms = (await hotels.quote(item, party)).terms
    assert [(step.until and step.until.isoformat(), step.fee) for step in terms.steps] == [
        ("2031-04-20T12:00:00+02:00", 1000),
        (DEADLINE, 15025),
        (None, 30050),
    ]
    policies["cancellation"]["schedule"].reverse()
    with pytest.raises(Retryable):
        await hotels.quote(item, party)
    policies["cancellation"] = {"type": "unheard_of"}
    terms = (await hotels.quote(item, party)).terms
    assert terms.fee_at(dt.datetime.now(dt.UTC), PRICE.amount) == PRICE.amount


def detail(**change: Any) -> dict[str, Any]:
    return {
        "id": "41",
        "accommodation_details": {"name": "Hotel Five"},
        "checkin": "2031-05-01",
        "checkout": "2031-05-04",
        "currency": {"booker": "USD"},
        "label": "ours-1",
        "pincode": "0042",
        "price": {"total": {"booker_currency": 300.5}},
        "reservation": 77,
        "status": "booked",
        **change,
    }


@pytest.mark.parametrize("status", ["cancelled", "cancelled_by_guest", "cancelled_by_hotel"])
async def test_cancel_409_on_a_cancelled_order_is_success(
    scripted: Scripted, hotels: BookingComSupplier, status: str
) -> None:
    scripted.say("/orders/cancel", error(409, "whatever"))
    kept = {"fee": {"booker_currency": 20}}
    scripted.say(
        "/orders/details/accommodations", said([detail(status=status, cancellation_details=kept)])
    )
    done = await hotels.cancel(RESERVATION, "key")
    assert done.already
    assert done.fee == Money(amount=2000, currency="USD")


@pytest.mark.parametrize(
    ("reply", "shown", "expected"),
    [
        (error(409, "x"), said([detail()]), NotCancellable),
        (error(409, "x"), said([detail(status="no_show")]), NotCancellable),
        (error(409, "x"), said([]), NotCancellable),
        (error(409, "x"), error(500, "x"), Retryable),
        (error(409, "x"), said([detail(status="dreamt")]), Retryable),
        (error(404, "not_found"), said([]), InvalidRequest),
        (error(401, "unauthorized"), said([]), AuthConfig),
        (error(429, "too_many_requests"), said([]), Retryable),
        (error(500, "internal_error"), said([]), UnknownOutcome),
        (said({"status": "perhaps"}), said([]), UnknownOutcome),
        (Reply(0), said([]), UnknownOutcome),
    ],
)
async def test_errors_on_cancel(
    scripted: Scripted,
    hotels: BookingComSupplier,
    reply: Reply,
    shown: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say("/orders/details/accommodations", shown)
    scripted.say("/orders/cancel", reply)
    with pytest.raises(ProviderError) as caught:
        await hotels.cancel(RESERVATION, "key")
    assert type(caught.value) is expected


async def test_find_sees_a_live_order_first_and_names_a_second(
    scripted: Scripted, hotels: BookingComSupplier
) -> None:
    listed = [{"id": number, "label": "ours-1"} for number in (40, "41", "42")]
    scripted.say("/orders/details", said(listed))
    orders = [detail(id="40", status="cancelled"), detail(), detail(id=42)]
    scripted.say("/orders/details/accommodations", said(orders))
    found = await hotels.find("ours-1", since=dt.datetime.now(dt.UTC))
    assert found is not None
    assert found.supplier_id == "41"
    assert found.price == PRICE
    assert found.details["also_live"] == ["42"]


@pytest.mark.parametrize(
    "shown", [said([]), said([detail(label="another")]), said([detail(status="dreamt")])]
)
async def test_find_does_not_guess(
    scripted: Scripted, hotels: BookingComSupplier, shown: Reply
) -> None:
    scripted.say("/orders/details", said([{"id": "41", "label": "ours-1"}]))
    scripted.say("/orders/details/accommodations", shown)
    with pytest.raises(Retryable):
        await hotels.find("ours-1", since=dt.datetime.now(dt.UTC))


async def test_a_list_without_end_is_given_up(
    scripted: Scripted, hotels: BookingComSupplier
) -> None:
    scripted.say("/orders/details", said([], metadata={"next_page": "more"}))
    with pytest.raises(Retryable, match="end"):
        await hotels.find("ours-1", since=dt.datetime.now(dt.UTC))
