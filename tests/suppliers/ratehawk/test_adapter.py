"""RateHawk's adapter against its emulation: the whole way, and every fault on it."""

import asyncio
import base64
import datetime as dt
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from models.core.errors import (
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
from models.core.people import Contact
from models.core.supply import Quote, Reservation, ReservationStatus, TripComponent
from sandbox.ratehawk.catalogue import INCREASES, LAST_ROOM, TEST_HOTEL
from suppliers.core.protocol import Party
from suppliers.ratehawk.adapter import SANDBOX_CUT_OFF, RateHawkSupplier
from tests.suppliers.conftest import LocalWorld, in_days, traveler
from tests.suppliers.ratehawk.world import (
    decided,
    later,
    ledger,
    served,
    slowly,
    special,
    stay,
)

PATIENCE = 1.2
"""Seconds the adapter waits here; hangs are waited for often."""

CONFIRMED, PENDING = ReservationStatus.CONFIRMED, ReservationStatus.PENDING
CANCELLED, REJECTED = ReservationStatus.CANCELLED, ReservationStatus.REJECTED


@pytest.fixture
async def local() -> AsyncIterator[LocalWorld]:
    async with served() as world:
        yield world


@pytest.fixture
async def hotels(local: LocalWorld) -> AsyncIterator[RateHawkSupplier]:
    supplier = RateHawkSupplier(local.settings(provider_timeout_seconds=PATIENCE))
    yield supplier
    await supplier.close()


@pytest.fixture
def item(local: LocalWorld) -> TripComponent:
    return stay(local)


def reference() -> str:
    return f"{uuid.uuid4()}-2-1"


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


async def test_the_whole_way(
    local: LocalWorld, hotels: RateHawkSupplier, item: TripComponent, party: Party
) -> None:
    ours, began = reference(), now()
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

    assert await hotels.find(ours, since=began) is None
    slowly(local)
    booked = await hotels.book(item, quote, party, ours)
    assert booked.status is PENDING
    assert booked.settles_by is not None
    assert SANDBOX_CUT_OFF - second < booked.settles_by - now() <= SANDBOX_CUT_OFF
    assert booked.look_after is not None
    assert booked.look_after - now() <= dt.timedelta(seconds=1)
    assert (booked.reference, booked.supplier_id, booked.price) == (ours, ours, item.money)
    assert booked.provider == item.offer["name"]
    assert re.fullmatch(r"\d{9}", booked.confirmation_code)
    found = await hotels.find(ours, since=began)
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
    assert local.live("ratehawk", ours) == 1
    found = await hotels.find(ours, since=began)
    assert found is not None
    assert (found.status, found.price, found.supplier_id) == (CONFIRMED, item.money, ours)
    assert "price_stated" not in found.details

    with pytest.raises(Duplicate):
        await hotels.book(item, quote, party, ours)
    assert local.live("ratehawk", ours) == 1

    said = await hotels.cancel_quote(done)
    assert (said.cancellable, said.fee, said.expires_at) == (True, _usd(0), week)
    cancelled = await hotels.cancel(done, "key")
    assert (cancelled.already, cancelled.fee) == (False, _usd(0))
    assert local.live("ratehawk", ours) == 0
    with pytest.raises(Retryable, match="does not show as cancelled yet"):
        await hotels.cancel(done, "key")
    later(local)
    again = await hotels.cancel(done, "key")
    assert (again.already, again.fee) == (True, _usd(0))
    assert (await hotels.look(done)).status is CANCELLED
    found = await hotels.find(ours, since=began)
    assert found is not None
    assert (found.status, found.price) == (CANCELLED, item.money)
    gone = await hotels.cancel_quote(done)
    assert not gone.cancellable
    effects = [r["effect"] for r in local.world.log.rows(supplier="ratehawk", reference=ours)]
    assert [e for e in effects if e != "none"] == ["created", "confirmed", "cancelled"]


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
            },
        )
    )
    ours = reference()
    await hotels.book(item, await hotels.quote(item, party), party, ours)
    await hotels.close()
    token = base64.b64encode(b"4711:s3cret").decode()
    for exchange in local.recorder.exchanges:
        assert exchange.method == "POST"
        assert exchange.headers["authorization"] == f"Basic {token}"
    assert local.recorder.to("/prebook/")[0].body["price_increase_percent"] == 0
    assert local.recorder.to("/form/")[0].body["partner_order_id"] == ours
    body = local.recorder.to("/finish/")[0].body
    assert body["partner"]["partner_order_id"] == ours
    assert body["payment_type"] == {
        "type": "deposit",
        "amount": f"{item.money.to_decimal()}",
        "currency_code": "USD",
    }
    assert [g["first_name"] for g in body["rooms"][0]["guests"]] == ["Ana", "Bo"]
    assert not re.search(r"\b\d{13,19}\b", str(body))


