"""Nights are put up for sale in bulk, and never fewer than are held and sold."""

import asyncio
import datetime as dt

import pytest

from models.marketplace.catalogue import repository
from models.marketplace.catalogue.errors import (
    BelowSold,
    FieldFixed,
    OfferNotFound,
    OfferRefused,
    OfferStateConflict,
    Taken,
)
from models.marketplace.catalogue.inventory import list_nights, put_nights
from models.marketplace.catalogue.messages import NightsChanged
from tests.marketplace.house import ANY, House, new_id

MARCH = dt.date(2031, 3, 1)
WEEK = (MARCH, MARCH + dt.timedelta(days=7))


async def _units(house: House, user: str, room: str) -> dict[int, int]:
    """How many units each night of the week has, by the day of the month."""
    _, nights, _ = await house.do(list_nights, user, room, *WEEK)
    return {one.night.day: one.units for one in nights}


async def test_what_is_not_named_stays(house: House) -> None:
    user, provider = await house.begin()
    room = await house.room(user, provider)
    made = await house.do(put_nights, user, room, *WEEK, None, {})
    assert made == NightsChanged(7, created=7, changed=0)
    assert set((await _units(house, user, room)).values()) == {3}  # the room's default
    priced = await house.do(put_nights, user, room, *WEEK, None, {"price": 12_000, "min_stay": 2})
    assert priced == NightsChanged(7, created=0, changed=7)
    closed = {"closed": True, "units": 2, "price": 12_000}
    done = await house.do(put_nights, user, room, *WEEK, [6], closed)
    assert done == NightsChanged(1, created=0, changed=1)
    again = await house.do(put_nights, user, room, *WEEK, [6], closed)
    assert again == NightsChanged(1, created=0, changed=0)
    _, nights, _ = await house.do(list_nights, user, room, *WEEK)
    assert [(one.night.isoweekday(), one.units) for one in nights if one.closed] == [(6, 2)]
    assert {(one.price, one.min_stay) for one in nights} == {(12_000, 2)}
    await house.do(put_nights, user, room, *WEEK, None, {"price": None})
    _, nights, _ = await house.do(list_nights, user, room, *WEEK)
    assert {one.price for one in nights} == {None}


async def test_nights_are_days_of_the_calendar_whatever_clocks_do(house: House) -> None:
    """Europe's clocks change in the night of 30 March 2031, and the days of the week do not."""
    user, provider = await house.begin()
    room = await house.room(user, provider)
    since, until = dt.date(2031, 3, 26), dt.date(2031, 4, 3)
    done = await house.do(put_nights, user, room, since, until, [6, 7, 1], {"units": 1})
    assert done.created == 3
    _, nights, _ = await house.do(list_nights, user, room, since, until)
    assert [one.night.isoformat() for one in nights] == ["2031-03-29", "2031-03-30", "2031-03-31"]


async def test_never_below_what_is_held_and_sold(house: House) -> None:
    user, provider = await house.begin()
    room = await house.room(user, provider)
    await house.do(put_nights, user, room, *WEEK, None, {"units": 3})
    await house.take(room, dt.date(2031, 3, 2), held=1, sold=1)
    await house.take(room, dt.date(2031, 3, 4), sold=3)
    with pytest.raises(BelowSold) as refused:
        await house.do(put_nights, user, room, *WEEK, None, {"units": 1, "price": 1})
    assert refused.value.days == (
        Taken(dt.date(2031, 3, 2), held=1, sold=1),
        Taken(dt.date(2031, 3, 4), held=0, sold=3),
    )
    _, nights, _ = await house.do(list_nights, user, room, *WEEK)
    assert {(one.units, one.price) for one in nights} == {(3, None)}, "all of it, or nothing"
    await house.do(put_nights, user, room, *WEEK, [7], {"units": 2})  # 2 March is a Sunday
    assert (await _units(house, user, room))[2] == 2


async def test_a_hold_meanwhile_is_waited_for(house: House) -> None:
    user, provider = await house.begin()
    room = await house.room(user, provider)
    await house.do(put_nights, user, room, *WEEK, None, {"units": 1})
    async with house.open() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(
            "UPDATE inventory_nights SET held = 1 WHERE room_id = %s AND night = %s", (room, MARCH)
        )
        putting = asyncio.create_task(house.do(put_nights, user, room, *WEEK, None, {"units": 0}))
        await house.waits(putting, session)
        await session.commit()
    with pytest.raises(BelowSold) as refused:
        await putting
    assert refused.value.days == (Taken(MARCH, held=1, sold=0),)


async def test_many_put_the_same_nights_at_once(house: House) -> None:
    user, provider = await house.begin()
    room = await house.room(user, provider)
    done = await asyncio.gather(
        *(
            house.do(put_nights, user, room, *WEEK, [number % 7 + 1, 7], {"units": 5})
            for number in range(14)
        )
    )
    assert sum(one.created for one in done) == 7
    assert sum(one.changed for one in done) == 0


@pytest.mark.parametrize(
    ("since", "until", "weekdays"),
    [
        (MARCH, MARCH, None),
        (MARCH, MARCH - dt.timedelta(days=1), None),
        (MARCH, MARCH + dt.timedelta(days=731), None),
        (MARCH, MARCH + dt.timedelta(days=1), [1]),
        (dt.date(1, 1, 1), dt.date(9999, 12, 31), None),
        (dt.date(2020, 1, 1), dt.date(2020, 1, 3), None),
    ],
)
async def test_days_that_cannot_be_put(
    house: House, since: dt.date, until: dt.date, weekdays: list[int] | None
) -> None:
    user, provider = await house.begin()
    room = await house.room(user, provider)
    with pytest.raises(OfferRefused):
        await house.do(put_nights, user, room, since, until, weekdays, {"units": 1})
    most = (MARCH, MARCH + dt.timedelta(days=730))
    assert (await house.do(put_nights, user, room, *most, None, {})).created == 730


async def test_nights_are_their_providers_to_put(house: House) -> None:
    user, provider = await house.begin()
    room = await house.room(user, provider)
    for other, which in ((new_id(), room), (user, new_id())):
        with pytest.raises(OfferNotFound):
            await house.do(put_nights, other, which, *WEEK, None, {})
    await house.do(repository.change_room, user, room, {"status": "ARCHIVED"}, ANY)
    with pytest.raises(OfferStateConflict):
        await house.do(put_nights, user, room, *WEEK, None, {})


async def test_currency_and_zone_stay_once_something_is_taken(house: House) -> None:
    user, provider = await house.begin()
    room = await house.room(user, provider)
    [(listing,)] = await house.rows("SELECT listing_id::text FROM rooms WHERE id = :r", r=room)
    await house.do(put_nights, user, room, *WEEK, None, {})
    change = repository.change_listing
    told = await house.do(change, user, listing, {"currency": "USD"}, ANY)
    assert told.listing.currency == "USD"
    await house.take(room, MARCH, held=1)
    for changed in ({"currency": "EUR"}, {"time_zone": "Asia/Tokyo"}):
        with pytest.raises(FieldFixed):
            await house.do(change, user, listing, changed, ANY)
    told = await house.do(change, user, listing, {"currency": "USD", "title": "Other"}, ANY)
    assert told.listing.title == "Other"
