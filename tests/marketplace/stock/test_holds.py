"""A quote becomes a hold in one transaction, or nothing is written."""

import asyncio
import datetime as dt
import uuid

import pytest

from models.bookings.booking import Bought
from models.bookings.lifecycle import BookingState
from models.bookings.repository import find_booking
from models.marketplace.quotes.errors import QuoteNotFound
from models.marketplace.stock.limits import HoldLimits
from models.marketplace.stock.refusals import (
    NotOnSale,
    QuoteExpired,
    QuoteTaken,
    SoldOut,
    TooManyHolds,
)
from tests.marketplace.stock.market import Market
from tests.marketplace.stock.offers import DAY, FIRST, seats, stay

S = BookingState


async def test_a_hold_is_whole(market: Market) -> None:
    room = await market.room(units=3, nights=5)
    request = await market.request(stay((room, 1, 3, 2)), total=41_700)
    opened = await market.open_hold(request)
    assert opened is not None
    async with market.books.sessions() as session:
        found = await find_booking(session, opened.id, request.caller_id)
    assert found is not None
    booking = found.booking
    assert (booking.state, booking.version, booking.kind) == (S.HELD, 2, "STAY")
    assert booking == opened
    assert [(one.from_state, one.to_state) for one in found.history] == [
        (None, S.QUOTED),
        (S.QUOTED, S.HELD),
    ]
    assert found.history[0].at < found.history[1].at
    (item,) = booking.items
    assert (item.supplier, item.price, item.title) == ("house", 41_700, "Hotel Aurora, 15 Mar 2031")
    assert item.quote is not None
    assert item.fee_at(booking.created_at) == 0
    assert booking.payment.amount == 41_700
    assert isinstance(booking.visit, Bought)
    assert booking.visit.provider_id == market.provider
    assert booking.visit.starts_at == dt.datetime(2031, 3, 15, 14, tzinfo=dt.UTC)
    assert await market.counters(room) == [(0, 0), (2, 0), (2, 0), (0, 0), (0, 0)]
    assert await market.claims(booking) == [(1, "HELD")]
    rows = await market.do(
        "SELECT s.version, s.data = q.snapshot, s.sha256 = q.sha256, d.action,"
        " d.due_at = b.hold_expires_at, d.rule FROM price_snapshots s JOIN quotes q USING"
        " (booking_id) JOIN booking_due d USING (booking_id) JOIN bookings b ON b.id = booking_id"
        " WHERE booking_id = :id",
        id=booking.id,
    )
    assert [row[:5] for row in rows] == [(1, True, True, "EXPIRE_HOLD", True)]
    assert rows[0][5].endswith(" Europe/Berlin")
    events = await market.do(
        "SELECT type, data ->> 'status' FROM outbox_events WHERE booking_id = :id"
        " ORDER BY booking_version, ordinal",
        id=booking.id,
    )
    assert events == [
        ("booking.created", "QUOTE"),
        ("booking.status_changed", "HOLD"),
        ("booking.held", "HOLD"),
    ]


async def test_a_repeat_finds_what_it_wrote(market: Market) -> None:
    room = await market.room()
    request = await market.request(stay((room, 0, 2)))
    assert await market.open_hold(request) is not None
    assert await market.open_hold(request) is None
    assert (await market.counters(room))[:3] == [(1, 0), (1, 0), (0, 0)]


async def test_a_quote_becomes_one_booking(market: Market) -> None:
    room = await market.room(units=5)
    request = await market.request(stay((room, 0, 2)))
    others = [
        request.model_copy(
            update={"booking_id": str(uuid.uuid4()), "booking_reference": f"TS-{n}-{uuid.uuid4()}"}
        )
        for n in range(8)
    ]
    told = await asyncio.gather(*(market.open_hold(one) for one in others), return_exceptions=True)
    (had,) = (one for one in told if not isinstance(one, BaseException))
    assert had is not None
    refused = [one for one in told if isinstance(one, QuoteTaken)]
    assert len(refused) == 7
    assert {one.details["booking_id"] for one in refused} == {had.id}
    assert (await market.counters(room))[0] == (1, 0)


async def test_a_quote_of_somebody_else_or_of_yesterday_is_none(market: Market) -> None:
    room = await market.room()
    request = await market.request(stay((room, 0, 2)))
    stranger = {"caller_id": str(uuid.uuid4()), "user_id": None}
    with pytest.raises(QuoteNotFound):
        await market.open_hold(request.model_copy(update=stranger))
    with pytest.raises(QuoteExpired):
        await market.open_hold(await market.request(stay((room, 0, 2)), quoted_seconds=-1))
    assert await market.open_hold(request) is not None