async def test_children_sleep_along(
    local: LocalWorld, hotels: RateHawkSupplier, party: Party
) -> None:
    item = special(local, TEST_HOTEL, children=(7,))
    born = in_days(40) - dt.timedelta(days=int(7.5 * 365.25))
    child = traveler("Cleo").model_copy(update={"date_of_birth": born})
    family = Party(travelers=(*party.travelers, child), contact=party.contact)
    booked = await hotels.book(item, await hotels.quote(item, family), family, reference())
    assert (await decided(hotels, booked)).details["guests"] == 3
    guests = local.recorder.to("/finish/")[0].body["rooms"][0]["guests"]
    assert [guest.get("age") for guest in guests] == [None, None, 7]
    baby = child.model_copy(update={"date_of_birth": in_days(-30)})
    other = Party(travelers=(*party.travelers, baby), contact=party.contact)
    with pytest.raises(InvalidRequest, match="other ages"):
        await hotels.quote(item, other)


async def test_the_fee_is_what_the_hotel_kept(
    local: LocalWorld, hotels: RateHawkSupplier, party: Party
) -> None:
    item = special(local, TEST_HOTEL)
    quote = await hotels.quote(item, party)
    assert quote.terms.fee_at(now(), quote.price.amount) == quote.price.amount
    done = await decided(hotels, await hotels.book(item, quote, party, reference()))
    said = await hotels.cancel_quote(done)
    assert (said.cancellable, said.fee, said.expires_at) == (True, quote.price, None)
    assert (await hotels.cancel(done, "key")).fee == quote.price
    later(local)
    assert (await hotels.cancel(done, "key")).fee == quote.price


async def test_the_last_room_is_sold_once(
    local: LocalWorld, hotels: RateHawkSupplier, party: Party
) -> None:
    item = special(local, LAST_ROOM)
    quotes = [await hotels.quote(item, party) for _ in range(5)]
    references = [reference() for _ in quotes]
    slowly(local)
    booked = await asyncio.gather(
        *(hotels.book(item, q, party, ours) for q, ours in zip(quotes, references, strict=True))
    )
    later(local)
    ends = [await hotels.look(one) for one in booked]
    assert sorted(end.status for end in ends) == [CONFIRMED, *[REJECTED] * 4]
    assert {end.details.get("refused") for end in ends} == {None, "soldout"}
    with pytest.raises(Unavailable):
        await hotels.quote(item, party)
    await hotels.cancel(next(end for end in ends if end.status is CONFIRMED), "key")
    assert (await hotels.quote(item, party)).price == item.money


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
    quote, ours = await hotels.quote(item, party), reference()
    local.world.ahead = dt.timedelta(minutes=61)
    with pytest.raises(Unavailable, match="rate not found"):
        await hotels.book(item, quote, party, ours)
    assert await hotels.find(ours, since=now()) is None


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"name": "Another Hotel"}, Unavailable),
        ({"hid": 10}, Unavailable),
        ({"room": "Broom cupboard"}, Unavailable),
        ({"adults": 3}, InvalidRequest),
        ({"children": [4]}, InvalidRequest),
        ({"currency": "EUR"}, InvalidRequest),
        ({"checkout": "2020-01-01"}, InvalidRequest),
        ({"checkin": "2020-01-01"}, InvalidRequest),
        ({"hid": "x"}, InvalidRequest),
        ({"book_hash": ""}, InvalidRequest),
        ({"residency": "US"}, InvalidRequest),
        ({"free_cancellation_before": "2999-01-01T00:00:00Z"}, Unavailable),
    ],
)
async def test_an_offer_that_is_not_what_it_claims(
    local: LocalWorld,
    hotels: RateHawkSupplier,
    party: Party,
    change: dict[str, Any],
    error: type[ProviderError],
) -> None:
    with pytest.raises(error):
        await hotels.quote(stay(local, **change), party)


