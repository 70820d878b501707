"""No place is had twice: refused by the database, whoever asks at once (R1, R2 of the design)."""

import asyncio
import datetime as dt
import random

import pytest
from sqlalchemy import text

from api.reservations.requests import PutVenueBody
from models.bookings.booking import Booking
from models.bookings.claims import HoldLostError
from models.bookings.lifecycle import BookingState
from models.inventory.claims import use_claims
from tests.reservations.books import EVENING, HOUR, Diary, slot

S = BookingState


async def test_of_many_at_once_one_has_the_table(diary: Diary) -> None:
    asked = [diary.reserve(slot(table="table-7", party=1 + n % 4)) for n in range(40)]
    had = [booking for booking in await asyncio.gather(*asked) if booking is not None]
    assert (len(had), await diary.claims()) == (1, ["HELD"])


async def test_a_venue_takes_no_more_guests_than_it_has_room_for(diary: Diary) -> None:
    """Nobody is refused either while there was room for the party when it was refused."""
    await diary.open_venue(capacity_mode="COVERS", covers=40)
    parties = [random.Random(number).randint(1, 6) for number in range(60)]
    asked = [diary.reserve(slot(party=party)) for party in parties]
    had = await asyncio.gather(*asked)
    covers = sum(p for p, booking in zip(parties, had, strict=True) if booking is not None)
    smallest = min(p for p, booking in zip(parties, had, strict=True) if booking is None)
    assert 40 - smallest < covers <= 40
    assert [row[0] for row in await diary.taken()] == [covers] * 8
    assert await diary.adds_up()


@pytest.mark.parametrize(("limits", "parties"), [({"parties": 3}, 3), ({"covers": 5}, 2)])
async def test_only_so_many_arrive_at_a_time(
    diary: Diary, limits: dict[str, int], parties: int
) -> None:
    await diary.open_venue(pacing=limits)
    had = await asyncio.gather(*(diary.reserve() for _ in range(6)))
    assert len([booking for booking in had if booking is not None]) == parties
    later = EVENING + dt.timedelta(minutes=15)
    assert await diary.reserve(slot(later)) is not None
    assert await diary.adds_up()


async def test_a_refused_party_has_taken_nothing(diary: Diary) -> None:
    """Its table is free, though its claim was made before the venue had no room for it."""
    await diary.open_venue(capacity_mode="COVERS", covers=4)
    assert await diary.reserve(slot(party=3)) is not None
    assert await diary.reserve(slot(party=2, table="table-7")) is None
    assert await diary.reserve(slot(party=1, table="table-7")) is not None
    assert await diary.adds_up()


async def test_a_guest_has_one_place_at_a_time(diary: Diary) -> None:
    assert await diary.reserve(guest="ada") is not None
    overlapping = slot(EVENING + HOUR)
    assert await diary.reserve(overlapping, guest="ada") is None
    assert await diary.reserve(overlapping, guest="bob") is not None
    assert await diary.reserve(overlapping, guest="ada", allow_duplicate=True) is not None
    after = slot(EVENING + 2 * HOUR)
    assert await diary.reserve(after, guest="ada") is not None


async def test_parties_follow_each_other_at_a_table(diary: Diary) -> None:
    """One may begin when the other ends, before and after (report 17 of the design)."""
    for hours in (0, 2, -2):
        assert await diary.reserve(slot(EVENING + hours * HOUR, table="t")) is not None
    assert await diary.reserve(slot(EVENING + HOUR, table="t")) is None


async def test_buffers_keep_a_table_free(diary: Diary) -> None:
    await diary.open_venue(buffer_before_minutes=10, buffer_after_minutes=20)
    assert await diary.reserve(slot(table="t")) is not None
    for minutes, free in ((149, False), (150, True), (-149, False), (-150, True)):
        starts_at = EVENING + dt.timedelta(minutes=minutes)
        assert (await diary.reserve(slot(starts_at, table="t")) is not None) is free, minutes


async def test_a_stay_is_counted_each_night(diary: Diary) -> None:
    await diary.open_venue(capacity_mode="COVERS", covers=2)
    stay = await diary.reserve(slot(minutes=90 * 24 * 60))
    assert stay is not None
    assert await diary.reserve(slot(EVENING + 24 * 89 * HOUR, party=1)) is None
    assert await diary.reserve(slot(EVENING + 24 * 90 * HOUR, party=1)) is not None
    assert await diary.adds_up()
    await end(diary, stay, S.CANCELLED)
    assert await diary.adds_up()


