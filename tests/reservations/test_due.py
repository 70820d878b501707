"""What is due is written by the transition that makes it true, and done by whoever looks first."""

import asyncio
import datetime as dt
import uuid
from typing import Any

import pytest

from activities.reservations.lifecycle import Lifecycle
from models.bookings.booking import Booking
from models.bookings.due import claim_due
from models.bookings.lifecycle import BookingState
from models.bookings.messages import BookingRequest, RequestKind, RequestOutcome
from models.bookings.repository import begin_request, end_requests
from settings import Settings
from temporal import connect, patience
from tests.ledger.conftest import Books
from tests.ledger.conftest import scratch as scratch
from tests.ledger.conftest import scratch_url as scratch_url
from tests.reservations.books import HOUR, Diary, slot

S = BookingState


def ago(**time: float) -> dt.datetime:
    """So long ago, or up to a minute more: slots begin at whole minutes."""
    now = dt.datetime.now(dt.UTC) - dt.timedelta(**time)
    return now.replace(second=0, microsecond=0)


@pytest.fixture
async def diary(scratch: Books) -> Diary:
    """A venue of a database in which nobody else makes rounds."""
    made = Diary(scratch)
    await made.open_venue()
    async with scratch.connection() as connection:
        await connection.execute("DELETE FROM booking_due")
    return made


@pytest.fixture
async def lifecycle(scratch: Books, temporal_address: str) -> Lifecycle:
    settings = Settings(database={"url": scratch.url}, temporal={"address": temporal_address})
    client = await connect(settings, lazy=True)
    return Lifecycle(scratch.sessions, client, patience(settings))


async def come_to(
    diary: Diary, *states: BookingState, starts_at: dt.datetime | None = None
) -> Booking:
    """A reservation that has come to a state."""
    booking = await diary.reserve(slot(starts_at) if starts_at else slot())
    assert booking is not None
    for state in states:
        booking = await diary.books.record(booking, state)
    return booking


async def rows(diary: Diary, booking: Booking) -> list[tuple[Any, ...]]:
    async with diary.books.connection() as connection:
        found = await connection.execute(
            "SELECT action, due_at FROM booking_due WHERE booking_id = %s ORDER BY action",
            (booking.id,),
        )
        return await found.fetchall()


async def last_step(diary: Diary, booking: Booking) -> tuple[str, str, str]:
    async with diary.books.connection() as connection:
        found = await connection.execute(
            "SELECT to_state, who, why FROM booking_history WHERE booking_id = %s"
            " ORDER BY version DESC LIMIT 1",
            (booking.id,),
        )
        (row,) = await found.fetchall()
    return row[0], row[1], row[2]


@pytest.mark.parametrize(
    ("states", "action"),
    [
        ([S.HELD], "EXPIRE_HOLD"),
        ([S.HELD, S.PROCESSING], None),
        ([S.HELD, S.EXPIRED], None),
        ([S.CONFIRMED], "NO_SHOW"),
        ([S.CONFIRMED, S.CHECKED_IN], "COMPLETE"),
        ([S.CONFIRMED, S.CHECKED_IN, S.CONFIRMED], "NO_SHOW"),
        ([S.CONFIRMED, S.NO_SHOW], None),
        ([S.CONFIRMED, S.NO_SHOW, S.CHECKED_IN], "COMPLETE"),
        ([S.CONFIRMED, S.CANCELLED], None),
    ],
    ids=lambda one: "-".join(one) if isinstance(one, list) else one,
)
async def test_a_transition_replaces_what_is_due(
    diary: Diary, states: list[BookingState], action: str | None
) -> None:
    await diary.open_venue(check_in="tracked")
    booking = await come_to(diary, *states)
    assert [row[0] for row in await rows(diary, booking)] == ([action] if action else [])


async def test_a_reservation_that_is_moved_is_not_met_by_its_old_deadline(diary: Diary) -> None:
    booking = await come_to(diary, S.CONFIRMED)
    ((_, before),) = await rows(diary, booking)
    async with diary.books.connection() as connection:
        await connection.execute(
            "UPDATE reservations SET starts_at = starts_at + interval '1 day',"
            " ends_at = ends_at + interval '1 day' WHERE booking_id = %s",
            (booking.id,),
        )
    await diary.books.record(booking, S.CONFIRMED)
    assert await rows(diary, booking) == [("COMPLETE", before + dt.timedelta(days=1))]


async def test_trips_have_none(scratch: Books) -> None:
    booking = await scratch.open()
    async with scratch.connection() as connection:
        found = await connection.execute(
            "SELECT count(*) FROM booking_due WHERE booking_id = %s", (booking.id,)
        )
        assert await found.fetchone() == (0,)


async def test_a_guest_who_does_not_come_is_a_no_show(diary: Diary, lifecycle: Lifecycle) -> None:
    await diary.open_venue(check_in="tracked")
    begins = ago(minutes=31)
    late = await come_to(diary, S.CONFIRMED, starts_at=begins)
    in_time = await come_to(diary, S.CONFIRMED, starts_at=ago(minutes=28))
    await lifecycle.round()
    assert (await diary.books.stored(in_time)).state is S.CONFIRMED
    state, who, why = await last_step(diary, late)
    assert (state, who) == ("NO_SHOW", "schedule")
    assert why.startswith("no check-in by 20")
    assert why.endswith(" Europe/Berlin (grace 30 min)")
    assert await rows(diary, late) == []


