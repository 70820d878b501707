"""What is due about a reservation, by which rule: on the clock at the venue's wall."""

import datetime as dt
from typing import Any

import pytest

from models.bookings.deadlines import Action
from models.bookings.lifecycle import BookingState
from models.reservations.deadlines import HAS_DUE, Visit, due_after
from models.reservations.policy import VenuePolicy

S = BookingState
BEGINS = dt.datetime(2027, 3, 14, 18, 30, tzinfo=dt.UTC)
ENDS = BEGINS + dt.timedelta(minutes=105)
HELD_UNTIL = dt.datetime(2027, 3, 13, 11, 0, tzinfo=dt.UTC)


def visit(**policy: Any) -> Visit:
    return Visit(BEGINS, ENDS, "Europe/Berlin", "RESTAURANT", VenuePolicy(**policy))


@pytest.mark.parametrize(
    ("state", "policy", "action", "at", "rule"),
    [
        (
            S.HELD,
            {},
            Action.EXPIRE_HOLD,
            HELD_UNTIL,
            "not approved by 2027-03-13 12:00 Europe/Berlin",
        ),
        (
            S.CONFIRMED,
            {"check_in": "tracked"},
            Action.NO_SHOW,
            BEGINS + dt.timedelta(minutes=30),
            "no check-in by 2027-03-14 20:00 Europe/Berlin (grace 30 min)",
        ),
        (
            S.CONFIRMED,
            {"check_in": "tracked", "no_show_grace_minutes": 0},
            Action.NO_SHOW,
            BEGINS,
            "no check-in by 2027-03-14 19:30 Europe/Berlin (grace 0 min)",
        ),
        (
            S.CONFIRMED,
            {},
            Action.COMPLETE,
            ENDS,
            "the visit ended at 2027-03-14 21:15 Europe/Berlin",
        ),
        (
            S.CHECKED_IN,
            {"check_in": "tracked"},
            Action.COMPLETE,
            ENDS,
            "the visit ended at 2027-03-14 21:15 Europe/Berlin",
        ),
    ],
)
def test_each_rule_names_itself_and_its_deadline(
    state: BookingState, policy: dict[str, Any], action: Action, at: dt.datetime, rule: str
) -> None:
    ((which, due),) = due_after(state, HELD_UNTIL, visit(**policy)).items()
    assert (which, due.at, due.rule) == (action, at, rule)


@pytest.mark.parametrize("tracked", ["untracked", "tracked"])
def test_nothing_is_due_in_any_other_state(tracked: str) -> None:
    for state in BookingState:
        due = due_after(state, HELD_UNTIL, visit(check_in=tracked))
        assert bool(due) is (state in HAS_DUE), state


def test_a_deadline_after_the_clocks_change_is_shown_as_the_wall_shows_it() -> None:
    """The second half past two of the night is real time later, not the first one again."""
    begins = dt.datetime(2027, 10, 31, 0, 15, tzinfo=dt.UTC)  # 02:15, the first one
    night = Visit(
        begins, begins + dt.timedelta(hours=2), "Europe/Berlin", "RESTAURANT", VenuePolicy()
    )
    (due,) = due_after(S.CONFIRMED, None, night).values()
    assert due.at == dt.datetime(2027, 10, 31, 2, 15, tzinfo=dt.UTC)
    assert due.rule == "the visit ended at 2027-10-31 03:15 Europe/Berlin"


@pytest.mark.parametrize(
    ("zone", "begins", "latest"),
    [
        ("Europe/Berlin", "2027-06-01T13:00:00Z", "2027-06-02T02:00:00Z"),
        # The clocks of that night are put forward, and back: it is 04:00 on the wall.
        ("Europe/Berlin", "2027-03-27T22:00:00Z", "2027-03-28T02:00:00Z"),
        ("Europe/Berlin", "2027-10-30T21:00:00Z", "2027-10-31T03:00:00Z"),
        # The day at the venue, not in Greenwich.
        ("America/New_York", "2027-06-02T01:00:00Z", "2027-06-02T08:00:00Z"),
    ],
)
def test_hotels_wait_until_the_next_morning(zone: str, begins: str, latest: str) -> None:
    starts = dt.datetime.fromisoformat(begins)
    stay = Visit(starts, starts + dt.timedelta(hours=4), zone, "HOTEL", tracked())
    (due,) = due_after(S.CONFIRMED, None, stay).values()
    assert due.at == dt.datetime.fromisoformat(latest)
    assert due.rule.endswith(f"04:00 {zone} (hotels wait for the night)")
    named = Visit(starts, stay.ends_at, zone, "HOTEL", tracked(no_show_grace_minutes=30))
    (due,) = due_after(S.CONFIRMED, None, named).values()
    assert due.at == starts + dt.timedelta(minutes=30)


def tracked(**policy: Any) -> VenuePolicy:
    return VenuePolicy(check_in="tracked", **policy)


@pytest.mark.parametrize(
    ("policy", "minutes"),
    [
        ({}, 15),
        ({"approval": "manual"}, 1_440),
        ({"approval": "manual", "pending_minutes": 15}, 15),
        ({"pending_minutes": 5}, 5),
    ],
)
def test_how_long_a_place_is_held(policy: dict[str, Any], minutes: int) -> None:
    """Less than the days after which a card's hold ends by itself."""
    made = VenuePolicy(**policy)
    stored = made.model_dump_json(exclude_defaults=True)
    assert VenuePolicy.model_validate_json(stored).hold_minutes == made.hold_minutes == minutes
