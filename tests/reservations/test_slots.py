"""Local times at venues: each that a clock shows is one moment, and none else is taken."""

import datetime as dt
import json
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from api.reservations import presenter
from api.reservations.requests import SlotBody, VenueBody
from api.reservations.venues import wish_by
from models.core.venues import Alternative
from models.reservations.errors import SlotRefused
from models.reservations.policy import Pacing, VenuePolicy
from models.reservations.slots import OffsetDoesNotFit, TimeDoesNotExist, utc_of

DAYS = [
    ("Europe/Berlin", dt.date(2027, 3, 28)),
    ("Europe/Berlin", dt.date(2027, 10, 31)),
    ("Europe/Lisbon", dt.date(2027, 3, 28)),
    ("America/New_York", dt.date(2027, 3, 14)),
    ("America/New_York", dt.date(2027, 11, 7)),
    ("America/St_Johns", dt.date(2027, 3, 14)),
    ("America/Santiago", dt.date(2027, 9, 5)),  # at midnight
    ("Africa/Cairo", dt.date(2027, 4, 30)),  # at midnight
    ("Australia/Lord_Howe", dt.date(2027, 10, 3)),  # by half an hour
    ("Australia/Lord_Howe", dt.date(2027, 4, 4)),
    ("Pacific/Apia", dt.date(2011, 12, 30)),  # a day that never was
    ("Asia/Karachi", dt.date(2027, 6, 1)),  # no change
]


@pytest.mark.parametrize(("zone", "day"), DAYS, ids=str)
def test_every_time_that_is_shown_is_one_moment(zone: str, day: dt.date) -> None:
    """Report 5 of the design: around the change slots were shown an hour off and refused."""
    shown: dict[dt.time, list[dt.datetime]] = {}
    moment = dt.datetime.combine(day, dt.time(), dt.UTC) - dt.timedelta(hours=36)
    while moment < dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(hours=36):
        local = moment.astimezone(ZoneInfo(zone))
        if local.date() == day:
            shown.setdefault(local.time(), []).append(moment)
        moment += dt.timedelta(minutes=5)
    for minutes in range(0, 1_440, 5):
        time = dt.time(minutes // 60, minutes % 60)
        if time in shown:
            assert utc_of(day, time, zone) == shown[time][0]
            offsets = [m.astimezone(ZoneInfo(zone)).utcoffset() for m in shown[time]]
            assert [utc_of(day, time, zone, offset) for offset in offsets] == shown[time]
            with pytest.raises(OffsetDoesNotFit):
                utc_of(day, time, zone, dt.timedelta(hours=3, minutes=1))
        else:
            with pytest.raises(TimeDoesNotExist) as refused:
                utc_of(day, time, zone)
            following = refused.value.following
            back = utc_of(following.date(), following.time(), zone).astimezone(ZoneInfo(zone))
            assert back.replace(tzinfo=None) == following
            assert following > dt.datetime.combine(day, time)


@pytest.mark.parametrize("minutes", [5, 15, 30, 60])
@pytest.mark.parametrize(("zone", "day"), DAYS, ids=str)
def test_every_slot_that_is_offered_can_be_asked_for_and_no_other(
    zone: str, day: dt.date, minutes: int
) -> None:
    """Report 5: as an answer writes it, it is the moment that was offered."""
    policy = VenuePolicy.model_validate({"slot_minutes": minutes})
    venue = VenueBody(id="v-9", type="RESTAURANT", name="Kantine")

    def ask(time: str, offset: str | None) -> dt.datetime:
        asked = {"date": str(day), "time": time, "utc_offset": offset, "party_size": 2}
        body = SlotBody.model_validate_json(json.dumps(asked))
        wish = wish_by(policy, zone, body, venue)
        found = wish.utc_offset_minutes
        offset_given = None if found is None else dt.timedelta(minutes=found)
        return utc_of(wish.date, wish.time, zone, offset_given)

    offered: dict[str, dict[str, dt.datetime]] = {}
    moment = dt.datetime.combine(day, dt.time(), dt.UTC) - dt.timedelta(hours=36)
    for _ in range(3 * 24 * 12):
        moment += dt.timedelta(minutes=5)
        local = moment.astimezone(ZoneInfo(zone))
        if local.date() == day and (local.hour * 60 + local.minute) % minutes == 0:
            one = presenter.alternative(Alternative(starts_at=local, free=1))
            assert one.date == str(day)
            offered.setdefault(one.time, {})[one.utc_offset] = moment
    offsets = {offset for found in offered.values() for offset in found}
    for number in range(0, 1_440, 5):
        time = f"{number // 60:02}:{number % 60:02}"
        found = offered.get(time, {})
        for offset in offsets:
            if offset in found:
                assert ask(time, offset) == found[offset]
            else:
                with pytest.raises((SlotRefused, TimeDoesNotExist, OffsetDoesNotFit)):
                    ask(time, offset)
        if found:
            assert ask(time, None) == min(found.values())
        else:
            with pytest.raises((SlotRefused, TimeDoesNotExist)):
                ask(time, None)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            {"turn_minutes": [{"up_to": 4, "minutes": 60}, {"up_to": 2, "minutes": 90}]},
            "turn_minutes must grow",
        ),
        ({"min_party": 5, "max_party": 4}, "min_party must not be larger"),
        ({"book_ahead_min_minutes": 2_000, "book_ahead_max_days": 1}, "book_ahead_min_minutes"),
    ],
    ids=lambda wrong: next(iter(wrong)) if isinstance(wrong, dict) else "",
)
def test_a_policy_that_contradicts_itself_says_so(wrong: dict[str, object], words: str) -> None:
    found = VenuePolicy.model_validate(wrong).contradiction
    assert found is not None
    assert words in found


@pytest.mark.parametrize(
    "wrong",
    [
        {"slot_minutes": 7},
        {"covers": -1},
        {"opening_hours": []},
        {"min_party": "2"},
        {"max_party": True},
        {"turn_minutes": [{"up_to": "2", "minutes": 90}]},
        {"turn_minutes": [{"up_to": 2, "minutes": "90"}]},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_policy_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        VenuePolicy.model_validate(wrong)


def test_a_policy_says_how_long_a_party_stays() -> None:
    turns = [{"up_to": 2, "minutes": 90}, {"up_to": 6, "minutes": 120}]
    policy = VenuePolicy.model_validate({"turn_minutes": turns})
    assert [policy.turn(size) for size in (1, 2, 3, 6, 7)] == [90, 90, 120, 120, None]
    assert policy.contradiction is None
    assert not policy.counted
    assert VenuePolicy(pacing=Pacing(parties=3)).counted
