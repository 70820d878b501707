"""I10 is broken in every way it can be, and each is told; what is well is not."""

import datetime as dt

import pytest

from models.bookings.lifecycle import BookingState
from models.operations.invariants import ALL_TIME, INVARIANTS, Violation, find_violations
from tests.ledger.conftest import Books
from tests.ledger.conftest import scratch as scratch
from tests.ledger.conftest import scratch_url as scratch_url
from tests.reservations.books import Diary, slot

PLACES = next(one for one in INVARIANTS if one.name == "I10")
COVERS = {"capacity_mode": "COVERS", "covers": 40, "pacing": {"parties": 20}}


@pytest.fixture
async def diary(scratch: Books) -> Diary:
    made = Diary(scratch)
    await made.open_venue(**COVERS)
    async with scratch.connection() as connection:
        await connection.execute("DELETE FROM booking_due")
    return made


async def found(diary: Diary) -> list[Violation]:
    """Everything that is wrong about the places of this venue."""
    async with diary.books.connection() as connection:
        rows = await connection.execute(
            "SELECT id::text FROM bookings WHERE caller_id = %s", (diary.caller,)
        )
        mine = {diary.venue, *(one for (one,) in await rows.fetchall())}
    violations: list[Violation] = []
    async with diary.books.sessions() as session:
        for query in PLACES.queries:
            violations += await find_violations(session, query, "I10", since=ALL_TIME, also=[])
    return [one for one in violations if one.subject.split()[0] in mine]


async def do(books: Books, statement: str, *values: object) -> None:
    async with books.connection() as connection:
        await connection.execute(statement, values)


async def test_whatever_becomes_of_reservations_their_places_are_conserved(diary: Diary) -> None:
    for states in (
        [],
        [BookingState.HELD],
        [BookingState.CONFIRMED],
        [BookingState.CONFIRMED, BookingState.CHECKED_IN, BookingState.COMPLETED],
        [BookingState.CONFIRMED, BookingState.NO_SHOW],
        [BookingState.CONFIRMED, BookingState.CANCELLED],
        [BookingState.HELD, BookingState.EXPIRED],
    ):
        booking = await diary.reserve()
        assert booking is not None
        for state in states:
            booking = await diary.books.record(booking, state)
    assert await found(diary) == []


async def test_a_place_that_is_held_for_too_long(diary: Diary) -> None:
    booking = await diary.reserve()
    assert booking is not None
    late = "UPDATE inventory_claims SET expires_at = now() - interval '%s minutes'"
    await do(diary.books, f"{late % 14} WHERE booking_id = %s", booking.id)
    assert await found(diary) == []
    await do(diary.books, f"{late % 16} WHERE booking_id = %s", booking.id)
    (violation,) = await found(diary)
    assert violation.booking_id == booking.id
    assert violation.what.startswith("a place is held that was to be free at ")


async def test_what_was_due_and_is_not_done(diary: Diary) -> None:
    booking = await diary.reserve()
    assert booking is not None
    booking = await diary.books.record(booking, BookingState.CONFIRMED)
    await do(
        diary.books,
        "UPDATE booking_due SET due_at = now() - interval '16 minutes', attempts = 7"
        " WHERE booking_id = %s",
        booking.id,
    )
    (violation,) = await found(diary)
    assert violation.booking_id == booking.id
    assert "COMPLETE was due at " in violation.what
    assert violation.what.endswith(" and is not done, 7 attempts")


@pytest.mark.parametrize("column", ["covers_taken", "starts_taken", "arrivals_taken"])
async def test_counters_that_say_something_else_than_the_claims(diary: Diary, column: str) -> None:
    assert await diary.reserve() is not None
    quarter = slot().starts_at.astimezone(dt.UTC)
    where = "WHERE venue_id = %s AND bucket = %s"
    change = f"UPDATE venue_slots SET {column} = {column}"
    await do(diary.books, f"{change} + 1 {where}", diary.venue, quarter)
    (violation,) = await found(diary)
    assert (violation.subject.split()[0], violation.booking_id) == (diary.venue, None)
    await do(diary.books, f"{change} - 1 {where}", diary.venue, quarter)
    await do(diary.books, f"DELETE FROM venue_slots {where}", diary.venue, quarter)
    (gone,) = await found(diary)
    assert gone.what == "0 guests, 0 parties and 0 arrivals are counted, and there are 2, 1 and 2"


async def test_counters_of_what_is_long_over_are_not_looked_at(diary: Diary) -> None:
    """Of a stay those of its last two days, and all that are to come, still are."""
    now = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)
    days = dt.timedelta(days=1)
    assert await diary.reserve(slot(now - 5 * days, minutes=7 * 24 * 60)) is not None
    assert await diary.reserve(slot(now - 4 * days)) is not None
    assert await found(diary) == []
    change = "UPDATE venue_slots SET covers_taken = 9 WHERE venue_id = %s AND bucket = %s"
    for ago, told in ((4, 0), (1, 1), (-1, 2)):
        await do(diary.books, change, diary.venue, now - ago * days)
        assert len(await found(diary)) == told


async def test_a_constraint_that_somebody_has_dropped(diary: Diary) -> None:
    drop = "ALTER TABLE venue_slots DROP CONSTRAINT venue_slots_covers"
    async with diary.books.connection() as connection, connection.transaction(force_rollback=True):
        await connection.execute(drop)
        query = next(q for q in PLACES.queries if "constraints missing" in q.sql)
        rows = await (await connection.execute(query.sql.encode())).fetchall()
        assert [what for _, _, what in rows] == [
            "constraints missing: venue_slots_covers on venue_slots"
        ]
    async with diary.books.connection() as connection:
        assert await (await connection.execute(query.sql.encode())).fetchall() == []
