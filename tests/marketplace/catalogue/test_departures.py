"""Departures are made in bulk at a time on the wall, and never have fewer seats than are taken."""

import datetime as dt
from typing import Any

import pytest

from models.kinds import HOOKS
from models.marketplace.catalogue import packages
from models.marketplace.catalogue.departures import (
    cancel_departure,
    change_departure,
    list_departures,
    make_departures,
)
from models.marketplace.catalogue.errors import (
    BelowSold,
    DepartureTimeDoesNotExist,
    FieldFixed,
    OfferIncomplete,
    OfferNotFound,
    OfferRefused,
    OfferStateConflict,
)
from models.marketplace.catalogue.messages import DeparturesMade
from models.marketplace.providers.lifecycle import ProviderType
from tests.marketplace.house import ANY, House, new_id

MARCH = dt.date(2031, 3, 26), dt.date(2031, 4, 3)
"""Lisbon's clocks are put forward at 01:00 on the 30th."""


async def _operator(house: House, **changes: Any) -> tuple[str, str]:
    user, provider = await house.begin(ProviderType.TOUR_OPERATOR)
    return user, await house.tour(user, provider, **changes)


async def _make(house: House, user: str, tour: str, *days: dt.date, **said: Any) -> DeparturesMade:
    given: dict[str, Any] = {"time": None, "seats": None, "price": None, "weekdays": None, **said}
    weekdays = given.pop("weekdays")
    return await house.do(make_departures, user, tour, *(days or MARCH), weekdays, **given)


async def _take(house: House, departure: str, *, held: int = 0, sold: int = 0) -> None:
    await house.execute(
        "UPDATE tour_departures SET held = :h, sold = :s WHERE id = :d", h=held, s=sold, d=departure
    )


async def _first(house: House, user: str, tour: str) -> str:
    _, found = await house.do(list_departures, user, tour, *MARCH)
    return found[0].id


async def test_they_begin_when_the_clock_on_the_wall_says_so(house: House) -> None:
    user, tour = await _operator(house, days=2)
    assert await _make(house, user, tour) == DeparturesMade(asked=8, created=8)
    _, found = await house.do(list_departures, user, tour, *MARCH)
    told = {one.departure_date.day: (one.starts_at, one.ends_at) for one in found}
    utc = dt.UTC
    assert told[29] == (
        dt.datetime(2031, 3, 29, 9, 30, tzinfo=utc),
        dt.datetime(2031, 3, 30, 23, tzinfo=utc),
    )
    assert told[30][0] == dt.datetime(2031, 3, 30, 8, 30, tzinfo=utc)
    assert {(one.seats, one.price, one.status) for one in found} == {(10, None, "OPEN")}


async def test_days_of_the_week_and_what_is_there_already(house: House) -> None:
    user, tour = await _operator(house)
    assert await _make(house, user, tour, weekdays=[6, 7]) == DeparturesMade(2, 2)
    assert await _make(house, user, tour, seats=4, price=1) == DeparturesMade(8, 6)
    _, found = await house.do(list_departures, user, tour, *MARCH)
    assert [one.seats for one in found] == [4, 4, 4, 10, 10, 4, 4, 4]


async def test_a_time_that_does_not_exist(house: House) -> None:
    user, tour = await _operator(house)
    with pytest.raises(DepartureTimeDoesNotExist) as refused:
        await _make(house, user, tour, time=dt.time(1, 30))
    assert refused.value.day == dt.date(2031, 3, 30)
    assert f"{refused.value.following:%d %H:%M}" == "30 02:00"
    _, found = await house.do(list_departures, user, tour, *MARCH)
    assert not found, "none of them is made"
    # A time that exists twice is the first: 01:30 in summer's time.
    october = dt.date(2031, 10, 26)
    await _make(house, user, tour, october, october + dt.timedelta(days=1), time=dt.time(1, 30))
    _, (one,) = await house.do(list_departures, user, tour, october, october + dt.timedelta(days=1))
    assert one.starts_at == dt.datetime(2031, 10, 26, 0, 30, tzinfo=dt.UTC)


async def test_what_cannot_depart(house: House) -> None:
    user, tour = await _operator(house)
    day = dt.timedelta(days=1)
    for days, said in (
        ((MARCH[0], MARCH[0]), {}),
        ((MARCH[0], MARCH[0] + 367 * day), {}),
        ((dt.date(2020, 1, 1), dt.date(2020, 1, 2)), {}),
        (MARCH, {"seats": 11}),
        (MARCH, {"weekdays": []}),
    ):
        with pytest.raises(OfferRefused):
            await _make(house, user, tour, *days, **said)
    user, tour = await _operator(house, time_zone=None, start_time=None)
    with pytest.raises(OfferIncomplete):
        await _make(house, user, tour)