async def test_a_refusal_writes_nothing_and_leaves_the_quote_usable(market: Market) -> None:
    """Of three nights one is sold out: the last unit was taken between quote and hold."""
    room = await market.room(units=1, nights=4)
    request = await market.request(stay((room, 0, 3)))
    other = await market.hold(stay((room, 1, 2)))
    with pytest.raises(SoldOut) as refused:
        await market.open_hold(request)
    night = (FIRST + DAY).isoformat()
    assert refused.value.details == {"nights": [{"room_id": room, "night": night}]}
    assert await market.counters(room) == [(0, 0), (1, 0), (0, 0), (0, 0)]
    for table in ("booking_items", "payments", "booking_history", "stock_claims", "purchases"):
        query = f"SELECT count(*) FROM {table} WHERE booking_id = :id"
        assert await market.do(query, id=request.booking_id) == [(0,)]
    assert await market.end(other, S.CANCELLED)
    assert await market.open_hold(request) is not None


async def test_nights_that_are_closed_or_not_for_sale(market: Market) -> None:
    room = await market.room(units=2, nights=3)
    assert isinstance(await market.held(stay((room, 2, 4))), SoldOut)
    await market.do("UPDATE inventory_nights SET closed = true WHERE room_id = :room", room=room)
    refused = await market.held(stay((room, 0, 2)))
    assert isinstance(refused, SoldOut)
    assert len(refused.details["nights"]) == 2


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE listings SET status = 'PAUSED', paused_by = 'PROVIDER' WHERE id = :listing",
        "UPDATE listings SET status = 'ARCHIVED' WHERE id = :listing",
        """UPDATE provider_profiles SET verification_status = 'SUSPENDED', version = version + 1
        WHERE id = (SELECT provider_id FROM listings WHERE id = :listing)""",
        "UPDATE rooms SET status = 'ARCHIVED' WHERE listing_id = :listing",
    ],
)
async def test_what_is_not_on_sale_is_not_held(market: Market, change: str) -> None:
    """Report 19: a quote of a suspended provider cannot be held."""
    request = await market.request(stay((await market.room(), 0, 1)))
    await market.do(change, listing=market.listing)
    with pytest.raises(NotOnSale):
        await market.open_hold(request)


async def test_a_room_of_another_listing_is_not_sold_with_this_one(market: Market) -> None:
    other = Market(market.books)
    await other.open()
    room = await other.room()
    assert isinstance(
        await market.held(stay((room, 0, 1)), product=("STAY", market.listing)), NotOnSale
    )


async def test_departures(market: Market) -> None:
    departure = await market.departure(4)
    booking = await market.hold(seats(departure, 3))
    assert await market.seats_of(departure) == (3, 0)
    assert isinstance(await market.held(seats(departure, 2)), SoldOut)
    assert await market.buy(booking)
    assert await market.seats_of(departure) == (0, 3)
    await market.hold(seats(departure, 1))
    assert await market.seats_of(departure) == (1, 3)
    await market.do("UPDATE tour_departures SET status = 'CLOSED' WHERE id = :id", id=departure)
    assert isinstance(await market.held(seats(departure, 1)), NotOnSale)
    late = await market.departure(4, starts_in=23 * dt.timedelta(hours=1))
    assert isinstance(await market.held(seats(late)), NotOnSale)
    assert await market.violations() == []


async def test_a_user_has_three_holds_at_most(market: Market) -> None:
    room = await market.room(units=20, nights=8)
    user, limits = str(uuid.uuid4()), HoldLimits()
    nights = [stay((room, n, n + 1)) for n in range(7)]
    told = await asyncio.gather(*(market.held(one, user=user, limits=limits) for one in nights[:6]))
    assert len([one for one in told if isinstance(one, TooManyHolds)]) == 3
    (first, *_) = [one for one in told if not isinstance(one, Exception)]
    assert await market.end(first, S.CANCELLED)
    assert not isinstance(await market.held(nights[6], user=user, limits=limits), Exception)


async def test_nobody_keeps_a_pool_from_others_with_several_holds(market: Market) -> None:
    """One party may need all that is left; several holds of one caller may have a fifth."""
    room, limits, caller = await market.room(units=20), HoldLimits(), str(uuid.uuid4())
    mine = {"caller": caller, "limits": limits}
    assert not isinstance(await market.held(stay((room, 0, 2, 3)), **mine), Exception)
    assert isinstance(await market.held(stay((room, 1, 3, 2)), **mine), TooManyHolds)
    assert not isinstance(await market.held(stay((room, 1, 3, 1)), **mine), Exception)
    assert not isinstance(await market.held(stay((room, 4, 6, 20)), **mine), Exception)
    assert not isinstance(await market.held(stay((room, 1, 2, 16))), Exception)