EXAMPLE = PutVenueBody.model_json_schema()["examples"][0]["policy"]


async def test_seats_that_are_cleared_or_made_ready_are_taken(diary: Diary) -> None:
    """The example of a policy: 40 covers, and a quarter of an hour to clear them."""
    await diary.open_venue(**EXAMPLE)
    assert await diary.reserve(slot(party=40), guest="ada") is not None
    for minutes, free in ((120, False), (134, False), (135, True), (-120, False), (-135, True)):
        asked = slot(EVENING + dt.timedelta(minutes=minutes), party=1)
        assert (await diary.reserve(asked) is not None) is free, minutes
    assert await diary.adds_up()


async def test_buffers_are_the_venues_and_not_the_guests(diary: Diary) -> None:
    await diary.open_venue(**EXAMPLE)
    assert await diary.reserve(slot(), guest="ada") is not None
    assert await diary.reserve(slot(EVENING + 2 * HOUR), guest="ada") is not None
    assert await diary.reserve(slot(EVENING - 2 * HOUR), guest="ada") is not None


@pytest.mark.parametrize("minutes", [5, 15, 20, 30, 60])
async def test_arrivals_are_counted_by_slot(diary: Diary, minutes: int) -> None:
    """Buffers keep nobody from arriving."""
    limits = {"pacing": {"parties": 2}, "buffer_before_minutes": 30, "buffer_after_minutes": 30}
    await diary.open_venue(slot_minutes=minutes, **limits)
    for later in (0, minutes, -minutes):
        asked = slot(EVENING + HOUR / 2 + dt.timedelta(minutes=later))  # at 20:00 there
        had = [await diary.reserve(asked) is not None for _ in range(3)]
        assert had == [True, True, False], later
    assert await diary.adds_up()


async def test_a_venue_changes_its_slots(diary: Diary) -> None:
    """What stands is counted in the slot of today in which it begins, and given back whole."""
    pacing = {"pacing": {"parties": 2, "covers": 6}}
    await diary.open_venue(slot_minutes=15, **pacing)
    hour = EVENING + HOUR / 2  # 20:00 there
    quarters = [hour + dt.timedelta(minutes=15 * n) for n in range(4)]
    stand = [await diary.reserve(slot(begins)) for begins in quarters]
    assert None not in stand
    await diary.open_venue(slot_minutes=60, **pacing)
    assert await diary.reserve(slot(hour)) is None
    assert await diary.reserve(slot(hour + HOUR)) is not None
    await diary.open_venue(slot_minutes=30, **pacing)
    assert await diary.reserve(slot(hour)) is None
    await diary.open_venue(slot_minutes=20, **pacing)
    third = hour + dt.timedelta(minutes=20)
    assert [await diary.reserve(slot(third)) is not None for _ in range(2)] == [True, False]
    await diary.open_venue(slot_minutes=60, **pacing)
    for one in stand:
        assert one is not None
        assert await diary.reserve(slot(hour)) is None
        await end(diary, one, S.CANCELLED)
    assert await diary.reserve(slot(hour, party=5)) is None
    assert await diary.reserve(slot(hour, party=4)) is not None
    assert await diary.adds_up()


@pytest.mark.parametrize("moved", [False, True])
async def test_what_the_release_before_has_counted_is_given_back(diary: Diary, moved: bool) -> None:
    """It counted visits without buffers, and starts by the quarter of an hour."""
    await diary.open_venue(
        slot_minutes=5, capacity_mode="COVERS", covers=9, buffer_after_minutes=60
    )
    begins = EVENING + dt.timedelta(minutes=5)
    booking = await diary.confirmed(slot(begins, party=4))
    async with diary.books.connection() as connection:
        mine = (diary.venue,)
        await connection.execute("DELETE FROM venue_slots WHERE venue_id = %s", mine)
        await connection.execute(
            "INSERT INTO venue_slots (venue_id, bucket, covers_taken, starts_taken, arrivals_taken)"
            " SELECT %s, at, CASE WHEN at <= %s THEN 4 ELSE 0 END,"
            " CASE WHEN at = %s THEN 1 ELSE 0 END, CASE WHEN at = %s THEN 4 ELSE 0 END"
            " FROM generate_series(%s, %s, interval '15 minutes') AS at",
            (*mine, EVENING + 2 * HOUR, EVENING, EVENING, EVENING, EVENING + 3 * HOUR),
        )
        await connection.execute(
            "UPDATE inventory_claims SET slot_at = NULL WHERE venue_id = %s", mine
        )
    if moved:
        assert await diary.move(booking, slot(begins + 9 * HOUR, party=4)) is None
        assert await diary.adds_up()
    await end(diary, booking, S.CANCELLED)
    assert await diary.taken() == []


