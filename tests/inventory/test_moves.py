"""A place is moved whole: the old one is free then, or the new one was never taken (R5)."""

import asyncio
import datetime as dt
import random

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from models.bookings.claims import HoldLostError
from models.bookings.lifecycle import BookingState
from models.core.database import repeated
from models.inventory.moves import make_slots, move_place
from models.reservations.changes import MoveClaim
from models.reservations.moves import claim_at
from tests.reservations.books import EVENING, HOUR, Diary, slot

LATER = EVENING + 3 * HOUR
LIMITED = {"capacity_mode": "COVERS", "covers": 4, "pacing": {"parties": 1}}


async def test_the_old_time_is_free_and_can_be_had(diary: Diary) -> None:
    """Report 4 of the design: the old time looked free and refused to be reserved."""
    await diary.open_venue(**LIMITED)
    booking = await diary.confirmed(slot(table="t", party=4), guest="ada")
    assert await diary.move(booking, slot(LATER, table="t", party=4)) is None
    assert await diary.claims() == ["RELEASED", "SOLD"]
    assert await diary.reserve(slot(LATER, table="t")) is None
    assert await diary.reserve(slot(table="t", party=4), guest="ada") is not None
    assert await diary.adds_up()


async def test_a_refused_move_leaves_everything_as_it_was(diary: Diary) -> None:
    await diary.open_venue(**LIMITED)
    mine = await diary.confirmed(slot(table="t", party=2))
    await diary.confirmed(slot(LATER, table="u", party=3))
    before = await diary.taken()
    for to, why in (
        (slot(LATER, table="u"), "RESOURCE"),
        (slot(LATER, table="t", party=2), "VENUE"),
        (slot(LATER, party=2), "VENUE"),
    ):
        assert await diary.move(mine, to) == why
    assert (await diary.claims(), await diary.taken()) == (["SOLD", "SOLD"], before)
    assert await diary.reserve(slot(table="t")) is None
    assert await diary.adds_up()


async def test_one_is_not_in_ones_own_way(diary: Diary) -> None:
    """Longer, shorter, a little later, more guests: in a venue that is full with oneself."""
    await diary.open_venue(buffer_before_minutes=30, buffer_after_minutes=30, **LIMITED)
    booking = await diary.confirmed(slot(table="t", party=3), guest="ada")
    places = [
        slot(table="t", party=4, minutes=180),
        slot(EVENING + HOUR / 2, table="t", party=4),
        slot(EVENING - HOUR / 4, table="t", party=1, minutes=60),
        slot(EVENING, table="u", party=4),
        slot(EVENING, party=4),
    ]
    for version, place in enumerate(places, start=2):
        assert await diary.move(booking, place, version=version) is None, place
        assert await diary.adds_up()
    assert (await diary.claims()).count("SOLD") == 1


async def test_who_was_taken_for_missing_comes_another_time(diary: Diary) -> None:
    """What there was of the old time stays counted, as of everybody who did not come."""
    await diary.open_venue(**LIMITED)
    booking = await diary.confirmed(slot(table="t", party=4))
    for state in (BookingState.NO_SHOW, BookingState.CHECKED_IN, BookingState.CONFIRMED):
        booking = await diary.books.record(booking, state)
    assert await diary.move(booking, slot(LATER, table="t", party=4)) is None
    assert await diary.claims() == ["SOLD", "USED"]
    assert await diary.reserve(slot(LATER, table="u", party=1)) is None
    assert await diary.reserve(slot(table="u", party=1)) is None
    assert await diary.adds_up()


async def test_buffers_move_along(diary: Diary) -> None:
    await diary.open_venue(buffer_before_minutes=10, buffer_after_minutes=20)
    booking = await diary.confirmed(slot(table="t"))
    other = await diary.confirmed(slot(EVENING + 9 * HOUR, table="t"))
    assert await diary.move(booking, slot(LATER, table="t")) is None
    for minutes, why in ((149, "RESOURCE"), (-149, "RESOURCE"), (150, None)):
        to = slot(LATER + dt.timedelta(minutes=minutes), table="t")
        assert await diary.move(other, to) == why, minutes


async def test_a_repeat_moves_nothing_more(diary: Diary) -> None:
    await diary.open_venue(**LIMITED)
    booking = await diary.confirmed(slot(party=2))
    moves = [diary.move(booking, slot(LATER, party=2)) for _ in range(5)]
    assert await asyncio.gather(*moves) == [None] * 5
    assert await diary.claims() == ["RELEASED", "SOLD"]
    assert await diary.adds_up()


async def test_what_is_gone_is_not_moved(diary: Diary) -> None:
    booking = await diary.confirmed()
    await diary.books.record(booking, BookingState.CANCELLED)
    asked = MoveClaim(booking_id=booking.id, version=2, slot=slot(LATER))
    async with diary.books.sessions() as session:
        with pytest.raises(HoldLostError):
            await move_place(session, await claim_at(session, asked))
    assert await diary.claims() == ["RELEASED"]


