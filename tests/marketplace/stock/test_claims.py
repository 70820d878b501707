"""What becomes of claims: sold, given back, expired, used, moved, and how often that is asked."""

import asyncio
import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking, Bought
from models.bookings.claims import HoldLostError
from models.bookings.due import lock_booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import Transition
from models.bookings.repository import record_transition
from models.core.money import Money
from models.core.terms import CancellationTerms
from models.kinds import HOOKS
from models.marketplace.stock import claims
from models.marketplace.stock.gate import pass_gate
from models.marketplace.stock.moves import move
from models.marketplace.stock.purchases import PurchaseDetails, bought
from models.marketplace.stock.refusals import NotOnSale, SoldOut
from models.marketplace.stock.taking import Claims, lines_of
from models.marketplace.stock.wanted import RoomNights, Wanted
from tests.marketplace.stock.market import Market
from tests.marketplace.stock.offers import DAY, FIRST, ZONE, seats, stay

S = BookingState


def today() -> dt.date:
    return dt.datetime.now(ZoneInfo(ZONE)).date()


@pytest.mark.parametrize(
    ("states", "state", "counted"),
    [
        ([], "HELD", (1, 0)),
        ([S.PAYMENT_PENDING], "HELD", (1, 0)),
        ([S.PAYMENT_PENDING, S.HELD], "HELD", (1, 0)),
        ([S.PAYMENT_PENDING, S.PROCESSING], "SOLD", (0, 1)),
        ([S.PAYMENT_PENDING, S.PROCESSING, S.PAYMENT_PENDING], "SOLD", (0, 1)),
        ([S.PAYMENT_PENDING, S.PROCESSING, S.PAYMENT_PENDING, S.EXPIRED], "RELEASED", (0, 0)),
        ([S.PROCESSING, S.CONFIRMED], "SOLD", (0, 1)),
        ([S.PROCESSING, S.CONFIRMED, S.CHECKED_IN], "SOLD", (0, 1)),
        ([S.PROCESSING, S.CONFIRMED, S.CHECKED_IN, S.CONFIRMED], "SOLD", (0, 1)),
        ([S.PROCESSING, S.CONFIRMED, S.CANCELLED], "RELEASED", (0, 0)),
        ([S.PROCESSING, S.CONFIRMED, S.NO_SHOW], "USED", (0, 1)),
        ([S.PROCESSING, S.CONFIRMED, S.NO_SHOW, S.CHECKED_IN], "USED", (0, 1)),
        ([S.CANCELLED], "RELEASED", (0, 0)),
        ([S.FAILED], "RELEASED", (0, 0)),
        ([S.EXPIRED], "EXPIRED", (0, 0)),
        ([S.PAYMENT_PENDING, S.EXPIRED], "EXPIRED", (0, 0)),
    ],
    ids=lambda one: "-".join(one) if isinstance(one, list) else None,
)
async def test_claims_follow_their_booking(
    market: Market, states: list[BookingState], state: str, counted: tuple[int, int]
) -> None:
    room = await market.room(nights=2)
    booking = await market.hold(stay((room, 0, 2)))
    await market.come_to(booking, *states)
    assert await market.claims(booking) == [(1, state)]
    assert await market.counters(room) == [counted] * 2
    assert await market.violations() == []


async def test_what_is_asked_again_is_done_once(market: Market) -> None:
    room = await market.room(nights=2)
    booking = await market.hold(stay((room, 0, 2)))
    for function, counted in (
        (claims.sell, (0, 1)),
        (claims.release, (0, 0)),
        (claims.expire, (0, 0)),
        (claims.use, (0, 0)),
        (claims.miss, (0, 0)),
    ):
        for _ in range(2):
            await market.transaction(lambda s, f=function: f(s, booking.id))  # type: ignore[misc]
            assert await market.counters(room) == [counted] * 2


async def test_the_database_refuses_other_ways_of_a_claim(market: Market) -> None:
    room = await market.room()
    booking = await market.hold(stay((room, 0, 1)))
    await market.come_to(booking, S.CANCELLED)
    with pytest.raises(DBAPIError, match="cannot become SOLD from RELEASED"):
        await market.do("UPDATE stock_claims SET state = 'SOLD' WHERE room_id = :r", r=room)


