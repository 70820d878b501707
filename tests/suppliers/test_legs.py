"""Where the traveller has to be and when, as each supplier's published answers tell it."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from models.core.legs import Leg, LegKind, Moment, Place
from suppliers.core.airports import airport
from suppliers.core.legs import experience
from suppliers.core.protocol import Party
from tests.suppliers import scripts
from tests.suppliers.amadeus import script as amadeus
from tests.suppliers.booking_com import script as booking_com
from tests.suppliers.conftest import Reply, Scripted
from tests.suppliers.duffel import script as duffel
from tests.suppliers.getyourguide import script as getyourguide
from tests.suppliers.ratehawk import script as ratehawk
from tests.suppliers.viator import script as viator

NEW_YORK = "America/New_York"
FIRST, LAST = dt.date(2031, 5, 1), dt.date(2031, 5, 4)
HOTEL = Leg(
    kind=LegKind.STAY,
    title="Hotel Five",
    provider="Hotel Five",
    start=Moment(date=FIRST, time=dt.time(15)),
    end=Moment(date=LAST, time=dt.time(11)),
)


async def legs_of(
    scripted: Scripted, script: scripts.Script, item: Any, party: Party, **replies: Reply
) -> tuple[Leg, ...]:
    supplier = script.supplier(scripted)
    for path, reply in replies.items():
        scripted.say(path, reply)
    try:
        return (await supplier.quote(item, party)).legs
    finally:
        await supplier.close()


async def test_an_airport_has_a_zone_where_the_supplier_names_none(scripted: Scripted) -> None:
    legs = await legs_of(scripted, amadeus.SCRIPT, amadeus.ITEM, amadeus.PARTY)
    first, last = legs[0], legs[-1]
    assert (first.start.zone, first.start.utc) == (NEW_YORK, amadeus.ITEM.starts_at)
    assert last.end is not None
    assert (last.end.zone, last.end.utc) == (NEW_YORK, amadeus.ITEM.ends_at)
    assert first.place is not None
    assert (first.place.code, first.place.city, first.place.country) == ("BOS", "Boston", "US")
    assert "Logan" in first.place.name


async def test_a_flight_of_duffel(scripted: Scripted) -> None:
    [leg, *_] = await legs_of(scripted, duffel.SCRIPT, duffel.ITEM, duffel.PARTY)
    assert leg.end is not None
    assert (leg.start.zone, leg.end.zone) == (NEW_YORK, "Europe/Paris")
    assert leg.start.utc == duffel.ITEM.starts_at


def test_airports() -> None:
    assert airport("KEF").zone == "Atlantic/Reykjavik"
    assert (airport("XXX").name, airport("XXX").zone) == ("XXX", None)


async def test_a_hotel_of_booking_com(scripted: Scripted) -> None:
    legs = await legs_of(scripted, booking_com.SCRIPT, booking_com.ITEM, booking_com.PARTY)
    place = Place(name="Hotel Five", address="5 Park Lane, 28001", country="ES")
    until = dt.time(23, 30)
    assert legs == (HOTEL.model_copy(update={"place": place, "check_in_until": until}),)


async def test_a_hotel_of_ratehawk(scripted: Scripted) -> None:
    legs = await legs_of(scripted, ratehawk.SCRIPT, ratehawk.ITEM, ratehawk.PARTY)
    place = Place(name="Hotel Five", address="5 Harbour Road, Madrid", city="Madrid", country="ES")
    assert legs == (HOTEL.model_copy(update={"place": place}),)


async def test_an_experience_of_viator(scripted: Scripted) -> None:
    [leg] = await legs_of(scripted, viator.SCRIPT, viator.ITEM, viator.PARTY)
    assert leg.start == Moment(date=FIRST, time=dt.time(9, 30), zone=NEW_YORK)
    assert leg.end == Moment(date=FIRST, time=dt.time(12), zone=NEW_YORK)
    assert leg.place == Place(name="By the fountain")
    assert leg.notes == ("We fetch you from hotels downtown.",)


async def test_one_that_starts_at_one_of_several_points(scripted: Scripted) -> None:
    spots = [{"description": "North gate"}, {"location": {"ref": "LOC-2"}}, {"description": "Pier"}]
    reply = {"/products/5P1": viator.product(logistics={"start": spots})}
    [leg] = await legs_of(scripted, viator.SCRIPT, viator.ITEM, viator.PARTY, **reply)
    assert leg.place == Place(name="North gate · Pier")


async def test_an_experience_of_getyourguide(scripted: Scripted) -> None:
    [leg] = await legs_of(scripted, getyourguide.SCRIPT, getyourguide.ITEM, getyourguide.PARTY)
    assert leg.start == Moment(date=FIRST, time=dt.time(9, 30))
    assert leg.end == Moment(date=FIRST, time=dt.time(12))
    assert leg.place == Place(name="By the fountain")
    assert leg.notes == ("We fetch you from hotels downtown.",)


def test_an_end_after_the_clocks_were_changed() -> None:
    starts = dt.datetime(2031, 3, 29, 23, 30, tzinfo=ZoneInfo("Europe/Madrid"))
    [leg] = experience("x", "y", starts, zone="Europe/Madrid", lasts=dt.timedelta(hours=3))
    assert leg.end == Moment(date=dt.date(2031, 3, 30), time=dt.time(3, 30), zone="Europe/Madrid")
    [leg] = experience("x", "y", starts, zone=None, all_day=True, lasts=dt.timedelta(hours=3))
    assert leg.end is None


@pytest.mark.parametrize(
    ("duration", "unit", "hours"),
    [
        (90, "minute", 1.5),
        (2, "day", None),
        (None, "hour", None),
        (25, "hour", None),
        (1e300, "hour", None),
    ],
)
async def test_how_long_a_tour_takes(
    scripted: Scripted, duration: float | None, unit: str, hours: float | None
) -> None:
    reply = {
        getyourguide.OPTIONS: getyourguide.options(duration=duration, duration_unit=unit),
    }
    script, item = getyourguide.SCRIPT, getyourguide.ITEM
    [leg] = await legs_of(scripted, script, item, getyourguide.PARTY, **reply)
    begins = dt.datetime.fromisoformat(item.offer["datetime"])
    ends = Moment.of(begins + dt.timedelta(hours=hours)) if hours else None
    assert leg.end == ends


@pytest.mark.parametrize(
    "said", ["word\n" * 900, "集合場所" * 900, " \n"], ids=["words", "without spaces", "blank"]
)
async def test_a_meeting_point_of_any_length_is_one_short_line(
    scripted: Scripted, said: str
) -> None:
    reply = {getyourguide.OPTIONS: getyourguide.options(meeting_point=said)}
    [leg] = await legs_of(
        scripted, getyourguide.SCRIPT, getyourguide.ITEM, getyourguide.PARTY, **reply
    )
    assert (leg.place is None) == (not said.strip())
    if leg.place is not None:
        assert 400 < len(leg.place.name) <= 500
        assert "\n" not in leg.place.name