async def test_never_fewer_seats_than_are_taken(house: House) -> None:
    user, tour = await _operator(house)
    await _make(house, user, tour)
    departure = await _first(house, user, tour)
    await _take(house, departure, held=2, sold=3)
    with pytest.raises(BelowSold):
        await house.do(change_departure, user, tour, departure, {"seats": 4}, ANY)
    _, row = await house.do(
        change_departure, user, tour, departure, {"seats": 5, "status": "CLOSED"}, ANY
    )
    assert (row.seats, row.status, row.version) == (5, "CLOSED", 2)
    with pytest.raises(OfferRefused):
        await house.do(change_departure, user, tour, departure, {"seats": 11}, ANY)


async def test_a_cancelled_departure_sells_nothing_and_its_bookings_are_a_case(
    house: House,
) -> None:
    user, tour = await _operator(house)
    await _make(house, user, tour)
    departure = await _first(house, user, tour)
    await _take(house, departure, held=1, sold=2)
    for _ in range(2):
        _, row = await house.do(cancel_departure, user, tour, departure, "storm", hooks=HOOKS)
        assert (row.status, row.version, row.sold) == ("CANCELLED", 2, 2)
    cases = await house.rows(
        "SELECT kind, details ->> 'reason' FROM cases WHERE source = :s",
        s=f"departure:{departure}:cancelled",
    )
    assert cases == [("SUPPLIER", "storm")]
    with pytest.raises(OfferStateConflict):
        await house.do(change_departure, user, tour, departure, {"status": "OPEN"}, ANY)
    assert (await _make(house, user, tour)).created == 0


async def test_departures_are_their_tours_and_their_providers(house: House) -> None:
    user, tour = await _operator(house)
    await _make(house, user, tour)
    departure = await _first(house, user, tour)
    [(provider,)] = await house.rows(
        "SELECT provider_id::text FROM tour_packages WHERE id = :t", t=tour
    )
    other_tour = await house.tour(user, provider)
    for who, which, what in (
        (new_id(), tour, departure),
        (user, other_tour, departure),
        (user, tour, new_id()),
    ):
        with pytest.raises(OfferNotFound):
            await house.do(cancel_departure, who, which, what, "", hooks=HOOKS)


async def test_what_departures_were_made_by_stays(house: House) -> None:
    user, tour = await _operator(house)
    change = packages.change_tour
    told = await house.do(change, user, tour, {"time_zone": "Asia/Tokyo"}, {}, ANY)
    assert told.tour.time_zone == "Asia/Tokyo"
    await _make(house, user, tour)
    for field in ({"time_zone": "Europe/Lisbon"}, {"days": 3}):
        with pytest.raises(FieldFixed):
            await house.do(change, user, tour, field, {}, ANY)
    await house.do(change, user, tour, {"currency": "USD"}, {}, ANY)
    await _take(house, await _first(house, user, tour), sold=1)
    with pytest.raises(FieldFixed):
        await house.do(change, user, tour, {"currency": "EUR"}, {}, ANY)


async def test_itinerary_and_pickups_are_put_whole(house: House) -> None:
    user, tour = await _operator(house, days=2)
    days = [
        {"day": 1, "title": "Alfama", "description": ""},
        {"day": 2, "title": "Sintra", "description": "By train."},
    ]
    pickups = [
        {
            "number": 1,
            "name": "Hotel",
            "address": "",
            "lat": None,
            "lon": None,
            "minutes_before": 30,
        }
    ]
    parts = {"itinerary": days, "pickups": pickups}
    told = await house.do(packages.change_tour, user, tour, {}, parts, ANY)
    assert [one.title for one in told.itinerary] == ["Alfama", "Sintra"]
    assert told.tour.version == 2
    again = await house.do(packages.change_tour, user, tour, {}, parts, ANY)
    assert again.tour.version == 2
    fewer = await house.do(packages.change_tour, user, tour, {}, {"pickups": []}, ANY)
    assert (len(fewer.itinerary), len(fewer.pickups), fewer.tour.version) == (2, 0, 3)
    for wrong in ([*days, days[0]], [{**days[0], "day": 3}]):
        with pytest.raises(OfferRefused):
            await house.do(packages.change_tour, user, tour, {}, {"itinerary": wrong}, ANY)