async def test_a_hold_that_is_over_is_not_sold(market: Market) -> None:
    """Also while nobody has given it back yet: somebody else may have it next moment."""
    room = await market.room()
    booking = await market.hold(stay((room, 0, 1)))
    await market.age(booking)
    with pytest.raises(HoldLostError):
        await market.come_to(booking, S.PAYMENT_PENDING, S.PROCESSING)
    assert await market.state(booking) == "PAYMENT_PENDING"
    assert await market.claims(booking) == [(1, "HELD")]
    other = await market.hold(stay((room, 0, 1)))
    assert await market.claims(booking) == [(1, "EXPIRED")]
    assert await market.claims(other) == [(1, "HELD")]


async def test_a_hold_that_ends_while_a_transaction_waits_is_not_sold(market: Market) -> None:
    """Its deadline is compared with the clock, not with the beginning of the transaction."""
    room = await market.room()
    booking = await market.hold(stay((room, 0, 1)))
    async with market.books.sessions() as session:
        await session.execute(text("SELECT now()"))
        await market.do(
            "UPDATE stock_claims SET expires_at = clock_timestamp() WHERE booking_id = :id",
            id=booking.id,
        )
        with pytest.raises(HoldLostError):
            await claims.sell(session, booking.id)


async def test_a_hold_is_extended_and_never_beyond_half_an_hour(market: Market) -> None:
    room = await market.room()
    booking = await market.hold(stay((room, 0, 1)), hold_seconds=60)
    assert booking.hold_expires_at is not None
    for minutes, ends in ((10, 11), (0, 11), (300, 30)):
        until = booking.hold_expires_at + dt.timedelta(minutes=minutes)
        told = await market.transaction(
            lambda s, until=until: claims.extend(s, booking.id, until)  # type: ignore[misc]
        )
        lasts = (told - booking.created_at).total_seconds() / 60
        assert round(lasts) == ends
    await market.age(booking)
    with pytest.raises(HoldLostError):
        await market.transaction(lambda s: claims.extend(s, booking.id, until))


async def test_a_place_that_is_still_there_is_taken_again(market: Market) -> None:
    """Report 12: who pays after the end gets it at the quoted price, or their money back."""
    room = await market.room()
    booking = await market.hold(stay((room, 0, 2)))
    booking = await market.come_to(booking, S.PAYMENT_PENDING)
    await market.age(booking)
    await market.take_again(booking)
    assert await market.claims(booking) == [(1, "RELEASED"), (2, "HELD")]
    await market.age(booking)
    await market.sweep()
    await market.take_again(booking)
    await market.take_again(booking)
    assert await market.claims(booking) == [(1, "RELEASED"), (2, "EXPIRED"), (3, "HELD")]
    assert (await market.counters(room))[:3] == [(1, 0), (1, 0), (0, 0)]
    booking = await market.come_to(booking, S.PROCESSING)
    await market.take_again(booking)
    assert (await market.counters(room))[:3] == [(0, 1), (0, 1), (0, 0)]


async def test_report_12_a_place_that_was_resold_meanwhile_is_not_taken_again(
    market: Market,
) -> None:
    room = await market.room()
    late = await market.come_to(await market.hold(stay((room, 0, 2))), S.PAYMENT_PENDING)
    await market.age(late)
    await market.bought(stay((room, 1, 3)))
    with pytest.raises(SoldOut):
        await market.take_again(late)
    with pytest.raises(HoldLostError):
        await market.come_to(late, S.PROCESSING)
    await market.come_to(late, S.EXPIRED)
    assert (await market.counters(room))[:3] == [(0, 0), (0, 1), (0, 1)]


# -- stays that have begun ---------------------------------------------------------------------


async def under_way(market: Market) -> tuple[str, Booking, dt.date]:
    """A stay of six nights, of which two are over."""
    first = today() - 2 * DAY
    room = await market.room(nights=10, first=first)
    booking = await market.bought(stay((room, 0, 6), first=first))
    return room, await market.come_to(booking, S.CHECKED_IN), first


