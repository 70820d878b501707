"""RateHawk's answers that are no errors by themselves: prices, terms, forms, orders, fees."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.core.errors import (
    AuthConfig,
    Declined,
    Duplicate,
    InvalidRequest,
    ProviderError,
    Retryable,
    Unavailable,
)
from models.core.money import Money
from models.core.supply import PropertyCharge, ReservationStatus
from suppliers.ratehawk import RateHawkSupplier
from suppliers.ratehawk.adapter import CUT_OFF
from tests.suppliers.conftest import Reply, Scripted, expect, flyer, now, party_of
from tests.suppliers.ratehawk.script import (
    DEADLINE,
    ITEM,
    NO_ANSWER,
    PARTY,
    PRICE,
    QUOTE,
    SCRIPT,
    bad,
    form,
    ok,
    page,
    payment,
    policies,
    prebooked,
    rate,
    sent,
    status,
)

PENDING, CONFIRMED = ReservationStatus.PENDING, ReservationStatus.CONFIRMED
REJECTED, CANCELLED = ReservationStatus.REJECTED, ReservationStatus.CANCELLED


@pytest.fixture
async def hotels(scripted: Scripted) -> AsyncIterator[Any]:
    supplier = SCRIPT.supplier(scripted)
    yield supplier
    await supplier.close()


@pytest.mark.parametrize(
    ("charged", "minor"), [("270.00", 27000), ("330.55", 33055), ("300", 30000)]
)
async def test_a_changed_price_is_the_quotes_price(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    charged: str,
    minor: int,
) -> None:
    free = {
        "policies": policies((None, "0"), (DEADLINE, charged)),
        "free_cancellation_before": None,
    }
    changed = payment(amount=charged, cancellation_penalties=free)
    scripted.say("/hotel/prebook/", prebooked(rate("p-1", payments=[changed]), changed=True))
    quote = await hotels.quote(ITEM, PARTY)
    assert quote.price == Money(amount=minor, currency="USD")
    assert quote.offer == {"book_hash": "p-1"}


async def test_what_is_not_needed_of_a_rate_may_be_missing_or_otherwise(
    scripted: Scripted, hotels: RateHawkSupplier
) -> None:
    """Other rates and other ways to pay may be anything; of ours, only terms and price are read."""
    other = {"book_hash": "h-9", "room_name": None, "payment_options": None, "daily_prices": "x"}
    now_paid = {"type": "now", "amount": 300.5, "currency_code": None}
    bare = payment(tax_data=None)
    bare["cancellation_penalties"]["free_cancellation_before"] = 7
    mine = rate(payments=[now_paid, None, bare], match_hash=7, meal=None, daily_prices=None)
    scripted.say("/search/hp/", page(None, other, mine))  # type: ignore[arg-type]
    prepared = {**mine, "book_hash": "p-1"}
    del prepared["match_hash"], prepared["daily_prices"]
    scripted.say("/hotel/prebook/", ok({"hotels": [{"hid": 5, "rates": [prepared]}]}))
    assert (await hotels.quote(ITEM, PARTY)).price == PRICE
    odd_form = form(order_id=None, payment_types=[now_paid, bare], item_id="x")
    scripted.say("/booking/form/", odd_form)
    scripted.say("/booking/finish/status/", ok([], "processing"))
    booked = await hotels.book(ITEM, QUOTE, PARTY, "ref-1")
    assert (booked.status, booked.confirmation_code) == (PENDING, "ref-1")


@pytest.mark.parametrize(
    "odd",
    [
        None,
        7,
        {"policies": [{"amount_charge": 0}]},
        {"policies": [{"start_at": "soon", "end_at": 7, "amount_charge": "1"}]},
    ],
)
async def test_of_a_form_only_what_is_due_is_read(
    scripted: Scripted, hotels: RateHawkSupplier, odd: Any
) -> None:
    """The flight is booked by then."""
    due = payment(cancellation_penalties=odd, tax_data=odd)
    scripted.say("/booking/form/", form(payment_types=[due]))
    assert (await hotels.book(ITEM, QUOTE, PARTY, "ref-1")).price == PRICE
    scripted.say("/booking/form/", form(payment_types=[payment(amount=None)]))
    error = await expect(Retryable, hotels.book(ITEM, QUOTE, PARTY, "ref-1"), "book")
    assert "payment_types.0.amount" in str(error)


async def test_what_a_rate_lacks_is_named(scripted: Scripted, hotels: RateHawkSupplier) -> None:
    scripted.say("/search/hp/", page(rate(payments=[payment(amount=None)])))
    error = await expect(Retryable, hotels.quote(ITEM, PARTY), "quote")
    assert "payment_options.payment_types.0.amount" in str(error)


async def test_taxes_that_are_not_included_are_paid_at_the_hotel(
    scripted: Scripted, hotels: RateHawkSupplier
) -> None:
    def tax(name: str, value: str, currency: str, included: bool) -> dict[str, Any]:
        known = {"name": name, "amount": value, "currency_code": currency}
        return {**known, "included_by_supplier": included}

    taxes = [tax("city_tax", "42.92", "eur", False), tax("vat", "30", "USD", True)]
    odd = {"name": "resort_fee", "amount": "7.00", "currency_code": "USD"}
    told = payment(tax_data={"taxes": [*taxes, odd, {**odd, "amount": None}, {"amount": "0"}]})
    scripted.say("/hotel/prebook/", prebooked(rate("p-1", payments=[told])))
    quote = await hotels.quote(ITEM, PARTY)
    assert quote.price == PRICE, "it is on top of the price"
    euros = Money(amount=4292, currency="EUR")
    assert quote.pay_at_property == (
        PropertyCharge(name="city tax", price=euros),
        PropertyCharge(name="resort fee", price=Money(amount=700, currency="USD")),
        PropertyCharge(name="resort fee", price=None),
    ), "what does not say whether it is included, or how much it is, is said all the same"


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        *((name, True) for name in ("O’Brien-Łuc, Jr.", "अनिल", "李", "a" * 50)),
        *((name, False) for name in ("a" * 51, "Ana 2", "Ana_Roe", "Ana/Bo")),
    ],
)
async def test_names_that_the_hotel_cannot_take_are_refused_at_the_quote(
    scripted: Scripted, hotels: RateHawkSupplier, name: str, taken: bool
) -> None:
    party = party_of(flyer("Ana"), flyer("Bo", last_name=name))
    if taken:
        assert (await hotels.quote(ITEM, party)).price == PRICE
        return
    error = await expect(InvalidRequest, hotels.quote(ITEM, party), "quote")
    assert isinstance(error, InvalidRequest)
    assert (error.field, error.plain) == ("travelers[1].lastName", True)
    assert name not in str(error), "it is known where, not repeated"
    assert scripted.requests == []


async def test_a_swap_to_stricter_terms_is_not_taken(
    scripted: Scripted, hotels: RateHawkSupplier
) -> None:
    strict = payment(cancellation_penalties={"policies": policies((None, "300.50"))})
    scripted.say("/hotel/prebook/", prebooked(rate("p-1", payments=[strict])))
    await expect(Unavailable, hotels.quote(ITEM, PARTY))
    earlier = payment(
        cancellation_penalties={
            "policies": policies((None, "0"), ("2031-04-01T00:00:00", "300.50"))
        }
    )
    scripted.say("/hotel/prebook/", prebooked(rate("p-1", payments=[earlier])))
    await expect(Unavailable, hotels.quote(ITEM, PARTY))
    lenient = payment(cancellation_penalties={"policies": policies((None, "0"))})
    scripted.say("/hotel/prebook/", prebooked(rate("p-1", payments=[lenient])))
    assert (await hotels.quote(ITEM, PARTY)).terms.fee_at(now(), PRICE.amount) == 0


async def test_terms_come_from_the_policies_in_utc(
    scripted: Scripted, hotels: RateHawkSupplier
) -> None:
    def say(*steps: tuple[str | None, str]) -> None:
        terms = payment(cancellation_penalties={"policies": policies(*steps)})
        scripted.say("/search/hp/", page(rate(payments=[terms])))
        scripted.say("/hotel/prebook/", prebooked(rate("p-1", payments=[terms])))

    say((None, "10.00"), ("2031-04-20T12:00:00", "150.25"), ("2031-04-29T00:00:00+02:00", "999"))
    steps = (await hotels.quote(ITEM, PARTY)).terms
    assert [(step.until and step.until.isoformat(), step.fee) for step in steps.steps] == [
        ("2031-04-20T12:00:00+00:00", 1000),
        ("2031-04-28T22:00:00+00:00", 15025),
        (None, 30050),
    ]
    say((None, "0"), ("2031-04-29T00:00:00", "1"), ("2031-04-20T12:00:00", "2"))
    await expect(Retryable, hotels.quote(ITEM, PARTY))
    say(("2031-04-20T12:00:00", "2"))
    await expect(Retryable, hotels.quote(ITEM, PARTY))
    gap = policies((None, "0"), (DEADLINE, "1"))
    gap[0]["end_at"] = "2031-04-28T00:00:00"
    terms = payment(cancellation_penalties={"policies": gap})
    scripted.say("/search/hp/", page(rate(payments=[terms])))
    await expect(Retryable, hotels.quote(ITEM, PARTY))
    terms = payment(cancellation_penalties={"policies": []})
    scripted.say("/search/hp/", page(rate(payments=[terms])))
    scripted.say("/hotel/prebook/", prebooked(rate("p-1", payments=[terms])))
    steps = (await hotels.quote(ITEM, PARTY)).terms
    assert steps.fee_at(now(), PRICE.amount) == PRICE.amount


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
    finish: Reply,
    reply: Reply,
    expected: ReservationStatus | type[ProviderError],
) -> None:
    scripted.say("/booking/finish/", finish)
    scripted.say("/booking/finish/status/", reply)
    booking = hotels.book(ITEM, QUOTE, PARTY, "ref-1")
    if isinstance(expected, type):
        await expect(expected, booking, "book")
        return
    booked = await booking
    assert booked.status is expected
    assert (booked.supplier_id, booked.confirmation_code, booked.price) == ("ref-1", "89", PRICE)
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
    taken: str,
    reply: Reply,
    expected: type[ProviderError],
) -> None:
    scripted.say("/booking/form/", bad(taken))
    scripted.say("/booking/finish/status/", reply)
    await expect(expected, hotels.book(ITEM, QUOTE, PARTY, "ref-1"), "book")
    assert not sent(scripted, "/finish/")


@pytest.mark.parametrize("taken", ["double_booking_form", "duplicate_reservation"])
@pytest.mark.parametrize("known", ["booking_finish_did_not_succeed", "order_not_found"])
async def test_a_form_that_is_there_already_is_finished_itself(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    taken: str,
    known: str,
) -> None:
    """Never another id: the first ``finish`` may still be under way."""
    scripted.say("/booking/form/", bad(taken))
    scripted.say("/booking/finish/status/", bad(known), status("processing"))
    booked = await hotels.book(ITEM, QUOTE, PARTY, "ref-1")
    assert (booked.supplier_id, booked.confirmation_code) == ("ref-1", "ref-1")
    (finish,) = sent(scripted, "/finish/")
    assert finish["partner"]["partner_order_id"] == "ref-1"
    assert finish["payment_type"]["amount"] == "300.50"


@pytest.mark.parametrize("gone", ["booking_form_expired", "order_not_found"])
async def test_only_a_form_that_is_gone_is_replaced(
    scripted: Scripted,
    hotels: RateHawkSupplier,
    gone: str,
) -> None:
    scripted.say("/booking/form/", form(), form(partner_order_id="ref-1-r2", order_id=91))
    scripted.say("/booking/finish/", bad(gone), ok())
    scripted.say("/booking/finish/status/", status("processing", "ref-1-r2"))
    booked = await hotels.book(ITEM, QUOTE, PARTY, "ref-1")
    assert (booked.reference, booked.supplier_id) == ("ref-1", "ref-1-r2")
    assert booked.confirmation_code == "91"


async def test_forms_that_are_never_found_are_not_made_again_and_again(
    scripted: Scripted, hotels: RateHawkSupplier
) -> None:
    scripted.say("/booking/form/", form(), form(partner_order_id="ref-1-r2"))
    scripted.say("/booking/finish/", bad("order_not_found"))
    await expect(AuthConfig, hotels.book(ITEM, QUOTE, PARTY, "ref-1"), "book")
    assert len(sent(scripted, "/form/")) == 2
