"""I10 is broken in every way it can be, and each is told; what is well is not."""

from typing import Any

import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.operations.place_queries import UNCONSTRAINED
from tests.marketplace.stock.market import Market
from tests.marketplace.stock.offers import seats, stay

S = BookingState


@pytest.fixture
async def bought(market: Market) -> Booking:
    """A stay of two nights that was bought."""
    return await market.bought(stay((await market.room(nights=3), 0, 2)))


async def only(market: Market) -> tuple[str, str | None]:
    (violation,) = await market.violations()
    return violation.what, violation.booking_id


async def test_whatever_becomes_of_what_is_bought_stock_is_conserved(market: Market) -> None:
    room, departure = await market.room(units=20), await market.departure(20)
    for states in (
        [],
        [S.PAYMENT_PENDING],
        [S.PROCESSING],
        [S.PROCESSING, S.CONFIRMED],
        [S.PROCESSING, S.CONFIRMED, S.CHECKED_IN],
        [S.PROCESSING, S.CONFIRMED, S.CHECKED_IN, S.COMPLETED],
        [S.PROCESSING, S.CONFIRMED, S.NO_SHOW],
        [S.PROCESSING, S.CONFIRMED, S.CANCELLED],
        [S.EXPIRED],
    ):
        for wanted in (stay((room, 0, 2, 2)), seats(departure, 2)):
            await market.come_to(await market.hold(wanted), *states)
    assert await market.violations() == []


async def test_stock_that_is_held_for_too_long(market: Market) -> None:
    booking = await market.hold(stay((await market.room(), 0, 2)))
    late = "UPDATE stock_claims SET expires_at = now() - make_interval(secs => :ago)"
    for ago, told in ((20, 0), (40, 1)):
        await market.do(f"{late} WHERE booking_id = :id", id=booking.id, ago=ago)
        assert len(await market.violations()) == told
    what, about = await only(market)
    assert (what.startswith("stock is held that was to be free at "), about) == (True, booking.id)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("held = held + 1", "1 are counted as held and 1 as sold, and there are 0 and 1"),
        ("sold = sold + 1", "0 are counted as held and 2 as sold, and there are 0 and 1"),
        ("sold = sold - 1", "0 are counted as held and 0 as sold, and there are 0 and 1"),
    ],
)
@pytest.mark.usefixtures("bought")
async def test_a_night_that_counts_something_else_than_its_claims(
    market: Market, change: str, told: str
) -> None:
    (room,) = market.products
    await market.do(
        f"UPDATE inventory_nights SET units = 2, {change} WHERE room_id = :room"
        " AND night = DATE '2031-03-15'",
        room=room,
    )
    assert await only(market) == (told, None)


async def test_a_night_that_counts_what_nobody_has(market: Market) -> None:
    room = await market.room()
    await market.do("UPDATE inventory_nights SET sold = 1 WHERE room_id = :room", room=room)
    assert len(await market.violations()) == 14
    await market.do("UPDATE inventory_nights SET sold = 0 WHERE room_id = :room", room=room)
    assert await market.violations() == []


async def test_a_night_that_is_gone(market: Market, bought: Booking) -> None:
    assert bought.state is S.CONFIRMED
    await market.do("DELETE FROM inventory_nights WHERE night = DATE '2031-03-15'")
    assert (await only(market))[0].endswith("and there are 0 and 1")


async def test_a_departure_that_counts_something_else_than_its_claims(market: Market) -> None:
    departure = await market.departure()
    await market.hold(seats(departure, 3))
    await market.do("UPDATE tour_departures SET held = 2 WHERE id = :id", id=departure)
    told = "2 are counted as held and 0 as sold, and there are 3 and 0"
    assert await only(market) == (told, None)


@pytest.mark.parametrize(
    ("plant", "told"),
    [
        ("UPDATE bookings SET state = 'CANCELLED', version = version + 1 WHERE id = :id", "SOLD"),
        (
            """WITH freed AS (UPDATE inventory_nights SET sold = 0)
            UPDATE stock_claims SET state = 'RELEASED' WHERE booking_id = :id""",
            "no stock is sold",
        ),
    ],
)
async def test_claims_that_do_not_follow_their_booking(
    market: Market, bought: Booking, plant: str, told: str
) -> None:
    await market.do(plant, id=bought.id)
    what, about = await only(market)
    assert told in what
    assert about == bought.id


async def test_a_constraint_that_somebody_has_dropped(market: Market) -> None:
    drop = "ALTER TABLE inventory_nights DROP CONSTRAINT inventory_nights_units"
    async with market.books.connection() as connection:
        async with connection.transaction(force_rollback=True):
            await connection.execute(drop)
            rows: list[Any] = await (await connection.execute(UNCONSTRAINED.encode())).fetchall()
        told = "constraints missing: inventory_nights_units on inventory_nights"
        assert [row[2] for row in rows] == [told]
        assert await (await connection.execute(UNCONSTRAINED.encode())).fetchall() == []
