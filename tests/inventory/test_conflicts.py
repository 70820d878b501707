"""What is said to be free can be had, and nothing else (report 4 of the design)."""

import datetime as dt
import random

import pytest

from models.bookings.lifecycle import BookingState
from models.reservations.conflicts import Room, find_room, find_rooms
from models.reservations.venues import find_venue
from tests.reservations.books import EVENING, Diary, slot

POLICIES: list[dict[str, object]] = [
    {},
    {"capacity_mode": "COVERS", "covers": 6},
    {"pacing": {"parties": 2}, "slot_minutes": 60},
    {"pacing": {"covers": 5}, "buffer_before_minutes": 10, "buffer_after_minutes": 20},
    {"capacity_mode": "COVERS", "covers": 6, "buffer_before_minutes": 25, "slot_minutes": 20},
]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: "-".join(policy) or "none")
@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(n, marks=pytest.mark.exhaustive) for n in range(2, 40))]
)
async def test_checking_and_claiming_agree(
    diary: Diary, policy: dict[str, object], seed: int
) -> None:
    await diary.open_venue(**policy)
    chance = random.Random(seed)
    answers = set()
    for _ in range(40):
        wanted = slot(
            EVENING + dt.timedelta(minutes=5 * chance.randint(0, 24)),
            minutes=5 * chance.randint(1, 24),
            party=chance.randint(1, 4),
            table=chance.choice([None, None, "t1", "t2"]),
        )
        guest = chance.choice(["ada", "bob", str(chance.random())])
        async with diary.books.sessions() as session:
            venue = await find_venue(session, diary.caller, diary.external_id)
            assert venue is not None
            room: Room = await find_room(session, diary.caller, venue, wanted, guest, None)
        held = chance.choice([0, 900, 900])
        booking = await diary.reserve(wanted, guest=guest, hold_seconds=held)
        assert room.is_free is (booking is not None), (wanted, guest, room)
        answers.add(room.is_free)
        if booking is not None and held and chance.random() < 0.4:
            await diary.books.record(booking, BookingState.CANCELLED)
    assert answers == {True, False}


async def test_a_hold_that_is_over_takes_nothing_of_the_last_quarter_either(diary: Diary) -> None:
    """Guests are counted by quarters of an hour: it begins in the one in which the visit ends."""
    await diary.open_venue(capacity_mode="COVERS", covers=2, slot_minutes=5)
    assert await diary.reserve(slot(EVENING + dt.timedelta(minutes=10), party=2), hold_seconds=0)
    wanted = slot(EVENING - dt.timedelta(minutes=55), minutes=60, party=2)
    async with diary.books.sessions() as session:
        venue = await find_venue(session, diary.caller, diary.external_id)
        assert venue is not None
        room = await find_room(session, diary.caller, venue, wanted, None, None)
    assert (room.is_free, room.covers_free) == (True, 2)
    assert await diary.reserve(wanted) is not None


@pytest.mark.parametrize("limits", POLICIES[1:3], ids="-".join)
async def test_a_visit_that_was_over_early_is_counted_while_it_was(
    diary: Diary, limits: dict[str, object]
) -> None:
    """Its guests are not there any more; the counters that a claim is held against keep them."""
    await diary.open_venue(**limits)
    for _ in range(2):
        booking = await diary.confirmed(slot(party=3))
        await diary.books.record(booking, BookingState.NO_SHOW)
    async with diary.books.sessions() as session:
        venue = await find_venue(session, diary.caller, diary.external_id)
        assert venue is not None
        room = await find_room(session, diary.caller, venue, slot(party=1), None, None)
    assert not room.is_free
    assert await diary.reserve(slot(party=1)) is None


@pytest.mark.parametrize(
    ("guest", "table", "reason"),
    [
        ("ada", "t", "resource"),
        ("ada", None, "guest"),
        ("bob", "t", "resource"),
        ("bob", None, "venue"),
    ],
)
async def test_of_several_things_in_the_way_the_same_is_told(
    diary: Diary, guest: str, table: str | None, reason: str
) -> None:
    """By the check, by the search for other times, and by the claim that is refused."""
    await diary.open_venue(capacity_mode="COVERS", covers=2)
    await diary.reserve(slot(table="t"), guest="ada")
    wanted = slot(table=table)
    async with diary.books.sessions() as session:
        venue = await find_venue(session, diary.caller, diary.external_id)
        assert venue is not None
        asked = session, diary.caller, venue
        room = await find_room(*asked, wanted, guest, None)
        (among,) = await find_rooms(*asked, [wanted], guest, None)
    assert (room.reason, among.reason) == (reason, reason)
    assert "VENUE" in {one.kind for one in room.conflicts}, "it is full besides"
    opened = await diary.open(diary.request(wanted, guest=guest))
    assert opened.refusal is not None
    assert str(opened.refusal.details["conflict"]).lower() == reason