async def test_other_nights_cost_what_they_cost(
    local: LocalWorld, hotels: RateHawkSupplier, party: Party
) -> None:
    # The hash of three nights with a fourth one asked for: what is prebooked is four nights.
    item = stay(local, checkout=in_days(44).isoformat())
    quote = await hotels.quote(item, party)
    assert quote.price.amount > item.price


async def test_a_phone_is_needed(local: LocalWorld, item: TripComponent) -> None:
    party = Party(
        travelers=(traveler("Ana"), traveler("Bo")), contact=Contact(email="ana@example.com")
    )
    hotels = RateHawkSupplier(local.settings(), agency_phone="")
    with pytest.raises(InvalidRequest, match="phone"):
        await hotels.quote(item, party)
    await hotels.close()
    hotels = RateHawkSupplier(local.settings(), agency_phone="+1 212 555 0199")
    await hotels.book(item, await hotels.quote(item, party), party, reference())
    assert local.recorder.to("/finish/")[0].body["user"]["phone"] == "+1 212 555 0199"
    await hotels.close()


async def test_a_foreign_quote_is_refused(
    local: LocalWorld, hotels: RateHawkSupplier, item: TripComponent, party: Party
) -> None:
    quote = (await hotels.quote(item, party)).model_copy(update={"offer": {}})
    with pytest.raises(InvalidRequest):
        await hotels.book(item, quote, party, reference())
    assert not local.recorder.to("/form/")


# -- every kind of fault at every operation -----------------------------------------------------


def arm(local: LocalWorld, operation: str, kind: str, nth: int = 1) -> None:
    seconds = {"slow": 0.1, "late_commit": 0.2}.get(kind, 30)
    local.world.faults.arm("ratehawk", operation, kind, seconds=seconds, nth=nth)


@pytest.mark.parametrize("nth", [1, 2])  # hotelpage, prebook
@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("refuse", Unavailable),
        ("error", Retryable),
        ("reset", Retryable),
        ("hang", Retryable),
        ("commit_then_hang", Retryable),
        ("late_commit", Retryable),
        ("commit_then_error", Retryable),
        ("malformed", Retryable),
        ("duplicate", None),
        ("authenticate", None),
        ("short_hold", None),
        ("slow", None),
    ],
)
async def test_faults_on_quote(
    local: LocalWorld,
    hotels: RateHawkSupplier,
    item: TripComponent,
    party: Party,
    kind: str,
    error: type[ProviderError] | None,
    nth: int,
) -> None:
    arm(local, "quote", kind, nth)
    if error is None:
        assert (await hotels.quote(item, party)).price == item.money
    else:
        with pytest.raises(error) as caught:
            await hotels.quote(item, party)
        assert type(caught.value) is error
    assert local.world.faults.list()[0].fired == 1
    assert (await hotels.quote(item, party)).price == item.money


async def test_a_price_that_drifts_before_the_search_is_the_quotes_price(
    local: LocalWorld, hotels: RateHawkSupplier, item: TripComponent, party: Party
) -> None:
    arm(local, "quote", "price_drift")
    assert (await hotels.quote(item, party)).price.amount == item.price + item.price // 10
    assert (await hotels.quote(item, party)).price == item.money


async def test_a_price_that_drifts_before_prebooking_is_seen_at_the_next_quote(
    local: LocalWorld, hotels: RateHawkSupplier, item: TripComponent, party: Party
) -> None:
    arm(local, "quote", "price_drift", nth=2)
    with pytest.raises(Unavailable):
        await hotels.quote(item, party)
    assert (await hotels.quote(item, party)).price.amount == item.price + item.price // 10