async def test_the_way_back_is_open(diary: Diary) -> None:
    """No limit, and no other reservation of the guest, keeps it from where it was."""
    await diary.open_venue(**LIMITED)
    booking = await diary.confirmed(slot(table="t", party=4), guest="ada")
    assert await diary.move(booking, slot(LATER, party=4)) is None
    assert await diary.reserve(slot(party=4), guest="ada") is not None
    assert await diary.move(booking, slot(table="t", party=4), version=3, back=True) is None
    assert await diary.adds_up()
    assert await diary.reserve(slot(EVENING + HOUR, party=1)) is None


async def test_a_table_that_another_has_by_now_is_told(diary: Diary) -> None:
    booking = await diary.confirmed(slot(table="t"))
    assert await diary.move(booking, slot(LATER)) is None
    assert await diary.reserve(slot(table="t")) is not None
    for _ in range(2):  # also to a worker whose predecessor died with the answer
        assert await diary.move(booking, slot(table="t"), version=3, back=True) == "RESOURCE"
    assert sorted(await diary.claims()) == ["HELD", "RELEASED", "RELEASED", "SOLD"]
    assert await diary.reserve(slot(LATER, table="t")) is not None


@pytest.mark.parametrize("limits", [{}, LIMITED], ids=["free", "limited"])
async def test_two_cannot_swap_and_neither_is_lost(diary: Diary, limits: dict[str, object]) -> None:
    """R5: A to B and B to A at once. Nobody sees a deadlock; both or neither."""
    await diary.open_venue(**limits)
    here, there = slot(table="t", party=4), slot(LATER, table="t", party=4)
    for _ in range(8):
        one, two = await diary.confirmed(here), await diary.confirmed(there)
        moved = await asyncio.gather(diary.move(one, there), diary.move(two, here))
        assert list(moved) == ["RESOURCE", "RESOURCE"]
        assert (await diary.claims()).count("SOLD") == 2
        assert await diary.adds_up()
        for booking in (one, two):
            await diary.books.record(booking, BookingState.CANCELLED)


async def test_many_move_at_once(diary: Diary) -> None:
    """Random moves, back and forth, among those who come and go: no deadlock, sums agree."""
    await diary.open_venue(capacity_mode="COVERS", covers=12, pacing={"parties": 4})
    seeds = random.Random(11)

    def place(chance: random.Random) -> tuple[dt.datetime, int, int, str | None]:
        starts_at = EVENING + dt.timedelta(minutes=15 * chance.randint(0, 12))
        table = chance.choice([None, "t", "u"])
        return starts_at, chance.randint(1, 4), 15 * chance.randint(1, 8), table

    async def stay(seed: int) -> None:
        chance = random.Random(seed)

        def anywhere() -> object:
            starts_at, party, minutes, table = place(chance)
            return slot(starts_at, party=party, minutes=minutes, table=table)

        booking = await diary.reserve(anywhere())  # type: ignore[arg-type]
        if booking is None:
            return
        booking = await diary.books.record(booking, BookingState.CONFIRMED)
        for version in range(2, 5):
            await diary.move(booking, anywhere(), version=version)  # type: ignore[arg-type]
        if chance.random() < 0.5:
            await diary.books.record(booking, BookingState.CANCELLED)

    await asyncio.gather(*(stay(seeds.getrandbits(32)) for _ in range(30)))
    assert await diary.adds_up()


async def test_counters_are_made_before_they_are_locked(diary: Diary) -> None:
    await diary.open_venue(**LIMITED)
    booking = await diary.confirmed(slot(party=2))
    asked = MoveClaim(booking_id=booking.id, version=2, slot=slot(LATER, party=2))
    async with diary.books.sessions.begin() as session:
        await make_slots(session, await claim_at(session, asked))
    assert await diary.adds_up()
    assert len(await diary.taken()) == 8


@pytest.mark.parametrize("collisions", [1, 5])
async def test_who_was_in_anothers_way_tries_again(diary: Diary, collisions: int) -> None:
    """Two transactions that lock each other's rows: at most three repeats, then it is told."""
    other = Diary(diary.books, diary.caller)
    await other.open_venue()
    update = text("UPDATE venues SET version = version + 1 WHERE id = :id")
    attempts = {"one": 0, "two": 0}

    async def both(name: str, first: str, second: str) -> None:
        attempts[name] += 1
        async with diary.books.sessions.begin() as session:
            await session.execute(update, {"id": first})
            if attempts[name] <= collisions:
                await asyncio.sleep(0.2)
            await session.execute(update, {"id": second})

    asked = [
        repeated(lambda: both("one", diary.venue, other.venue)),
        repeated(lambda: both("two", other.venue, diary.venue)),
    ]
    ends = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(attempts.values()) > 2, "nobody was in anybody's way"
    assert max(attempts.values()) <= 4
    if collisions == 1:
        assert ends == [None, None]
    assert all(end is None or isinstance(end, OperationalError) for end in ends)