async def test_a_hotel_waits_longer_unless_its_policy_names_minutes(
    diary: Diary, lifecycle: Lifecycle
) -> None:
    diary.type = "HOTEL"
    await diary.open_venue(check_in="tracked")
    begins = ago(minutes=31)
    late = await come_to(diary, S.CONFIRMED, starts_at=begins)
    ((what, when),) = await rows(diary, late)
    assert (what, when > begins + 3 * HOUR) == ("NO_SHOW", True)
    await diary.open_venue(check_in="tracked", no_show_grace_minutes=30)
    late = await come_to(diary, S.CONFIRMED, starts_at=begins)
    await lifecycle.round()
    assert (await diary.books.stored(late)).state is S.NO_SHOW


@pytest.mark.parametrize("states", [[S.CONFIRMED], [S.CONFIRMED, S.CHECKED_IN]])
async def test_a_visit_is_over_when_it_ends(
    diary: Diary, lifecycle: Lifecycle, states: list[BookingState]
) -> None:
    if S.CHECKED_IN in states:
        await diary.open_venue(check_in="tracked", no_show_grace_minutes=1_440)
    over = await come_to(diary, *states, starts_at=ago(hours=2))
    there = await come_to(diary, *states, starts_at=ago(hours=1))
    await lifecycle.round()
    state, who, why = await last_step(diary, over)
    assert (state, who) == ("COMPLETED", "schedule")
    assert why.startswith("the visit ended at 20")
    assert (await diary.books.stored(there)).state is states[-1]


async def test_a_rule_that_holds_no_longer_does_nothing(diary: Diary, lifecycle: Lifecycle) -> None:
    """The venue has changed its policy since the row was written."""
    await diary.open_venue(check_in="tracked")
    begins = ago(minutes=40)
    longer = await come_to(diary, S.CONFIRMED, starts_at=begins)
    await diary.open_venue(check_in="tracked", no_show_grace_minutes=90)
    await lifecycle.round()
    assert await rows(diary, longer) == [("NO_SHOW", begins + dt.timedelta(minutes=90))]
    await diary.open_venue()
    async with diary.books.connection() as connection:
        await connection.execute("UPDATE booking_due SET due_at = now()")
    await lifecycle.round()
    assert (await diary.books.stored(longer)).state is S.CONFIRMED
    assert await rows(diary, longer) == [("COMPLETE", begins + 2 * HOUR)]


async def test_nothing_is_done_while_a_request_is_carried_out(
    diary: Diary, lifecycle: Lifecycle
) -> None:
    await diary.open_venue(check_in="tracked")
    booking = await come_to(diary, S.CONFIRMED, starts_at=ago(hours=1))
    request = BookingRequest(
        id=str(uuid.uuid4()), kind=RequestKind.CANCEL, requested_at=ago(minutes=1), who="ada"
    )
    async with diary.books.sessions.begin() as session:
        await begin_request(session, booking.id, request)
    for _ in range(2):  # it is claimed again at once, not when a lease is over
        await lifecycle.round()
        assert (await diary.books.stored(booking)).state is S.CONFIRMED
    async with diary.books.sessions.begin() as session:
        await end_requests(session, booking.id, [RequestOutcome(request=request)])
    await lifecycle.round()
    assert (await diary.books.stored(booking)).state is S.NO_SHOW


async def test_what_is_due_is_one_workers(diary: Diary, lifecycle: Lifecycle) -> None:
    made = [await come_to(diary, S.CONFIRMED, starts_at=ago(hours=3)) for _ in range(6)]

    async def claim() -> set[str]:
        async with diary.books.sessions.begin() as session:
            return {one.booking_id for one in await claim_due(session, 4)}

    first, second = await asyncio.gather(claim(), claim())
    assert not first & second
    assert first | second | await claim() == {booking.id for booking in made}
    assert await claim() == set()
    await lifecycle.round()  # they are others' until the leases run out
    assert (await diary.books.stored(made[0])).state is S.CONFIRMED
    async with diary.books.connection() as connection:
        await connection.execute("UPDATE booking_due SET leased_until = now()")
    await asyncio.gather(*(lifecycle.round() for _ in range(3)))
    for booking in made:
        stored = await diary.books.stored(booking)
        assert (stored.state, stored.version) == (S.COMPLETED, booking.version + 1)


async def test_places_that_were_held_for_too_long_are_free_everywhere(
    diary: Diary, lifecycle: Lifecycle
) -> None:
    """I10: of bookings whose workflow is stuck, at venues where nobody asks."""
    other = Diary(diary.books, diary.caller)
    for one in (diary, other):
        await one.open_venue(capacity_mode="COVERS", covers=8)
        for seconds in (0, 0, 900):
            assert await one.reserve(hold_seconds=seconds) is not None
    await lifecycle.round()
    for one in (diary, other):
        assert await one.claims() == ["EXPIRED", "EXPIRED", "HELD"]
        assert await one.adds_up()
