"""Legs: local times are kept as they are, and converted only where their zone is known."""

import datetime as dt

import pytest

from models.core.legs import Leg, LegKind, Moment, Place, confirmed_legs

OUT = Leg(
    kind=LegKind.FLIGHT,
    title="IB 6253 MAD–JFK",
    provider="Iberia",
    start=Moment.of(dt.datetime.fromisoformat("2031-02-01T11:55"), "Europe/Madrid"),
    end=Moment.of(dt.datetime.fromisoformat("2031-02-01T14:10"), "America/New_York"),
    place=Place(name="Madrid", code="MAD", terminal="4S"),
    destination=Place(name="New York", code="JFK", terminal="8"),
)


def test_each_end_has_its_own_zone() -> None:
    assert OUT.end is not None
    assert OUT.start.utc == dt.datetime(2031, 2, 1, 10, 55, tzinfo=dt.UTC)
    assert OUT.end.utc == dt.datetime(2031, 2, 1, 19, 10, tzinfo=dt.UTC)


@pytest.mark.parametrize("zone", [None, "", "Mars/Olympus", "../etc/passwd", "\x00"])
def test_a_time_without_a_known_zone_is_never_converted(zone: str | None) -> None:
    moment = Moment.of(dt.datetime.fromisoformat("2031-02-01T11:55"), zone)
    assert moment.zone is None
    assert moment.utc is None
    assert moment.time == dt.time(11, 55)


def test_a_day_alone_is_no_midnight() -> None:
    assert Moment(date=dt.date(2031, 2, 1), zone="Europe/Madrid").utc is None


def test_stored_and_read_again_it_is_the_same() -> None:
    assert Leg.model_validate(OUT.model_dump(mode="json")) == OUT
    told = OUT.model_dump(mode="json", by_alias=True)
    assert told["start"] == {"date": "2031-02-01", "time": "11:55:00", "zone": "Europe/Madrid"}
    assert Leg.model_validate(told) == OUT


def test_a_legs_own_code_is_kept() -> None:
    own = OUT.model_copy(update={"confirmation_code": "OWN1"})
    assert [leg.confirmation_code for leg in confirmed_legs([OUT, own], "X7K2P9")] == [
        "X7K2P9",
        "OWN1",
    ]