async def test_who_leaves_early_gives_back_what_is_to_come(market: Market) -> None:
    room, booking, _ = await under_way(market)
    await market.come_to(booking, S.COMPLETED)
    assert await market.counters(room) == [(0, 1)] * 2 + [(0, 0)] * 8
    assert await market.claims(booking) == [(1, "USED")]
    assert await market.violations() == []


async def test_who_leaves_on_the_day_of_arrival_has_had_a_night(market: Market) -> None:
    room = await market.room(nights=3, first=today())
    booking = await market.bought(stay((room, 0, 3), first=today()))
    await market.come_to(booking, S.CHECKED_IN, S.COMPLETED)
    assert await market.counters(room) == [(0, 1), (0, 0), (0, 0)]


async def test_a_stay_that_is_cancelled_under_way_keeps_what_has_been(market: Market) -> None:
    room, booking, _ = await under_way(market)
    await market.come_to(booking, S.CANCELLED)
    assert await market.counters(room) == [(0, 1)] * 2 + [(0, 0)] * 8
    assert await market.violations() == []


async def test_who_has_not_come_keeps_the_room(market: Market) -> None:
    room, booking, _ = await under_way(market)
    booking = await market.come_to(booking, S.CONFIRMED, S.NO_SHOW)
    assert await market.counters(room) == [(0, 1)] * 6 + [(0, 0)] * 4
    await market.come_to(booking, S.CHECKED_IN, S.COMPLETED)
    assert await market.violations() == []


@pytest.mark.parametrize(("nights", "stands"), [((0, 4), 4), ((0, 1), 2), ((0, 8), 8), ((4, 6), 2)])
async def test_a_stay_under_way_is_changed_from_today_on(
    market: Market, nights: tuple[int, int], stands: int
) -> None:
    room, booking, first = await under_way(market)
    await market.move(booking, stay((room, *nights), first=first))
    taken = [sold for _, sold in await market.counters(room)]
    expected = [1] * stands + [0] * (10 - stands)
    if nights == (4, 6):
        expected[4:6] = [1, 1]
    assert taken == expected
    assert await market.violations() == []


# -- other nights ------------------------------------------------------------------------------


async def test_a_stay_is_not_in_its_own_way(market: Market) -> None:
    """Also when it is cut short, the offer being off sale."""
    room = await market.room(nights=6)
    booking = await market.bought(stay((room, 1, 3)))
    for version, (begins, ends) in enumerate([(0, 4), (2, 5), (2, 5), (3, 4)], start=2):
        if (begins, ends) == (3, 4):
            await market.publish("listings", market.listing, "PAUSED")
        await market.move(booking, stay((room, begins, ends)), version)
        await market.move(booking, stay((room, begins, ends)), version)
        assert [sold for _, sold in await market.counters(room)] == [
            int(begins <= night < ends) for night in range(6)
        ]
    with pytest.raises(NotOnSale):
        await market.move(booking, stay((room, 3, 5)), 9)
    assert await market.violations() == []


