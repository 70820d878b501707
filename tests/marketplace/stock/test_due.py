"""What becomes of what was bought by time alone: holds end, stays are over."""

import datetime as dt
from typing import Any

import pytest

from activities.reservations.lifecycle import Lifecycle
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from settings import Settings
from temporal import connect, patience
from tests.ledger.conftest import Books
from tests.ledger.conftest import scratch as scratch
from tests.ledger.conftest import scratch_url as scratch_url
from tests.marketplace.stock.market import Market
from tests.marketplace.stock.offers import DAY, seats, stay

S = BookingState


@pytest.fixture
async def market(scratch: Books) -> Market:
    """A market of a database in which nobody else makes rounds."""
    made = Market(scratch)
    await made.open()
    await made.do("DELETE FROM booking_due")
    return made


@pytest.fixture
async def lifecycle(scratch: Books) -> Lifecycle:
    """No workflow is started for what is bought: nobody answers there."""
    settings = Settings(database={"url": scratch.url}, temporal={"address": "127.0.0.1:1"})
    client = await connect(settings, lazy=True)
    return Lifecycle(scratch.sessions, client, patience(settings))


async def due(market: Market, booking: Booking) -> list[tuple[Any, ...]]:
    return await market.do(
        "SELECT action, due_at FROM booking_due WHERE booking_id = :id", id=booking.id
    )


async def make_due(market: Market, booking: Booking) -> None:
    """Let a hold of an hour ago be over, or a stay have ended then."""
    for statement in (
        "UPDATE booking_due SET due_at = due_at - interval '10 years' WHERE booking_id = :id",
        """UPDATE purchases SET starts_at = starts_at - interval '10 years',
        ends_at = ends_at - interval '10 years' WHERE booking_id = :id""",
    ):
        await market.do(statement, id=booking.id)


@pytest.mark.parametrize(
    ("states", "action"),
    [
        ([], "EXPIRE_HOLD"),
        ([S.PAYMENT_PENDING], None),
        ([S.PAYMENT_PENDING, S.HELD], "EXPIRE_HOLD"),
        ([S.PROCESSING], None),
        ([S.PROCESSING, S.CONFIRMED], "COMPLETE"),
        ([S.PROCESSING, S.CONFIRMED, S.CHECKED_IN], "COMPLETE"),
        ([S.PROCESSING, S.CONFIRMED, S.NO_SHOW], None),
        ([S.PROCESSING, S.CONFIRMED, S.CANCELLED], None),
        ([S.EXPIRED], None),
    ],
    ids=lambda one: "-".join(one) if isinstance(one, list) else one,
)
async def test_a_transition_replaces_what_is_due(
    market: Market, states: list[BookingState], action: str | None
) -> None:
    booking = await market.hold(stay((await market.room(), 0, 2)))
    booking = await market.come_to(booking, *states)
    rows = await due(market, booking)
    assert [row[0] for row in rows] == ([action] if action else [])
    if action == "COMPLETE":  # at eleven, on the clock at the listing
        assert rows[0][1] == dt.datetime(2031, 3, 16, 10, tzinfo=dt.UTC)


async def test_a_hold_that_nobody_paid_is_given_up(market: Market, lifecycle: Lifecycle) -> None:
    room = await market.room(nights=2)
    booking = await market.hold(stay((room, 0, 2)), hold_seconds=-1)
    assert not await lifecycle.round()
    assert await market.state(booking) == "EXPIRED"
    assert await market.claims(booking) == [(1, "EXPIRED")]
    assert await market.counters(room) == [(0, 0)] * 2
    stored = await market.load(booking.id)
    (item,) = stored.items
    assert (item.status, stored.payment.status) == ("CANCELLED", "not_required")
    ((who, why),) = await market.do(
        "SELECT who, why FROM booking_history WHERE booking_id = :id AND version = 3", id=booking.id
    )
    assert (who, why[:12]) == ("schedule", "not paid by ")
    assert await due(market, booking) == []


async def test_report_14_what_is_being_paid_is_left_to_its_workflow(
    market: Market, lifecycle: Lifecycle
) -> None:
    """Its place is free after the deadline, and nothing says that it was not paid."""
    room = await market.room(nights=1)
    paying = await market.hold(stay((room, 0, 1)))
    paying = await market.come_to(paying, S.PAYMENT_PENDING)
    await market.age(paying)
    sold = await market.come_to(await market.hold(seats(await market.departure())), S.PROCESSING)
    await lifecycle.round()
    assert await market.state(paying) == "PAYMENT_PENDING"
    assert await market.claims(paying) == [(1, "EXPIRED")]
    assert (await market.state(sold), await market.claims(sold)) == ("PROCESSING", [(1, "SOLD")])
    await market.take_again(paying)
    await market.come_to(paying, S.PROCESSING, S.CONFIRMED)
    assert await market.violations() == []


async def test_what_is_over_is_completed(market: Market, lifecycle: Lifecycle) -> None:
    departure = await market.departure(starts_in=2 * DAY)
    tour = await market.bought(seats(departure, 2))
    room = await market.room(nights=2)
    came = await market.come_to(await market.bought(stay((room, 0, 2))), S.CHECKED_IN)
    later = await market.bought(stay((await market.room(), 0, 2)))
    for booking in (tour, came):
        await make_due(market, booking)
    await lifecycle.round()
    assert [await market.state(one) for one in (tour, came, later)] == [
        "COMPLETED",
        "COMPLETED",
        "CONFIRMED",
    ]
    assert await market.seats_of(departure) == (0, 2)
    assert await market.claims(tour) == [(1, "USED")]
    assert await market.violations() == []


async def test_stock_that_cannot_be_given_back_keeps_nothing_else_from_being_done(
    market: Market, lifecycle: Lifecycle
) -> None:
    """Its counter says that nothing is held: a CHECK refuses to take one out of it."""
    room = await market.room(nights=1)
    broken = await market.come_to(await market.hold(stay((room, 0, 1))), S.PAYMENT_PENDING)
    await market.age(broken)
    other = await market.hold(stay((await market.room(), 0, 1)), hold_seconds=-1)
    await market.do("UPDATE inventory_nights SET held = 0 WHERE room_id = :room", room=room)
    await lifecycle.round()
    assert await market.state(other) == "EXPIRED"
    await market.do("UPDATE inventory_nights SET held = 1 WHERE room_id = :room", room=room)
    await lifecycle.round()
    assert await market.claims(broken) == [(1, "EXPIRED")]


async def test_a_round_frees_stock_of_any_number_of_holds(
    market: Market, lifecycle: Lifecycle
) -> None:
    room = await market.room(units=3, nights=4)
    holds = [await market.hold(stay((room, n, n + 2)), hold_seconds=-1) for n in range(3)]
    await lifecycle.round()
    assert await market.counters(room) == [(0, 0)] * 4
    assert {await market.state(one) for one in holds} == {"EXPIRED"}
