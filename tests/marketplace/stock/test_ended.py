"""What is held ends with a suspension or a cancelled departure; what is sold stays sold."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking
from models.bookings.claims import HoldLostError
from models.bookings.lifecycle import BookingState
from models.bookings.messages import BookingRequest, RequestKind
from models.bookings.repository import StaleVersionError, begin_request
from models.kinds import HOOKS
from models.marketplace.catalogue.departures import cancel_departure
from models.marketplace.stock import claims
from models.marketplace.stock.messages import HoldRequest
from models.marketplace.stock.refusals import NotOnSale
from tests.marketplace.stock.market import Market
from tests.marketplace.stock.offers import seats, stay

S = BookingState


async def ask(market: Market, booking: Booking) -> None:
    """Let a request about a booking be under way."""
    request = BookingRequest(
        id=str(uuid.uuid4()),
        kind=RequestKind.PAY,
        requested_at=dt.datetime.now(dt.UTC),
        who="a test",
    )
    await market.transaction(lambda session: begin_request(session, booking.id, request))


async def cancel(market: Market, departure: str) -> None:
    """Cancel a departure, as its operator does."""
    user = str(uuid.uuid4())
    await market.do(
        "INSERT INTO provider_members (provider_id, user_id, role) VALUES (:p, :u, 'OWNER')",
        p=market.provider,
        u=user,
    )
    ((tour,),) = await market.do(
        "SELECT package_id::text FROM tour_departures WHERE id = :id", id=departure
    )

    async def work(session: AsyncSession) -> None:
        await cancel_departure(session, user, tour, departure, "storm", hooks=HOOKS)

    await market.transaction(work)


async def lost(market: Market, work: Callable[[AsyncSession], Awaitable[object]]) -> None:
    with pytest.raises(HoldLostError):
        await market.transaction(work)


async def test_a_request_under_way_keeps_its_booking_and_not_its_hold(market: Market) -> None:
    """Recorded beside it, EXPIRED would be what its workflow cannot follow."""
    room = await market.room(units=2, nights=2)
    asked, idle = [await market.hold(stay((room, 0, 2))) for _ in range(2)]
    await ask(market, asked)
    assert await market.suspend() == 2
    assert (await market.state(asked), await market.state(idle)) == ("HELD", "EXPIRED")
    for booking in (asked, idle):
        assert await market.claims(booking) == [(1, "EXPIRED")]
    assert await market.counters(room) == [(0, 0)] * 2
    assert isinstance(await market.buy(asked), HoldLostError)
    assert await market.violations() == []


async def test_a_suspension_takes_nothing_that_is_sold(market: Market) -> None:
    """The money could not be taken, and another card may be tried: the stock is the buyer's."""
    room = await market.room(nights=2)
    booking = await market.hold(stay((room, 0, 2)))
    await market.come_to(booking, S.PAYMENT_PENDING, S.PROCESSING, S.PAYMENT_PENDING)
    await market.suspend()
    assert await market.state(booking) == "PAYMENT_PENDING"
    assert await market.claims(booking) == [(1, "SOLD")]
    assert await market.counters(room) == [(0, 1)] * 2
    assert await market.violations() == []


async def test_nothing_of_a_cancelled_departure_is_held_or_paid(market: Market) -> None:
    departure, other = await market.departure(), await market.departure()
    held, asked, paying, elsewhere = [
        await market.hold(seats(one, 2)) for one in (departure, departure, departure, other)
    ]
    sold = await market.bought(seats(departure, 3))
    await ask(market, asked)
    paying = await market.come_to(paying, S.PAYMENT_PENDING)
    await cancel(market, departure)
    assert await market.state(held) == "EXPIRED"
    ((why,),) = await market.do(
        "SELECT why FROM booking_history WHERE booking_id = :id ORDER BY version DESC LIMIT 1",
        id=held.id,
    )
    assert why == "the departure was cancelled: storm"
    until = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=20)
    for booking, state in ((asked, "HELD"), (paying, "PAYMENT_PENDING")):
        assert await market.state(booking) == state
        assert await market.claims(booking) == [(1, "EXPIRED")]
        await lost(market, lambda s, one=booking: claims.sell(s, one.id))  # type: ignore[misc]
        await lost(market, lambda s, one=booking: claims.extend(s, one.id, until))  # type: ignore[misc]
    assert isinstance(await market.buy(asked), HoldLostError)
    assert isinstance(await market.held(seats(departure)), NotOnSale)
    assert await market.seats_of(departure) == (0, 3)
    assert await market.seats_of(other) == (2, 0)
    assert await market.state(elsewhere) == "HELD"
    assert await market.claims(sold) == [(1, "SOLD")]
    (case,) = await market.do(
        "SELECT details ->> 'sold', details ->> 'holdsEnded' FROM cases WHERE source = :source",
        source=f"departure:{departure}:cancelled",
    )
    assert case == ("3", "3")
    assert await market.violations() == []


async def test_a_departure_is_cancelled_while_people_hold_and_pay(market: Market) -> None:
    departure = await market.departure(number=100)
    before = [await market.hold(seats(departure)) for _ in range(6)]
    requests = [await market.request(seats(departure)) for _ in range(12)]

    async def hold_and_buy(request: HoldRequest) -> str:
        try:
            booking = await market.open_hold(request)
            assert booking is not None
            return type(await market.buy(booking)).__name__
        except (NotOnSale, StaleVersionError) as error:
            return type(error).__name__

    async def buy(booking: Booking) -> str:
        try:
            return type(await market.buy(booking)).__name__
        except StaleVersionError as error:  # it was ended first
            return type(error).__name__

    async def stop() -> str:
        await cancel(market, departure)
        return "cancelled"

    await asyncio.gather(
        *(hold_and_buy(request) for request in requests[:6]),
        *(buy(booking) for booking in before),
        stop(),
        *(hold_and_buy(request) for request in requests[6:]),
        market.sweep(),
    )
    held, sold = await market.seats_of(departure)
    assert held == 0
    ((claimed,),) = await market.do(
        "SELECT count(*) FROM stock_claims WHERE departure_id = :id AND state = 'SOLD'",
        id=departure,
    )
    assert (sold, market.deadlocks) == (claimed, 0)
    assert isinstance(await market.held(seats(departure)), NotOnSale)
    assert await market.violations() == []