async def end(diary: Diary, booking: Booking, *states: BookingState) -> Booking:
    for state in states:
        booking = await diary.books.record(booking, state)
    return booking


def begun(days: int) -> dt.datetime:
    """Return a moment some days ago, on no quarter of an hour."""
    now = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0)
    return now - dt.timedelta(days=days, minutes=now.minute % 15 - 5)


@pytest.mark.parametrize("state", [S.NO_SHOW, S.COMPLETED])
async def test_a_stay_that_ends_early_keeps_no_room_for_its_other_nights(
    diary: Diary, state: S
) -> None:
    """What has been and the time of clearing stay counted; no repeat gives anything back twice."""
    await diary.open_venue(capacity_mode="COVERS", covers=4, buffer_after_minutes=90)
    stay = await diary.confirmed(slot(begun(1), minutes=90 * 24 * 60, party=3))
    other = await diary.confirmed(slot(begun(1), minutes=90 * 24 * 60, party=1))
    now = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0)
    soon, later = now + HOUR, now + 2 * HOUR
    assert await diary.reserve(slot(later, party=3)) is None
    await end(diary, stay, state)
    async with diary.books.sessions.begin() as session:
        await use_claims(session, stay.id)
    assert await diary.adds_up()
    assert await diary.reserve(slot(begun(1) + HOUR, minutes=60, party=1)) is None
    assert await diary.reserve(slot(soon, minutes=15, party=1)) is None, "it is being cleared"
    assert await diary.reserve(slot(later, party=3)) is not None
    assert await diary.reserve(slot(begun(-80), party=3)) is not None
    assert await diary.reserve(slot(begun(-80), party=1)) is None
    await end(diary, other, S.CANCELLED)
    assert await diary.adds_up()


async def test_many_stays_that_end_early_at_once(diary: Diary) -> None:
    """Others come and go meanwhile: no deadlock, sums agree."""
    await diary.open_venue(capacity_mode="COVERS", covers=60, buffer_after_minutes=20)
    lasts = [60 * 24 * days for days in (1, 2, 3, 5)]
    stays = [await diary.confirmed(slot(begun(1), minutes=lasts[n % 4] + 25)) for n in range(16)]
    ends = (S.NO_SHOW, S.COMPLETED, S.CANCELLED)
    await asyncio.gather(
        *(diary.books.record(stay, ends[n % 3]) for n, stay in enumerate(stays)),
        *(diary.reserve(slot(begun(-n % 3), minutes=300)) for n in range(16)),
    )
    assert await diary.adds_up()
    assert min(row[0] for row in await diary.taken()) > 0


@pytest.mark.parametrize(
    ("states", "claim"),
    [
        ([S.CANCELLED], "RELEASED"),
        ([S.FAILED], "RELEASED"),
        ([S.EXPIRED], "EXPIRED"),
        ([S.HELD, S.PROCESSING, S.EXPIRED], "RELEASED"),
        ([S.CONFIRMED], "SOLD"),
        ([S.HELD, S.PROCESSING, S.CONFIRMED, S.CANCELLED], "RELEASED"),
        ([S.CONFIRMED, S.CHECKED_IN, S.COMPLETED], "USED"),
        ([S.CONFIRMED, S.NO_SHOW], "USED"),
        ([S.CONFIRMED, S.NO_SHOW, S.CHECKED_IN, S.CONFIRMED], "USED"),
    ],
    ids=lambda states: "-".join(states) if isinstance(states, list) else states,
)
async def test_claims_follow_their_booking(
    diary: Diary, states: list[BookingState], claim: str
) -> None:
    await diary.open_venue(capacity_mode="COVERS", covers=2)
    booking = await diary.reserve(slot(table="t"))
    assert booking is not None
    await end(diary, booking, *states)
    assert await diary.claims() == [claim]
    assert await diary.adds_up()
    again = await diary.reserve(slot(table="t"), guest="another")
    # what was used is over: its time is, too, as a rule
    assert (again is not None) is (claim in {"RELEASED", "EXPIRED"})