async def test_a_transition_tells_what_a_stay_has_become(market: Market) -> None:
    """Dates, price and deadline change with it; what lists and events tell follows."""
    room = await market.room(nights=6)
    booking = await market.bought(stay((room, 0, 2)), total=20_000)
    wanted = stay((room, 1, 5), guests=3)
    kind, product, _ = market.wanted[booking.id]
    offer = await market.transaction(lambda s: pass_gate(s, kind, product, wanted))
    (item,) = booking.items
    assert item.quote is not None
    dearer = item.quote.model_copy(update={"price": Money(amount=40_000, currency="EUR")})
    details = PurchaseDetails.of(offer, wanted.guests, dearer).model_dump(mode="json")
    following = booking.model_copy(deep=True)
    following.items[0].price = following.accepted_total = 40_000
    following.visit = bought(offer, wanted.guests)
    step = Transition(
        booking=following, from_state=S.CONFIRMED, who="test", why="a change", details=details
    )

    async def change(session: AsyncSession) -> None:
        await lock_booking(session, booking.id)
        new = {"kind": kind, "product_id": product, "wanted": wanted}
        await move(session, booking.id, 2, **new)  # type: ignore[arg-type]
        await record_transition(session, step, HOOKS)

    await market.transaction(change)
    stored = await market.load(booking.id)
    assert isinstance(stored.visit, Bought)
    assert stored.visit == following.visit
    assert (stored.visit.party_size, stored.accepted_total) == (3, 40_000)
    assert stored.items[0].quote is not None
    assert stored.items[0].quote.price.amount == 40_000
    rows = await market.do(
        "SELECT p.check_in, p.check_out, d.action, d.due_at = p.ends_at FROM purchases p"
        " JOIN booking_due d USING (booking_id) WHERE booking_id = :id",
        id=booking.id,
    )
    assert rows == [(FIRST + DAY, FIRST + 5 * DAY, "COMPLETE", True)]
    ((told,),) = await market.do(
        "SELECT data FROM outbox_events WHERE booking_id = :id AND type = 'booking.updated'",
        id=booking.id,
    )
    assert (told["party_size"], told["provider_id"]) == (3, market.provider)
    assert set(told["changed"]) == {"total", "details"}


async def test_report_4_the_old_nights_are_free_and_the_new_ones_are_not(market: Market) -> None:
    one, other = await market.room(nights=4), await market.room(nights=4)
    booking = await market.hold(stay((one, 0, 2)))
    await market.move(booking, stay((other, 1, 3)))
    assert not isinstance(await market.held(stay((one, 0, 2))), Exception)
    assert isinstance(await market.held(stay((other, 2, 4))), SoldOut)
    assert await market.claims(booking) == [(1, "RELEASED"), (2, "HELD")]
    assert not isinstance(await market.buy(booking), Exception)


async def test_a_refused_move_changes_nothing(market: Market) -> None:
    room = await market.room(nights=4)
    booking = await market.bought(stay((room, 0, 2)))
    await market.bought(stay((room, 3, 4)))
    before = await market.counters(room)
    with pytest.raises(SoldOut):
        await market.move(booking, stay((room, 1, 4)))
    assert await market.counters(room) == before
    assert await market.claims(booking) == [(1, "SOLD")]
    lost = await market.hold(stay((room, 2, 3)))
    await market.age(lost)
    with pytest.raises(HoldLostError):
        await market.move(lost, stay((room, 2, 3)))


async def test_seats_are_moved_to_another_departure(market: Market) -> None:
    one, other = await market.departure(4), await market.departure(2)
    booking = await market.bought(seats(one, 3))
    with pytest.raises(SoldOut):
        await market.move(booking, seats(other, 3))
    await market.move(booking, seats(other, 2))
    assert (await market.seats_of(one), await market.seats_of(other)) == ((0, 0), (0, 2))
    assert await market.violations() == []


async def test_two_swap_or_neither(market: Market) -> None:
    one, other = await market.room(nights=2), await market.room(nights=2)
    first, second = await market.bought(stay((one, 0, 2))), await market.bought(stay((other, 0, 2)))
    told = await asyncio.gather(
        market.move(first, stay((other, 0, 2))),
        market.move(second, stay((one, 0, 2))),
        return_exceptions=True,
    )
    assert [type(one) for one in told] == [SoldOut, SoldOut]
    assert market.deadlocks == 0
    assert await market.violations() == []


# -- what others were told ---------------------------------------------------------------------


async def test_report_8_claims_lock_what_they_count(market: Market) -> None:
    """The function itself, with no lock around it: of twenty at once three have a unit."""
    room, other = await market.room(units=3, nights=2), await market.room(units=20)
    bookings = await asyncio.gather(*(market.hold(stay((other, 0, 1))) for _ in range(20)))
    lines = lines_of(stay((room, 0, 2)))

    async def claim(booking: Booking) -> bool:
        own = Claims(booking.id, booking.id, lines, booking.hold_expires_at, item=2)
        try:
            await market.transaction(lambda s: claims.hold(s, own))
        except SoldOut:
            return False
        return True

    assert sum(await asyncio.gather(*map(claim, bookings))) == 3
    assert await market.counters(room) == [(3, 0)] * 2
    assert market.deadlocks == 0


