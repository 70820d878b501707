"""Every row of RateHawk's error table (providers.md §3), and answers other than asked."""

import datetime as dt
from collections.abc import AsyncIterator

import pytest

from models.core.errors import (
    AuthConfig,
    Declined,
    Duplicate,
    InvalidRequest,
    PriceChanged,
    ProviderError,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.supply import ItemType, Quote, ReservationStatus, TripComponent
from models.core.terms import CancellationTerms
from suppliers.core.protocol import Party
from suppliers.ratehawk.adapter import CUT_OFF, RateHawkSupplier
from tests.suppliers.conftest import Reply, Scripted, component
from tests.suppliers.ratehawk.shapes import (
    DEADLINE,
    EVERYWHERE,
    NO_ANSWER,
    PRICE,
    Row,
    bad,
    expect,
    form,
    now,
    ok,
    page,
    payment,
    policies,
    prebooked,
    rate,
    scripted_hotels,
    sent,
    status,
)

PENDING, CONFIRMED = ReservationStatus.PENDING, ReservationStatus.CONFIRMED
REJECTED, CANCELLED = ReservationStatus.REJECTED, ReservationStatus.CANCELLED


@pytest.fixture
async def hotels(scripted: Scripted) -> AsyncIterator[RateHawkSupplier]:
    async with scripted_hotels(scripted) as supplier:
        yield supplier


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
    (Reply(200, {"data": None, "status": "ok", "error": "soldout"}), Unavailable),
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