async def test_a_hold_that_is_over_is_free_for_others(diary: Diary) -> None:
    await diary.open_venue(capacity_mode="COVERS", covers=2)
    first = await diary.reserve(slot(table="t"), hold_seconds=0)
    assert first is not None
    assert await diary.reserve(slot(table="t")) is not None
    assert await diary.claims() == ["EXPIRED", "HELD"]
    assert await diary.adds_up()
    with pytest.raises(HoldLostError):
        await diary.books.record(first, S.CONFIRMED)
    assert (await diary.books.stored(first)).state is S.VALIDATING


async def test_a_hold_that_is_over_is_not_sold(diary: Diary) -> None:
    booking = await diary.reserve(hold_seconds=0)
    assert booking is not None
    with pytest.raises(HoldLostError):
        await diary.books.record(booking, S.CONFIRMED)


async def test_many_cancellations_give_a_place_back_once(diary: Diary) -> None:
    """Report 15 of the design: both cancellations of one stay gave the night back."""
    await diary.open_venue(capacity_mode="COVERS", covers=10)
    booking = await diary.reserve(slot(party=4))
    await diary.reserve(slot(party=4))
    assert booking is not None
    await asyncio.gather(
        *(diary.books.record(booking, S.CANCELLED) for _ in range(10)), return_exceptions=True
    )
    assert [row[0] for row in await diary.taken()] == [4] * 8
    assert await diary.adds_up()


async def test_the_same_guest_books_a_cancelled_place_again_and_again(diary: Diary) -> None:
    """Report 3 of the design: a cancelled booking kept its unique key."""
    for _ in range(10):
        booking = await diary.reserve(slot(table="t"), guest="ada")
        assert booking is not None
        await end(diary, booking, S.CONFIRMED, S.CANCELLED)


async def test_a_repeat_claims_nothing_more(diary: Diary) -> None:
    await diary.open_venue(capacity_mode="COVERS", covers=2)
    request = diary.request(slot(table="t"))
    first, second = await diary.open(request), await diary.open(request)
    assert first == second
    assert await diary.claims() == ["HELD"]
    assert await diary.adds_up()


async def test_a_smaller_room_keeps_who_has_reserved(diary: Diary) -> None:
    await diary.open_venue(capacity_mode="COVERS", covers=10)
    first = await diary.reserve(slot(party=6))
    assert first is not None
    await diary.open_venue(capacity_mode="COVERS", covers=4)
    assert await diary.reserve(slot(party=1)) is None
    await end(diary, first, S.CONFIRMED, S.CANCELLED)
    assert await diary.reserve(slot(party=4)) is not None
    assert await diary.adds_up()


async def test_a_claim_only_moves_as_it_may(diary: Diary) -> None:
    booking = await diary.reserve()
    assert booking is not None
    await end(diary, booking, S.CANCELLED)
    async with diary.books.connection() as connection:
        with pytest.raises(Exception, match="cannot become SOLD from RELEASED"):
            await connection.execute(
                "UPDATE inventory_claims SET state = 'SOLD' WHERE booking_id = %s", (booking.id,)
            )


async def test_claims_and_counters_agree_whatever_happens_at_once(diary: Diary) -> None:
    """Random parties come, pay, cancel and let holds lapse together: no deadlock, sums agree."""
    await diary.open_venue(capacity_mode="COVERS", covers=12, pacing={"parties": 4})
    moves = random.Random(7)

    async def visit(seed: int) -> None:
        chance = random.Random(seed)
        starts_at = EVENING + dt.timedelta(minutes=15 * chance.randint(0, 8))
        wanted = slot(starts_at, party=chance.randint(1, 4), minutes=15 * chance.randint(1, 8))
        held = chance.choice([0, 900, 900])
        booking = await diary.reserve(wanted, hold_seconds=held)
        if booking is None:
            return
        state = chance.choice([S.CANCELLED, S.EXPIRED, S.CONFIRMED, None])
        if state is S.CONFIRMED and held == 0:
            with pytest.raises(HoldLostError):
                await diary.books.record(booking, state)
        elif state is not None:
            booking = await diary.books.record(booking, state)
            if state is S.CONFIRMED and chance.random() < 0.5:
                await diary.books.record(booking, S.CANCELLED)

    await asyncio.gather(*(visit(moves.getrandbits(32)) for _ in range(80)))
    assert await diary.adds_up()
    async with diary.books.sessions() as session:
        most = await session.scalar(
            text("SELECT max(covers_taken) FROM venue_slots WHERE venue_id = :venue"),
            {"venue": diary.venue},
        )
    assert most is not None
    assert 0 < most <= 12