async def test_report_9_two_lines_of_one_room_are_added_up(market: Market) -> None:
    room, package = await market.room(units=1, nights=3), await market.package()
    twice = stay((room, 0, 2), (room, 0, 2))
    of = ("HOTEL_PACKAGE", package)
    refused = await market.held(twice, product=of)
    assert isinstance(refused, SoldOut)
    assert len(refused.details["nights"]) == 2
    await market.do("UPDATE inventory_nights SET units = 2 WHERE room_id = :room", room=room)
    booking = await market.hold(twice, product=of)
    assert (await market.counters(room))[:3] == [(2, 0), (2, 0), (0, 0)]
    assert not isinstance(await market.buy(booking), Exception)
    assert await market.violations() == []


async def test_report_10_the_same_rooms_in_opposite_order_do_not_deadlock(market: Market) -> None:
    rooms = [await market.room(units=20, nights=7) for _ in range(4)]
    lines = [(room, 0, 7) for room in rooms]
    orders = [lines + lines[:1], [*reversed(lines), *lines[-1:]]]
    told = await asyncio.gather(
        *(market.held(stay(*orders[number % 2])) for number in range(20)), return_exceptions=True
    )
    assert market.deadlocks == 0
    had = [one for one in told if isinstance(one, Booking)]
    assert all(isinstance(one, Booking | SoldOut) for one in told), told
    assert len(had) >= 10
    assert await market.violations() == []


async def test_report_11_nothing_is_locked_while_somebody_pays(market: Market) -> None:
    room = await market.room(units=2)
    paying = await market.come_to(await market.hold(stay((room, 0, 3))), S.PAYMENT_PENDING)
    nights = "SELECT night FROM inventory_nights WHERE room_id = :room FOR UPDATE NOWAIT"
    assert len(await market.do(nights, room=room)) == 14
    await market.hold(stay((room, 0, 3)))
    assert not isinstance(await market.come_to(paying, S.PROCESSING), Exception)


async def test_report_15_a_hundred_cancellations_give_one_night_back(market: Market) -> None:
    room = await market.room(units=2, nights=1)
    booking = await market.bought(stay((room, 0, 1)))
    await market.bought(stay((room, 0, 1)))
    at_once = asyncio.Semaphore(8)

    async def cancel(number: int) -> bool:
        async with at_once:
            if number % 2:
                await market.transaction(lambda s: claims.release(s, booking.id))
                return False
            return await market.end(booking, S.CANCELLED)

    ended = await asyncio.gather(*(cancel(number) for number in range(100)))
    assert sum(ended) == 1
    assert await market.counters(room) == [(0, 1)]


async def test_report_16_nights_are_looked_at_one_by_one(market: Market) -> None:
    room = await market.room(units=2, nights=6)
    await market.bought(stay((room, 1, 3)))
    await market.bought(stay((room, 3, 5)))
    assert not isinstance(await market.held(stay((room, 1, 5))), Exception)
    assert isinstance(await market.held(stay((room, 4, 6))), SoldOut)


async def test_report_17_one_stay_ends_on_the_day_another_begins(market: Market) -> None:
    room = await market.room(units=1, nights=6)
    for begins, ends in ((2, 4), (4, 6), (0, 2)):
        await market.bought(stay((room, begins, ends)))
    assert isinstance(await market.held(stay((room, 1, 2))), SoldOut)


def test_what_is_wanted_is_checked() -> None:
    room = "00000000-0000-0000-0000-000000000001"
    for days in (0, 91):
        with pytest.raises(ValueError, match="1 to 90 nights"):
            RoomNights(room_id=room, check_in=FIRST, check_out=FIRST + days * DAY)
    with pytest.raises(ValueError, match="needs exactly one"):
        Wanted(guests=1, terms=CancellationTerms.free())
    with pytest.raises(ValueError, match="greater than"):
        RoomNights(room_id=room, check_in=FIRST, check_out=FIRST + DAY, units=0)
