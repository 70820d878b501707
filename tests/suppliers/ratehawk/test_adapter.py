"""What is particular about RateHawk at its emulation: decided later, shown later, prebooked."""

import base64
import datetime as dt
import re

import pytest

from models.core.errors import (
    Duplicate,
    InvalidRequest,
    ProviderError,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.people import Traveler
from models.core.supply import PropertyCharge, ReservationStatus, TripComponent
from sandbox.ratehawk.catalogue import INCREASES, SPARSE, TEST_HOTEL
from suppliers.core.protocol import Party
from suppliers.ratehawk.adapter import SANDBOX_CUT_OFF, RateHawkSupplier
from tests.suppliers.conftest import LocalWorld, in_days, now, reference, traveler
from tests.suppliers.ratehawk.world import (
    decided,
    later,
    ledger,
    slowly,
    special,
    stay,
)

CONFIRMED, PENDING = ReservationStatus.CONFIRMED, ReservationStatus.PENDING
CHILDRENS = TEST_HOTEL
CANCELLED, REJECTED = ReservationStatus.CANCELLED, ReservationStatus.REJECTED


async def test_the_whole_way(
    local: LocalWorld, hotels: RateHawkSupplier, item: TripComponent, party: Party
) -> None:
    ref, began = reference(), now()
    quote = await hotels.quote(item, party)
    assert quote.price == item.money
    assert item.offer["name"] in quote.title
    assert quote.expires_at is not None
    assert dt.timedelta(minutes=29) < quote.expires_at - now() <= dt.timedelta(minutes=30)
    week = dt.datetime.combine(in_days(33), dt.time(), dt.UTC)
    last = dt.datetime.combine(in_days(39), dt.time(), dt.UTC)
    second, price = dt.timedelta(seconds=1), quote.price.amount
    assert [quote.terms.fee_at(m, price) for m in (week - second, week, last - second, last)] == [
        0,
        price // 2,
        price // 2,
        price,
    ]

    assert await hotels.find(ref, since=began) is None
    slowly(local)
    booked = await hotels.book(item, quote, party, ref)
    assert booked.status is PENDING
    assert booked.settles_by is not None
    assert SANDBOX_CUT_OFF - second < booked.settles_by - now() <= SANDBOX_CUT_OFF
    assert booked.look_after is not None
    assert booked.look_after - now() <= dt.timedelta(seconds=1)
    assert (booked.reference, booked.supplier_id, booked.price) == (ref, ref, item.money)
    assert booked.provider == item.offer["name"]
    assert re.fullmatch(r"\d{9}", booked.confirmation_code)
    found = await hotels.find(ref, since=began)
    assert found is not None
    assert (found.status, found.details) == (PENDING, {"price_stated": False})
    looked = await hotels.look(booked)
    assert looked.status is PENDING
    assert looked.settles_by == booked.settles_by
    with pytest.raises(Retryable, match="cannot be cancelled yet"):
        await hotels.cancel(booked, "key")

    later(local)
    fresh = await hotels.look(booked)
    assert fresh.status is CONFIRMED
    assert "order_id" not in fresh.details, "not visible yet"
    assert fresh.confirmation_code == booked.confirmation_code
    later(local)
    done = await hotels.look(fresh)
    assert done.status is CONFIRMED
    assert (done.settles_by, done.look_after, done.price) == (None, None, item.money)
    assert done.confirmation_code == booked.confirmation_code
    assert done.details["hotel_confirmation"]
    assert done.details["checkin"] == in_days(40).isoformat()
    assert local.live("ratehawk", ref) == 1
    found = await hotels.find(ref, since=began)
    assert found is not None
    assert (found.status, found.price, found.supplier_id) == (CONFIRMED, item.money, ref)
    assert "price_stated" not in found.details

    with pytest.raises(Duplicate):
        await hotels.book(item, quote, party, ref)
    assert local.live("ratehawk", ref) == 1

    quoted = await hotels.cancel_quote(done)
    assert (quoted.cancellable, quoted.fee, quoted.expires_at) == (True, _usd(0), week)
    cancelled = await hotels.cancel(done, "key")
    assert (cancelled.already, cancelled.fee) == (False, _usd(0))
    assert local.live("ratehawk", ref) == 0
    with pytest.raises(Retryable, match="does not show as cancelled yet"):
        await hotels.cancel(done, "key")
    later(local)
    again = await hotels.cancel(done, "key")
    assert (again.already, again.fee) == (True, _usd(0))
    assert (await hotels.look(done)).status is CANCELLED
    found = await hotels.find(ref, since=began)
    assert found is not None
    assert (found.status, found.price) == (CANCELLED, item.money)
    gone = await hotels.cancel_quote(done)
    assert not gone.cancellable
    assert local.effects("ratehawk", ref) == ["created", "confirmed", "cancelled"]


def _usd(amount: int) -> Money:
    return Money(amount=amount, currency="USD")


async def test_requests_carry_credentials_our_reference_and_no_card(
    local: LocalWorld, item: TripComponent, party: Party
) -> None:
    hotels = RateHawkSupplier(
        local.settings(
            ratehawk={
                "api_key": "s3cret",
                "account": "4711",
                "base_url": f"{local.url}/ratehawk/api/b2b/v3",
            }
        )
    )
    ref = reference()
    await hotels.book(item, await hotels.quote(item, party), party, ref)
    await hotels.close()
    token = base64.b64encode(b"4711:s3cret").decode()
    for exchange in local.recorder.exchanges:
        assert exchange.method == "POST"
        assert exchange.headers["authorization"] == f"Basic {token}"
    assert local.recorder.to("/prebook/")[0].body["price_increase_percent"] == 0
    assert local.recorder.to("/form/")[0].body["partner_order_id"] == ref
    body = local.recorder.to("/finish/")[0].body
    assert body["partner"]["partner_order_id"] == ref
    assert body["payment_type"] == {
        "type": "deposit",
        "amount": f"{item.money.to_decimal()}",
        "currency_code": "USD",
    }
    assert [g["first_name"] for g in body["rooms"][0]["guests"]] == ["Ana", "Bo"]
    assert not re.search(r"\b\d{13,19}\b", str(body))


def child(years: float, first_name: str = "Cleo") -> Traveler:
    born = in_days(40) - dt.timedelta(days=int(years * 365.25))
    return traveler(first_name).model_copy(update={"date_of_birth": born})


@pytest.mark.parametrize("offered", [(7,), ()], ids=["for a child", "for adults only"])
async def test_children_sleep_along_at_their_ages(
    local: LocalWorld, hotels: RateHawkSupplier, party: Party, offered: tuple[int, ...]
) -> None:
    """Whatever the planner searched for: a child is asked for and booked as one."""
    item = special(local, CHILDRENS, children=offered, adults=3 - len(offered))
    family = Party(travelers=(*party.travelers, child(7.5)), contact=party.contact)
    booked = await hotels.book(item, await hotels.quote(item, family), family, reference())
    assert (await decided(hotels, booked)).details["guests"] == 3
    searched = local.recorder.to("/search/hp/")[0].body["guests"]
    assert searched == [{"adults": 2, "children": [7]}]
    guests = local.recorder.to("/finish/")[0].body["rooms"][0]["guests"]
    assert [guest.get("age") for guest in guests] == [None, None, 7]
    assert [guest.get("is_child", False) for guest in guests] == [False, False, True]


async def test_a_party_that_the_offer_is_not_for(
    local: LocalWorld, hotels: RateHawkSupplier, party: Party
) -> None:
    item = special(local, CHILDRENS, children=(7,))
    for last in (child(-0.1), child(3.5)):
        other = Party(travelers=(*party.travelers, last), contact=party.contact)
        with pytest.raises(InvalidRequest, match="other ages"):
            await hotels.quote(item, other)
    alone = Party(travelers=(child(7.5), child(9.5, "Dan")), contact=party.contact)
    with pytest.raises(InvalidRequest, match="only with an adult"):
        await hotels.quote(special(local, CHILDRENS), alone)


async def test_city_tax_is_paid_at_the_hotel(
    hotels: RateHawkSupplier, item: TripComponent, party: Party
) -> None:
    quote = await hotels.quote(item, party)
    euros = Money(amount=2 * 3 * 250, currency="EUR")
    assert quote.pay_at_property == (PropertyCharge(name="city tax", price=euros),)
    done = await decided(hotels, await hotels.book(item, quote, party, reference()))
    assert done.pay_at_property == quote.pay_at_property


async def test_a_hotel_that_says_next_to_nothing_is_booked_and_cancelled(
    local: LocalWorld, hotels: RateHawkSupplier, party: Party
) -> None:
    item, ref = special(local, SPARSE), reference()
    quote = await hotels.quote(item, party)
    done = await decided(hotels, await hotels.book(item, quote, party, ref))
    assert (done.status, done.price) == (CONFIRMED, item.money)
    assert done.details["hid"] == SPARSE, "as it was booked"
    assert (await hotels.cancel_quote(done)).cancellable
    assert (await hotels.cancel(done, "key")).fee == _usd(0)
    assert local.live("ratehawk", ref) == 0


async def test_the_fee_is_what_the_hotel_kept(
    local: LocalWorld, hotels: RateHawkSupplier, party: Party
) -> None:
    item = special(local, TEST_HOTEL)
    quote = await hotels.quote(item, party)
    assert quote.terms.fee_at(now(), quote.price.amount) == quote.price.amount
    done = await decided(hotels, await hotels.book(item, quote, party, reference()))
    quoted = await hotels.cancel_quote(done)
    assert (quoted.cancellable, quoted.fee, quoted.expires_at) == (True, quote.price, None)
    assert (await hotels.cancel(done, "key")).fee == quote.price
    later(local)
    assert (await hotels.cancel(done, "key")).fee == quote.price


@pytest.mark.parametrize("hid", INCREASES)
async def test_a_price_that_rises_on_prebooking_is_no_quote(
    local: LocalWorld, hotels: RateHawkSupplier, party: Party, hid: int
) -> None:
    with pytest.raises(Unavailable, match="no available rates"):
        await hotels.quote(special(local, hid), party)


async def test_an_old_book_hash_is_found_again_by_its_match_hash(
    hotels: RateHawkSupplier, local: LocalWorld, party: Party
) -> None:
    item = stay(local, book_hash="h-of-yesterday")
    assert (await hotels.quote(item, party)).price == item.money
    with pytest.raises(Unavailable, match="no such room"):
        await hotels.quote(stay(local, book_hash="h-of-yesterday", match_hash=None), party)


async def test_an_expired_rate_books_nothing(
    local: LocalWorld, hotels: RateHawkSupplier, item: TripComponent, party: Party
) -> None:
    quote, ref = await hotels.quote(item, party), reference()
    local.world.ahead = dt.timedelta(minutes=61)
    with pytest.raises(Unavailable, match="rate not found"):
        await hotels.book(item, quote, party, ref)
    assert await hotels.find(ref, since=now()) is None


async def test_other_nights_cost_what_they_cost(
    local: LocalWorld, hotels: RateHawkSupplier, party: Party
) -> None:
    # The hash of three nights with a fourth one asked for: what is prebooked is four nights.
    item = stay(local, checkout=in_days(44).isoformat())
    quote = await hotels.quote(item, party)
    assert quote.price.amount > item.price


# -- every kind of fault at every operation -----------------------------------------------------


async def test_a_price_that_drifts_before_prebooking_is_seen_at_the_next_quote(
    local: LocalWorld, hotels: RateHawkSupplier, item: TripComponent, party: Party
) -> None:
    local.arm("ratehawk", "quote", "price_drift", nth=2)
    with pytest.raises(Unavailable):
        await hotels.quote(item, party)
    assert (await hotels.quote(item, party)).price.amount == item.price + item.price // 10


@pytest.mark.parametrize(
    "kind",
    ["error", "reset", "malformed", "refuse"],
)
async def test_a_look_that_fails_right_after_finish_leaves_it_pending(
    local: LocalWorld, hotels: RateHawkSupplier, item: TripComponent, party: Party, kind: str
) -> None:
    quote, ref = await hotels.quote(item, party), reference()
    local.arm("ratehawk", "find", kind)
    booked = await hotels.book(item, quote, party, ref)
    assert booked.status is PENDING
    assert local.world.faults.list()[0].fired == 1
    assert (await decided(hotels, booked)).status is CONFIRMED


async def test_being_told_to_wait(
    local: LocalWorld, hotels: RateHawkSupplier, item: TripComponent, party: Party
) -> None:
    booked = await hotels.book(item, await hotels.quote(item, party), party, reference())
    local.arm("ratehawk", "find", "refuse")
    with pytest.raises(Retryable) as caught:
        await hotels.look(booked)
    assert caught.value.code == "endpoint_exceeded_limit"
    assert caught.value.retry_after is not None
    assert dt.timedelta(0) < caught.value.retry_after <= dt.timedelta(seconds=1)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("commit_then_error", UnknownOutcome),
        ("duplicate", Retryable),  # "not found" and not visible yet: never taken for cancelled
        ("error", UnknownOutcome),
    ],
)
async def test_what_was_cancelled_shows_later(
    local: LocalWorld,
    hotels: RateHawkSupplier,
    item: TripComponent,
    party: Party,
    kind: str,
    error: type[ProviderError] | None,
) -> None:
    ref = reference()
    done = await decided(
        hotels, await hotels.book(item, await hotels.quote(item, party), party, ref)
    )
    ledger(local).pace.info_lag = 30
    local.arm("ratehawk", "cancel", kind)
    if error is not None:
        with pytest.raises(error) as caught:
            await hotels.cancel(done, "key")
        assert type(caught.value) is error
        later(local)
    answer = await hotels.cancel(done, "key")
    assert answer.fee == _usd(0)
    assert answer.already is (kind != "error")
    assert local.live("ratehawk", ref) == 0
    assert local.effects("ratehawk", ref).count("cancelled") == 1
