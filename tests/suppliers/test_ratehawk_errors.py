"""Every row of RateHawk's error table (providers.md §3), and answers other than asked."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.errors import (
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
from models.money import Money
from models.supply import Quote, Reservation, ReservationStatus
from models.terms import CancellationTerms
from models.trip import ItemType, TripComponent
from suppliers.protocol import Party
from suppliers.ratehawk import CUT_OFF, RateHawkSupplier
from tests.suppliers.conftest import Reply, Scripted, component

PRICE = Money(amount=30050, currency="USD")
DEADLINE = "2031-04-29T00:00:00"
PENDING, CONFIRMED = ReservationStatus.PENDING, ReservationStatus.CONFIRMED
REJECTED, CANCELLED = ReservationStatus.REJECTED, ReservationStatus.CANCELLED


def ok(data: Any = None, status: str = "ok") -> Reply:
    return Reply(200, {"data": data, "debug": None, "error": None, "status": status})


def bad(code: str, status: int = 200, **debug: Any) -> Reply:
    return Reply(status, {"data": None, "debug": debug, "error": code, "status": "error"})


def policies(*steps: tuple[str | None, str]) -> list[dict[str, Any]]:
    ends = [*(start for start, _ in steps[1:]), None]
    return [
        {"start_at": start, "end_at": end, "amount_charge": fee, "amount_show": "1"}
        for (start, fee), end in zip(steps, ends, strict=True)
    ]


def payment(**change: Any) -> dict[str, Any]:
    return {
        "type": "deposit",
        "amount": "300.50",
        "currency_code": "USD",
        "cancellation_penalties": {
            "policies": policies((None, "0.00"), (DEADLINE, "300.50")),
            "free_cancellation_before": DEADLINE,
        },
        **change,
    }


def rate(book_hash: str = "h-1", payments: Any = None, **change: Any) -> dict[str, Any]:
    return {
        "book_hash": book_hash,
        "match_hash": "m-1",
        "daily_prices": ["100.00", "100.25", "100.25"],
        "meal": "nomeal",
        "room_name": "Double",
        "payment_options": {"payment_types": [payment()] if payments is None else payments},
        **change,
    }


def page(*rates: dict[str, Any], hid: int = 5) -> Reply:
    return ok({"hotels": [{"id": "five", "hid": hid, "rates": [*rates]}]})


def prebooked(*rates: dict[str, Any], hid: int = 5, changed: bool = False) -> Reply:
    found = [{"id": "five", "hid": hid, "rates": [*rates]}]
    return ok({"hotels": found, "changes": {"price_changed": changed}})


def form(**change: Any) -> Reply:
    said = {"order_id": 89, "item_id": 90, "partner_order_id": "ours-1", **change}
    return ok({"payment_types": [payment()], "is_gender_specification_required": False, **said})


def status(word: str = "ok", identity: str = "ours-1") -> Reply:
    return ok({"data_3ds": None, "partner_order_id": identity, "percent": 50}, word)


def amount(value: str, currency: str = "USD") -> dict[str, str]:
    return {"amount": value, "currency_code": currency}


def order(**change: Any) -> dict[str, Any]:
    return {
        "order_id": 89,
        "partner_data": {"order_id": "ours-1", "order_comment": None},
        "status": "completed",
        "checkin_at": "2031-05-01",
        "checkout_at": "2031-05-04",
        "hotel_data": {"id": "five", "hid": 5, "order_id": None},
        "rooms_data": [
            {"room_name": "Double", "guest_data": {"adults_number": 2, "children_number": 0}}
        ],
        "amount_payable": amount("300.50"),
        "amount_sell": amount("300.50"),
        "cancellation_info": {
            "free_cancellation_before": DEADLINE,
            "policies": [
                {"start_at": None, "end_at": DEADLINE, "penalty": amount("0.00")},
                {"start_at": DEADLINE, "end_at": None, "penalty": amount("300.50")},
            ],
        },
        "supplier_data": {"confirmation_id": "361", "name": "x", "order_id": "361"},
        **change,
    }


def info(*orders: dict[str, Any]) -> Reply:
    return ok({"current_page_number": 1, "found_orders": len(orders), "orders": [*orders]})


@pytest.fixture
async def hotels(scripted: Scripted) -> AsyncIterator[RateHawkSupplier]:
    supplier = RateHawkSupplier(scripted.settings(ratehawk_base_url=f"{scripted.url}/v3"))
    scripted.say("/hotel/info/", ok({"hid": 5, "id": "five", "name": "Hotel Five"}))
    scripted.say("/search/hp/", page(rate()))
    scripted.say("/hotel/prebook/", prebooked(rate("p-1")))
    scripted.say("/booking/form/", form())
    scripted.say("/booking/finish/", ok())
    scripted.say("/booking/finish/status/", status("processing"))
    scripted.say("/order/info/", info())
    yield supplier
    await supplier.close()


@pytest.fixture
def item() -> TripComponent:
    offer = {
        "hid": 5,
        "name": "Hotel Five",
        "book_hash": "h-1",
        "match_hash": "m-1",
        "room": "Double",
        "checkin": "2031-05-01",
        "checkout": "2031-05-04",
        "adults": 2,
        "currency": "USD",
    }
    times = {
        "starts_at": dt.datetime(2031, 5, 1, 15, tzinfo=dt.UTC),
        "ends_at": dt.datetime(2031, 5, 4, 11, tzinfo=dt.UTC),
    }
    price = {"price": PRICE.amount, "currency": "USD"}
    return component({"offer": offer, **times, **price}, ItemType.HOTEL, "ratehawk")


@pytest.fixture
def quote() -> Quote:
    deadline = dt.datetime.fromisoformat(DEADLINE).replace(tzinfo=dt.UTC)
    return Quote(
        price=PRICE,
        terms=CancellationTerms.free_until(deadline, PRICE.amount),
        title="Hotel Five",
        offer={"book_hash": "p-1"},
    )


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def reservation(**change: Any) -> Reservation:
    known: dict[str, Any] = {
        "reference": "ours-1",
        "supplier_id": "ours-1",
        "confirmation_code": "89",
        "provider": "Hotel Five",
        "price": PRICE,
        "status": PENDING,
        "settles_by": now() + dt.timedelta(minutes=1),
        "look_after": now(),
        "details": {"hid": 5, "checkin": "2031-05-01", "checkout": "2031-05-04", "guests": 2},
    }
    return Reservation(**{**known, **change})


def sent(scripted: Scripted, end: str) -> list[Any]:
    return [body for path, body in scripted.requests if path.endswith(end)]


Row = tuple[Reply, type[ProviderError]]

OPERATOR: list[Row] = [
    (bad(code), AuthConfig)
    for code in (
        "insufficient_b2b_balance",
        "overdue_debt",
        "contract_mismatch",
        "reservation_is_not_allowed",
        "not_allowed",
        "sandbox_restriction",
        "not_allowed_host",
        "endpoint_not_active",
        "endpoint_not_found",
    )
]

EVERYWHERE: list[Row] = [
    *OPERATOR,
    (bad("incorrect_credentials", 401), AuthConfig),
    (bad("incorrect_credentials"), AuthConfig),
    (bad("no_auth_header", 401), AuthConfig),
    (bad("invalid_auth_header", 400), AuthConfig),
    (bad("never_heard_of", 403), AuthConfig),
    (Reply(403, b"<html>"), AuthConfig),
    (bad("invalid_params", 400), InvalidRequest),
    (bad("decoding_json", 400), InvalidRequest),
    (bad("unexpected_method", 405), InvalidRequest),
    (bad("endpoint_exceeded_limit", 429), Retryable),
    (bad("endpoint_exceeded_limit"), Retryable),
    (Reply(429, b""), Retryable),
    (bad("lock"), Retryable),
]

NO_ANSWER: list[Reply] = [
    bad("timeout"),
    bad("unknown"),
    bad("never_heard_of"),
    bad("never_heard_of", 400),
    bad("soldout", 500),
    bad("unknown", 500),
    Reply(502, b"<html>Bad gateway</html>"),
    Reply(503, b"", {"Retry-After": "7"}),
    Reply(0),
    Reply(200, b""),
    Reply(200, b"not json"),
    Reply(200, []),
    Reply(200, {"data": None}),
    Reply(200, {"data": None, "status": 1, "error": None}),
    Reply(200, {"data": None, "status": "ok", "error": 1}),
    Reply(200, b'{"status":"ok","error":null,"data":"' + b"x" * (2 * 1024 * 1024) + b'"}'),
    Reply(302, b"", {"Location": "/elsewhere"}),
    Reply(404, b""),
    Reply(400, b"<html>"),
]
"""What tells nothing: neither whether it was done nor that it was not."""


async def expect(
    error: type[ProviderError], call: Any, operation: str | None = None
) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await call
    assert type(caught.value) is error, caught.value
    assert caught.value.provider == "ratehawk"
    if operation:
        assert caught.value.operation == operation
    return caught.value


# -- quote --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/hotel/info/", "/search/hp/", "/hotel/prebook/"])
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        *EVERYWHERE,
        (bad("no_available_rates"), Unavailable),
        (bad("rate_not_found"), Unavailable),
        (bad("hotel_not_found"), Unavailable),
        (bad("prebook_disabled"), AuthConfig),
        *((reply, Retryable) for reply in NO_ANSWER),
    ],
)
async def test_errors_on_quote(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    item: TripComponent,
    party: Party,
    path: str,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say(path, reply)
    await expect(expected, hotels.quote(item, party), "quote")
    assert len(sent(scripted, path)) == 1, "adapters never retry"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (ok({"hotels": []}), Unavailable),
        (page(), Unavailable),
        (page(rate(), hid=6), Unavailable),
        (page(rate("h-2", match_hash="m-2")), Unavailable),
        (page(rate(daily_prices=["300.50"])), Unavailable),
        (page(rate(daily_prices=["1.00"] * 4)), Unavailable),
        (page(rate(room_name="Cupboard")), Unavailable),
        (page(rate(payments=[])), Unavailable),
        (page(rate(payments=[payment(type="hotel"), payment(type="now")])), Unavailable),
        (page(rate(payments=[payment(cancellation_penalties=None)])), Unavailable),
        (page(rate(payments=[payment(currency_code="EUR")])), InvalidRequest),
        (page(rate(payments=[payment(amount=300.5)])), Retryable),
        (page(rate(payments=[payment(amount="-1")])), Retryable),
        (page(rate(payments=[payment(amount="300.505")])), Retryable),
        (page(rate(payments=[payment(amount="NaN")])), Retryable),
        (page(rate(payments=[payment(amount="")])), Retryable),
        (page(rate(payments=[payment(amount="1e999")])), Retryable),
        (page(rate(payments=[payment(currency_code=None)])), Retryable),
        (page(rate("h\x001")), Retryable),
        (ok({"hotels": [{"id": "five", "hid": "5", "rates": []}]}), Retryable),
        (ok(None), Retryable),
    ],
)
async def test_a_hotelpage_of_something_else_is_no_quote(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    item: TripComponent,
    party: Party,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say("/search/hp/", reply)
    await expect(expected, hotels.quote(item, party), "quote")
    assert not sent(scripted, "/prebook/")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (prebooked(), Unavailable),
        (prebooked(rate("p-1"), rate("p-2")), Unavailable),
        (prebooked(rate("p-1"), hid=6), Unavailable),
        (ok({"hotels": [], "changes": {"price_changed": False}}), Unavailable),
        (prebooked(rate("p-1", room_name="Single")), Unavailable),
        (prebooked(rate("p-1", meal="breakfast")), Unavailable),
        (prebooked(rate("p-1", daily_prices=["300.50"])), Unavailable),
        (prebooked(rate("p-1", payments=[payment(type="hotel")])), Unavailable),
        (prebooked(rate("p-1", payments=[payment(currency_code="EUR")])), InvalidRequest),
        (prebooked(rate("h-1")), Retryable),
        (ok({"hotels": "five"}), Retryable),
        (ok(None), Retryable),
    ],
)
async def test_prebooking_something_else_is_no_quote(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    item: TripComponent,
    party: Party,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say("/hotel/prebook/", reply)
    await expect(expected, hotels.quote(item, party), "quote")


@pytest.mark.parametrize(("said", "minor"), [("270.00", 27000), ("330.55", 33055), ("300", 30000)])
async def test_a_changed_price_is_the_quotes_price(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    item: TripComponent,
    party: Party,
    said: str,
    minor: int,
) -> None:
    free = {"policies": policies((None, "0"), (DEADLINE, said)), "free_cancellation_before": None}
    changed = payment(amount=said, cancellation_penalties=free)
    scripted.say("/hotel/prebook/", prebooked(rate("p-1", payments=[changed]), changed=True))
    quote = await hotels.quote(item, party)
    assert quote.price == Money(amount=minor, currency="USD")
    assert quote.offer == {"book_hash": "p-1"}


async def test_a_swap_to_stricter_terms_is_not_taken(
    scripted: Scripted, hotels: RateHawkSupplier, item: TripComponent, party: Party
) -> None:
    strict = payment(cancellation_penalties={"policies": policies((None, "300.50"))})
    scripted.say("/hotel/prebook/", prebooked(rate("p-1", payments=[strict])))
    await expect(Unavailable, hotels.quote(item, party))
    earlier = payment(
        cancellation_penalties={
            "policies": policies((None, "0"), ("2031-04-01T00:00:00", "300.50"))
        }
    )
    scripted.say("/hotel/prebook/", prebooked(rate("p-1", payments=[earlier])))
    await expect(Unavailable, hotels.quote(item, party))
    lenient = payment(cancellation_penalties={"policies": policies((None, "0"))})
    scripted.say("/hotel/prebook/", prebooked(rate("p-1", payments=[lenient])))
    assert (await hotels.quote(item, party)).terms.fee_at(now(), PRICE.amount) == 0


async def test_terms_come_from_the_policies_in_utc(
    scripted: Scripted, hotels: RateHawkSupplier, item: TripComponent, party: Party
) -> None:
    def say(*steps: tuple[str | None, str]) -> None:
        said = payment(cancellation_penalties={"policies": policies(*steps)})
        scripted.say("/search/hp/", page(rate(payments=[said])))
        scripted.say("/hotel/prebook/", prebooked(rate("p-1", payments=[said])))

    say((None, "10.00"), ("2031-04-20T12:00:00", "150.25"), ("2031-04-29T00:00:00+02:00", "999"))
    terms = (await hotels.quote(item, party)).terms
    assert [(step.until and step.until.isoformat(), step.fee) for step in terms.steps] == [
        ("2031-04-20T12:00:00+00:00", 1000),
        ("2031-04-28T22:00:00+00:00", 15025),
        (None, 30050),
    ]
    say((None, "0"), ("2031-04-29T00:00:00", "1"), ("2031-04-20T12:00:00", "2"))
    await expect(Retryable, hotels.quote(item, party))
    say(("2031-04-20T12:00:00", "2"))
    await expect(Retryable, hotels.quote(item, party))
    gap = policies((None, "0"), (DEADLINE, "1"))
    gap[0]["end_at"] = "2031-04-28T00:00:00"
    said = payment(cancellation_penalties={"policies": gap})
    scripted.say("/search/hp/", page(rate(payments=[said])))
    await expect(Retryable, hotels.quote(item, party))
    said = payment(cancellation_penalties={"policies": []})
    scripted.say("/search/hp/", page(rate(payments=[said])))
    scripted.say("/hotel/prebook/", prebooked(rate("p-1", payments=[said])))
    terms = (await hotels.quote(item, party)).terms
    assert terms.fee_at(now(), PRICE.amount) == PRICE.amount


# -- book ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        *EVERYWHERE,
        (bad("rate_not_found"), Unavailable),
        (bad("hotel_not_found"), Unavailable),
        *((reply, Retryable) for reply in NO_ANSWER),  # a form books nothing
        (form(partner_order_id="another"), Retryable),
        (form(order_id="89"), Retryable),
        (form(payment_types=[]), Unavailable),
        (form(payment_types=[payment(type="now")]), Unavailable),
        (form(payment_types=[payment(currency_code="EUR")]), Unavailable),
        (form(payment_types=[payment(amount="300.51")]), PriceChanged),
        (form(payment_types=[payment(amount="1")]), PriceChanged),
    ],
)
async def test_errors_on_form(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    item: TripComponent,
    quote: Quote,
    party: Party,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say("/booking/form/", reply)
    error = await expect(expected, hotels.book(item, quote, party, "ours-1"), "book")
    assert len(scripted.requests) == 1, "adapters never retry, and nothing was begun"
    if isinstance(error, PriceChanged):
        assert error.new_price is not None
        assert error.new_price != PRICE


ON_FINISH: list[Row] = [
    *EVERYWHERE,
    *(
        (bad(code), Unavailable)
        for code in ("book_hash_not_found", "rate_not_found", "hotel_not_found", "soldout")
    ),
    *(
        (bad(code), InvalidRequest)
        for code in (
            "incorrect_guests_number",
            "incorrect_children_data",
            "incorrect_rooms_number",
            "email",
            "incorrect_chosen_payment_type",
            "chosen_payment_type_was_not_available_on_booking_form",
            "unauthorized_group_booking",
        )
    ),
    *((reply, UnknownOutcome) for reply in NO_ANSWER),
    (ok(None, "processing"), UnknownOutcome),
]


@pytest.mark.parametrize(("reply", "expected"), ON_FINISH)
async def test_errors_on_finish(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    item: TripComponent,
    quote: Quote,
    party: Party,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say("/booking/finish/", reply)
    await expect(expected, hotels.book(item, quote, party, "ours-1"), "book")
    assert len(sent(scripted, "/finish/")) == len(sent(scripted, "/form/")) == 1


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (status("ok"), CONFIRMED),
        (status("processing"), PENDING),
        *(
            (reply, PENDING)
            for reply in (
                *NO_ANSWER,
                bad("order_not_found"),
                bad("booking_finish_did_not_succeed"),
                bad("not_allowed"),
                bad("endpoint_exceeded_limit", 429),
                status("ok", "another"),
                status("perhaps"),
            )
        ),
        (bad("soldout"), Unavailable),
        (bad("provider"), Unavailable),
        (bad("book_limit"), Unavailable),
        (bad("block"), Declined),
        (bad("charge"), Declined),
        (bad("3ds"), Declined),
        (status("3ds"), Declined),
    ],
)
@pytest.mark.parametrize("finish", [ok(), bad("double_booking_finish")])
async def test_the_look_after_finish(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    item: TripComponent,
    quote: Quote,
    party: Party,
    finish: Reply,
    reply: Reply,
    expected: ReservationStatus | type[ProviderError],
) -> None:
    scripted.say("/booking/finish/", finish)
    scripted.say("/booking/finish/status/", reply)
    booking = hotels.book(item, quote, party, "ours-1")
    if isinstance(expected, type):
        await expect(expected, booking, "book")
        return
    booked = await booking
    assert booked.status is expected
    assert (booked.supplier_id, booked.confirmation_code, booked.price) == ("ours-1", "89", PRICE)
    if expected is PENDING:
        assert booked.settles_by is not None
        assert CUT_OFF - dt.timedelta(seconds=5) < booked.settles_by - now() <= CUT_OFF
        assert booked.look_after is not None
        assert dt.timedelta(0) < booked.look_after - now() <= dt.timedelta(seconds=5)
    assert len(sent(scripted, "/status/")) == 1, "nothing is polled here"


@pytest.mark.parametrize("taken", ["double_booking_form", "duplicate_reservation"])
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (status("ok"), Duplicate),
        (status("processing"), Duplicate),
        (bad("unknown"), Duplicate),
        (bad("timeout"), Duplicate),
        (bad("soldout"), Unavailable),
        (bad("charge"), Declined),
        (status("3ds"), Declined),
        (Reply(500, b""), Retryable),
        (bad("not_allowed"), AuthConfig),
    ],
)
async def test_a_form_that_is_there_already_may_have_an_order(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    item: TripComponent,
    quote: Quote,
    party: Party,
    taken: str,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say("/booking/form/", bad(taken))
    scripted.say("/booking/finish/status/", reply)
    await expect(expected, hotels.book(item, quote, party, "ours-1"), "book")
    assert not sent(scripted, "/finish/")


@pytest.mark.parametrize("taken", ["double_booking_form", "duplicate_reservation"])
@pytest.mark.parametrize("known", ["booking_finish_did_not_succeed", "order_not_found"])
async def test_a_form_that_is_there_already_is_finished_itself(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    item: TripComponent,
    quote: Quote,
    party: Party,
    taken: str,
    known: str,
) -> None:
    """Never another id: the first ``finish`` may still be under way."""
    scripted.say("/booking/form/", bad(taken))
    scripted.say("/booking/finish/status/", bad(known), status("processing"))
    booked = await hotels.book(item, quote, party, "ours-1")
    assert (booked.supplier_id, booked.confirmation_code) == ("ours-1", "ours-1")
    (finish,) = sent(scripted, "/finish/")
    assert finish["partner"]["partner_order_id"] == "ours-1"
    assert finish["payment_type"]["amount"] == "300.50"


@pytest.mark.parametrize("gone", ["booking_form_expired", "order_not_found"])
async def test_only_a_form_that_is_gone_is_replaced(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    item: TripComponent,
    quote: Quote,
    party: Party,
    gone: str,
) -> None:
    scripted.say("/booking/form/", form(), form(partner_order_id="ours-1-r2", order_id=91))
    scripted.say("/booking/finish/", bad(gone), ok())
    scripted.say("/booking/finish/status/", status("processing", "ours-1-r2"))
    booked = await hotels.book(item, quote, party, "ours-1")
    assert (booked.reference, booked.supplier_id) == ("ours-1", "ours-1-r2")
    assert booked.confirmation_code == "91"


async def test_forms_that_are_never_found_are_not_made_again_and_again(
    scripted: Scripted, hotels: RateHawkSupplier, item: TripComponent, quote: Quote, party: Party
) -> None:
    scripted.say("/booking/form/", form(), form(partner_order_id="ours-1-r2"))
    scripted.say("/booking/finish/", bad("order_not_found"))
    await expect(AuthConfig, hotels.book(item, quote, party, "ours-1"), "book")
    assert len(sent(scripted, "/form/")) == 2


# -- find and look ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ([bad("order_not_found")], None),
        ([bad("booking_finish_did_not_succeed"), bad("order_not_found")], None),
        ([bad("soldout"), bad("order_not_found")], None),
        ([bad("block"), bad("order_not_found")], None),
        ([status("3ds"), bad("order_not_found")], None),
        ([status("processing")], ("ours-1", PENDING)),
        ([bad("unknown")], ("ours-1", PENDING)),
        ([bad("timeout")], ("ours-1", PENDING)),
        ([status("ok")], ("ours-1", CONFIRMED)),
        (
            [bad("booking_finish_did_not_succeed"), status("processing", "ours-1-r2")],
            ("ours-1-r2", PENDING),
        ),
        ([bad("order_not_found"), status("ok", "ours-1-r2")], ("ours-1-r2", CONFIRMED)),
        (
            [
                bad("booking_finish_did_not_succeed"),
                bad("order_not_found"),
                status("ok", "ours-1-r3"),
            ],
            ("ours-1-r3", CONFIRMED),
        ),
    ],
)
async def test_find_asks_about_all_ids(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    replies: list[Reply],
    expected: tuple[str, ReservationStatus] | None,
) -> None:
    scripted.say("/booking/finish/status/", *replies)
    found = await hotels.find("ours-1", since=now())
    assert (found and (found.supplier_id, found.status)) == expected
    if found is not None:
        assert found.reference == "ours-1"
        assert found.details["price_stated"] is False


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(500, b""), Retryable),
        (bad("unknown", 500), Retryable),
        (Reply(0), Retryable),
        (Reply(200, b"not json"), Retryable),
        (Reply(404, b""), Retryable),
        (bad("never_heard_of"), Retryable),
        (status("perhaps"), Retryable),
        (status("ok", "another"), Retryable),
        (bad("lock"), Retryable),
        (bad("endpoint_exceeded_limit", 429), Retryable),
        (bad("not_allowed"), AuthConfig),
        (bad("incorrect_credentials", 401), AuthConfig),
    ],
)
async def test_errors_on_status(
    scripted: Scripted, hotels: RateHawkSupplier, reply: Reply, expected: type[ProviderError]
) -> None:
    scripted.say("/booking/finish/status/", reply)
    await expect(expected, hotels.find("ours-1", since=now()), "find")
    await expect(expected, hotels.look(reservation()), "look")


async def test_a_limit_says_how_long_to_wait(scripted: Scripted, hotels: RateHawkSupplier) -> None:
    endpoint = {"reset": "2025-10-21T12:22:00", "remaining": 0}
    debug = {"api_endpoint": endpoint, "utcnow": "2025-10-21T12:21:01.5"}
    scripted.say("/booking/finish/status/", bad("endpoint_exceeded_limit", 429, **debug))
    error = await expect(Retryable, hotels.find("ours-1", since=now()))
    assert isinstance(error, Retryable)
    assert error.retry_after == dt.timedelta(seconds=58.5)
    for endpoint_said in (None, {"reset": "soon"}, {}):
        reply = bad("endpoint_exceeded_limit", 429, api_endpoint=endpoint_said)
        scripted.say("/booking/finish/status/", reply)
        error = await expect(Retryable, hotels.find("ours-1", since=now()))
        assert isinstance(error, Retryable)
        assert error.retry_after is None


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        *((code, REJECTED) for code in ("soldout", "provider", "book_limit")),
        *((code, REJECTED) for code in ("block", "charge", "3ds")),
        ("timeout", PENDING),
        ("unknown", PENDING),
        ("order_not_found", PENDING),
        ("booking_finish_did_not_succeed", PENDING),
    ],
)
async def test_look_at_what_is_pending(
    scripted: Scripted, hotels: RateHawkSupplier, reply: str, expected: ReservationStatus
) -> None:
    scripted.say("/booking/finish/status/", bad(reply))
    pending = reservation()
    looked = await hotels.look(pending)
    assert looked.status is expected
    if expected is REJECTED:
        assert looked.details["refused"] == reply
        assert (looked.settles_by, looked.look_after) == (None, None)
    else:
        assert looked.settles_by == pending.settles_by
        assert looked.look_after is not None
        assert looked.look_after > now()
    if reply in ("order_not_found", "booking_finish_did_not_succeed"):
        late = reservation(settles_by=now() - dt.timedelta(seconds=1))
        assert (await hotels.look(late)).status is REJECTED


@pytest.mark.parametrize("reply", [bad("unknown"), bad("timeout"), status("processing")])
async def test_what_was_confirmed_does_not_become_pending_again(
    scripted: Scripted, hotels: RateHawkSupplier, reply: Reply
) -> None:
    scripted.say("/booking/finish/status/", reply)
    await expect(Retryable, hotels.look(reservation(status=CONFIRMED, settles_by=None)), "look")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, CONFIRMED),
        ({"status": "noshow"}, CONFIRMED),
        ({"status": "cancelled", "amount_payable": amount("0.00")}, CANCELLED),
        ({"status": "failed"}, REJECTED),
        ({"status": "rejected"}, REJECTED),
        ({"status": "dreamt"}, Retryable),
        ({"checkin_at": "2031-05-02"}, Retryable),
        ({"checkout_at": "2031-05-05"}, Retryable),
        ({"hotel_data": {"id": "six", "hid": 6}}, Retryable),
        (
            {
                "rooms_data": [
                    {"room_name": "D", "guest_data": {"adults_number": 1, "children_number": 0}}
                ]
            },
            Retryable,
        ),
        ({"amount_payable": amount("300.51")}, Retryable),
        ({"amount_payable": amount("300.50", "EUR")}, Retryable),
        ({"amount_payable": amount("300.505")}, Retryable),
        ({"partner_data": {"order_id": "another"}}, Retryable),
        ({"order_id": "89"}, Retryable),
        ({"rooms_data": None}, Retryable),
    ],
)
async def test_details_other_than_ordered_are_no_success(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    change: dict[str, Any],
    expected: ReservationStatus | type[ProviderError],
) -> None:
    scripted.say("/booking/finish/status/", status("ok"))
    scripted.say("/order/info/", info(order(**change)))
    if isinstance(expected, type):
        await expect(expected, hotels.look(reservation()), "look")
        return
    looked = await hotels.look(reservation())
    assert (looked.status, looked.price, looked.settles_by) == (expected, PRICE, None)
    assert looked.details["hotel_confirmation"] == "361"


async def test_a_change_at_the_hotels_side_is_seen(
    scripted: Scripted, hotels: RateHawkSupplier
) -> None:
    scripted.say("/booking/finish/status/", status("ok"))
    scripted.say("/order/info/", info(order(checkin_at="2031-05-02")))
    looked = await hotels.look(reservation(status=CONFIRMED, settles_by=None))
    assert (looked.status, looked.details["checkin"]) == (CONFIRMED, "2031-05-02")


@pytest.mark.parametrize("reply", [Reply(500, b""), bad("unknown"), Reply(200, b"no"), ok(None)])
async def test_details_that_do_not_come(
    scripted: Scripted, hotels: RateHawkSupplier, reply: Reply
) -> None:
    scripted.say("/booking/finish/status/", status("ok"))
    scripted.say("/order/info/", reply)
    await expect(Retryable, hotels.look(reservation()), "look")
    await expect(Retryable, hotels.find("ours-1", since=now()), "find")
    await expect(Retryable, hotels.cancel_quote(reservation()), "cancel_quote")


async def test_a_found_order_has_its_price_where_it_is_visible(
    scripted: Scripted, hotels: RateHawkSupplier
) -> None:
    scripted.say("/booking/finish/status/", status("ok"))
    scripted.say("/order/info/", info(order(amount_payable=amount("99.00"))))
    found = await hotels.find("ours-1", since=now())
    assert found is not None
    assert found.price == Money(amount=9900, currency="USD"), "the saga compares it"
    assert "price_stated" not in found.details


# -- cancel -------------------------------------------------------------------------------------


def fee(value: str = "42.73") -> Reply:
    return ok({"amount_payable": amount(value), "amount_refunded": amount("1")})


async def test_the_fee_is_what_is_payable(scripted: Scripted, hotels: RateHawkSupplier) -> None:
    scripted.say("/order/cancel/", fee())
    done = await hotels.cancel(reservation(status=CONFIRMED), "key")
    assert (done.already, done.fee) == (False, Money(amount=4273, currency="USD"))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        *EVERYWHERE,
        (bad("order_not_cancellable"), NotCancellable),
        *((reply, UnknownOutcome) for reply in NO_ANSWER),
        (ok(None), UnknownOutcome),
        (ok({"amount_payable": {"amount": 1, "currency_code": "USD"}}), UnknownOutcome),
        (fee("-1"), UnknownOutcome),
        (fee("1.001"), UnknownOutcome),
    ],
)
async def test_errors_on_cancel(
    scripted: Scripted, hotels: RateHawkSupplier, reply: Reply, expected: type[ProviderError]
) -> None:
    scripted.say("/order/cancel/", reply)
    scripted.say("/order/info/", info(order()))
    await expect(expected, hotels.cancel(reservation(status=CONFIRMED), "key"), "cancel")
    assert len(sent(scripted, "/order/cancel/")) == 1


@pytest.mark.parametrize("code", ["order_not_found", "order_not_cancellable"])
async def test_cancelled_already(scripted: Scripted, hotels: RateHawkSupplier, code: str) -> None:
    scripted.say("/order/cancel/", bad(code))
    scripted.say("/order/info/", info(order(status="cancelled", amount_payable=amount("20"))))
    done = await hotels.cancel(reservation(status=CONFIRMED), "key")
    assert (done.already, done.fee) == (True, Money(amount=2000, currency="USD"))


@pytest.mark.parametrize(
    ("known", "shown", "standing", "expected"),
    [
        (CONFIRMED, [order()], status("ok"), Retryable),  # not visible as cancelled yet
        (CONFIRMED, [], status("ok"), Retryable),
        (PENDING, [], status("processing"), Retryable),
        (PENDING, [], bad("unknown"), Retryable),
        (PENDING, [], bad("order_not_found"), Retryable),  # may still arrive
        (PENDING, [], bad("booking_finish_did_not_succeed"), Retryable),
        (PENDING, [], bad("soldout"), None),
        (PENDING, [], bad("book_limit"), None),
        (PENDING, [], Reply(500, b""), Retryable),
        (CONFIRMED, [], Reply(500, b""), Retryable),
        (CONFIRMED, [], bad("not_allowed"), AuthConfig),
    ],
)
async def test_cancelling_what_is_not_found(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    known: ReservationStatus,
    shown: list[dict[str, Any]],
    standing: Reply,
    expected: type[ProviderError] | None,
) -> None:
    scripted.say("/order/cancel/", bad("order_not_found"))
    scripted.say("/order/info/", info(*shown))
    scripted.say("/booking/finish/status/", standing)
    cancelling = hotels.cancel(reservation(status=known), "key")
    if expected is not None:
        await expect(expected, cancelling, "cancel")
        return
    done = await cancelling
    assert (done.already, done.fee) == (True, Money(amount=0, currency="USD"))


async def test_what_nobody_knows_is_an_operators(
    scripted: Scripted, hotels: RateHawkSupplier
) -> None:
    scripted.say("/order/cancel/", bad("order_not_found"))
    scripted.say("/booking/finish/status/", bad("order_not_found"))
    known = reservation(status=CONFIRMED, settles_by=None)
    await expect(InvalidRequest, hotels.cancel(known, "key"), "cancel")
    await expect(AuthConfig, hotels.look(known), "look")


@pytest.mark.parametrize(
    ("change", "cancellable", "fee_now"),
    [
        ({}, True, 0),
        ({"cancellation_info": None}, True, None),
        ({"status": "cancelled"}, False, None),
        ({"checkin_at": "2020-05-01"}, False, None),
        (
            {
                "cancellation_info": {
                    "policies": [{"start_at": None, "end_at": None, "penalty": amount("300.5")}]
                }
            },
            True,
            30050,
        ),
        (
            {
                "cancellation_info": {
                    "policies": [
                        {"start_at": None, "end_at": "2020-01-01T00:00:00", "penalty": amount("0")},
                        {"start_at": "2020-01-01T00:00:00", "end_at": None, "penalty": amount("7")},
                    ]
                }
            },
            True,
            700,
        ),
    ],
)
async def test_cancel_quotes(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    change: dict[str, Any],
    cancellable: bool,
    fee_now: int | None,
) -> None:
    scripted.say("/order/info/", info(order(**change)))
    said = await hotels.cancel_quote(reservation(status=CONFIRMED))
    assert (said.cancellable, said.fee and said.fee.amount) == (cancellable, fee_now)
    assert bool(said.reason) is not cancellable


async def test_a_cancel_quote_before_the_order_is_visible(hotels: RateHawkSupplier) -> None:
    said = await hotels.cancel_quote(reservation(status=CONFIRMED))
    assert (said.cancellable, said.fee) == (True, None)


async def test_capabilities(hotels: RateHawkSupplier) -> None:
    can = hotels.capabilities
    assert can.finds
    assert can.repeats
    assert can.confirms_later
    assert can.quotes_cancel
    others = (can.holds, can.lapses, can.lists_changes, can.changes_travelers)
    assert not any(others)
    assert can.repeat_after == dt.timedelta(seconds=60)
    assert can.requests_per_second is None