FORM, FINISH = 1, 2


@pytest.mark.parametrize(
    ("nth", "kind", "error"),
    [
        (FORM, "refuse", Unavailable),
        *(
            (FORM, kind, Retryable)
            for kind in (
                "error",
                "reset",
                "hang",
                "commit_then_hang",
                "late_commit",
                "commit_then_error",
                "malformed",
            )
        ),
        (FORM, "duplicate", None),
        (FORM, "price_drift", PriceChanged),
        (FORM, "authenticate", None),
        (FORM, "slow", None),
        (FINISH, "refuse", Unavailable),
        *(
            (FINISH, kind, UnknownOutcome)
            for kind in (
                "error",
                "reset",
                "hang",
                "commit_then_hang",
                "late_commit",
                "commit_then_error",
                "malformed",
            )
        ),
        (FINISH, "duplicate", None),
        (FINISH, "price_drift", Unavailable),
        (FINISH, "authenticate", None),
        (FINISH, "slow", None),
    ],
)
async def test_faults_on_book(
    local: LocalWorld,
    hotels: RateHawkSupplier,
    item: TripComponent,
    party: Party,
    nth: int,
    kind: str,
    error: type[ProviderError] | None,
) -> None:
    """Whatever happens, what the saga does next ends with one order, and find sees it."""
    quote, ours = await hotels.quote(item, party), reference()
    arm(local, "book", kind, nth)
    if error is None:
        booked = await hotels.book(item, quote, party, ours)
    else:
        with pytest.raises(error) as caught:
            await hotels.book(item, quote, party, ours)
        assert type(caught.value) is error
        if error in (Unavailable, PriceChanged):
            assert await hotels.find(ours, since=now()) is None
            assert local.live("ratehawk", ours) == 0
            return
        booked = await _as_the_saga_does(hotels, item, quote, party, ours)
    assert local.world.faults.list()[0].fired == 1
    done = await decided(hotels, booked)
    assert done.status is CONFIRMED
    await asyncio.sleep(0.4 if kind == "late_commit" else 0)  # and nothing more arrives late
    assert local.live("ratehawk", ours) == 1
    assert _effects(local, ours, "created") == 1


async def _as_the_saga_does(
    hotels: RateHawkSupplier, item: TripComponent, quote: Quote, party: Party, ours: str
) -> Reservation:
    for _ in range(5):
        found = await hotels.find(ours, since=now())
        if found is not None:
            return found
        try:
            return await hotels.book(item, quote, party, ours)
        except (Retryable, UnknownOutcome, Duplicate):
            continue
    raise AssertionError("never settled")


def _effects(local: LocalWorld, ours: str, effect: str) -> int:
    rows = local.world.log.rows(supplier="ratehawk", reference=ours)
    return sum(row["effect"] == effect for row in rows)


@pytest.mark.parametrize(
    "kind",
    ["error", "reset", "hang", "commit_then_hang", "commit_then_error", "malformed", "refuse"],
)
async def test_a_look_that_fails_right_after_finish_leaves_it_pending(
    local: LocalWorld, hotels: RateHawkSupplier, item: TripComponent, party: Party, kind: str
) -> None:
    quote, ours = await hotels.quote(item, party), reference()
    arm(local, "find", kind)
    booked = await hotels.book(item, quote, party, ours)
    assert booked.status is PENDING
    assert local.world.faults.list()[0].fired == 1
    assert (await decided(hotels, booked)).status is CONFIRMED


@pytest.mark.parametrize(
    ("kind", "fails"),
    [
        ("refuse", True),
        ("error", True),
        ("reset", True),
        ("hang", True),
        ("commit_then_hang", True),
        ("late_commit", True),
        ("commit_then_error", True),
        ("malformed", True),
        ("duplicate", False),
        ("slow", False),
    ],
)
@pytest.mark.parametrize("nth", [1, 2])  # status, info
async def test_faults_on_find_and_look(
    local: LocalWorld,
    hotels: RateHawkSupplier,
    item: TripComponent,
    party: Party,
    kind: str,
    fails: bool,
    nth: int,
) -> None:
    ours = reference()
    booked = await hotels.book(item, await hotels.quote(item, party), party, ours)
    done = await decided(hotels, booked)
    find, look = partial(hotels.find, ours, since=now()), partial(hotels.look, done)
    reads: tuple[Callable[[], Awaitable[Reservation | None]], ...] = (find, look)
    for read in reads:
        local.world.faults.clear()
        arm(local, "find", kind, nth)
        if fails:
            with pytest.raises(Retryable):
                await read()
        again = await read()
        assert again is not None
        assert again.status is CONFIRMED
        assert local.world.faults.list()[0].fired == 1


async def test_being_told_to_wait(
    local: LocalWorld, hotels: RateHawkSupplier, item: TripComponent, party: Party
) -> None:
    booked = await hotels.book(item, await hotels.quote(item, party), party, reference())
    arm(local, "find", "refuse")
    with pytest.raises(Retryable) as caught:
        await hotels.look(booked)
    assert caught.value.code == "endpoint_exceeded_limit"
    assert caught.value.retry_after is not None
    assert dt.timedelta(0) < caught.value.retry_after <= dt.timedelta(seconds=1)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("refuse", NotCancellable),
        ("error", UnknownOutcome),
        ("reset", UnknownOutcome),
        ("hang", UnknownOutcome),
        ("commit_then_hang", UnknownOutcome),
        ("late_commit", UnknownOutcome),
        ("commit_then_error", UnknownOutcome),
        ("malformed", UnknownOutcome),
        ("duplicate", Retryable),  # "not found" and not visible yet: never taken for cancelled
        ("slow", None),
    ],
)
async def test_faults_on_cancel(
    local: LocalWorld,
    hotels: RateHawkSupplier,
    item: TripComponent,
    party: Party,
    kind: str,
    error: type[ProviderError] | None,
) -> None:
    ours = reference()
    done = await decided(
        hotels, await hotels.book(item, await hotels.quote(item, party), party, ours)
    )
    ledger(local).pace.info_lag = 30
    arm(local, "cancel", kind)
    if error is not None:
        with pytest.raises(error) as caught:
            await hotels.cancel(done, "key")
        assert type(caught.value) is error
        later(local)
    answer = await hotels.cancel(done, "key")
    assert answer.fee == _usd(0)
    done_before = {"commit_then_hang", "commit_then_error", "late_commit", "malformed", "duplicate"}
    assert answer.already is (kind in done_before)
    await asyncio.sleep(0.3 if kind == "late_commit" else 0)
    assert local.live("ratehawk", ours) == 0
    assert _effects(local, ours, "cancelled") == 1


async def test_nobody_listens(item: TripComponent, party: Party, local: LocalWorld) -> None:
    quote_of = RateHawkSupplier(local.settings())
    quote = await quote_of.quote(item, party)
    await quote_of.close()
    hotels = RateHawkSupplier(local.settings(ratehawk={"base_url": "http://127.0.0.1:1"}))
    standing = Reservation(
        reference="r",
        supplier_id="r",
        confirmation_code="r",
        provider="p",
        price=quote.price,
    )
    with pytest.raises(Retryable):
        await hotels.quote(item, party)
    with pytest.raises(Retryable):
        await hotels.book(item, quote, party, "r")
    with pytest.raises(Retryable):
        await hotels.find("r", since=now())
    with pytest.raises(Retryable):
        await hotels.cancel(standing, "key")
    await hotels.close()


async def test_patience_is_kept(
    local: LocalWorld, hotels: RateHawkSupplier, item: TripComponent, party: Party
) -> None:
    quote = await hotels.quote(item, party)
    arm(local, "book", "hang", FINISH)
    began = now()
    with pytest.raises(UnknownOutcome):
        await hotels.book(item, quote, party, reference())
    assert now() - began < dt.timedelta(seconds=PATIENCE + 1)
