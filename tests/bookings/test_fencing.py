"""A worker that was paused never overwrites what its successor recorded."""

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.trips.changes import ChangeActivities
from activities.trips.record import BookingActivities
from models.bookings.booking import Booking
from models.bookings.changes import ChangeNote, ChangeOutcome
from models.bookings.lifecycle import BookingState, may_become
from models.bookings.messages import BookingRequest, EndedRequests, RequestKind, RequestOutcome
from models.bookings.problems import Code, Problem
from models.bookings.repository import (
    StaleVersionError,
    claim_booking,
    find_booking,
    load_ended_request,
    save_quotes,
)
from models.core.fencing import Fence
from models.trips.messages import OpenBooking
from models.trips.tables import CHANGES
from tests.ledger.bookings import NOON, TOTAL, confirm, quote, request
from tests.ledger.conftest import Books

if TYPE_CHECKING:
    from activities.trips.quotes import QuoteActivities

S = BookingState
RUN = 1_900_000_000_000_000
EARLY, LATE = [RUN, 3, RUN + 1], [RUN, 6, RUN + 10_000_000]


async def opened(books: Books) -> Booking:
    return await books.begin(request())


async def who(books: Books, booking: Booking) -> list[str]:
    found = await books.read(lambda session: find_booking(session, booking.id, owner=None))
    assert found is not None
    return [entry.who for entry in found.history[2:]]


async def test_what_a_successor_recorded_stays(books: Books) -> None:
    """The states are equal and the content is not: the successor knows of money, the other not."""
    paused = await books.record(await opened(books), S.PROCESSING, who="paused", fence=EARLY)
    successor = await books.record(
        confirm(paused.model_copy(deep=True)), S.CONFIRMED, who="successor", fence=LATE
    )
    with pytest.raises(StaleVersionError, match="successor"):
        await books.record(successor.model_copy(deep=True), S.CONFIRMED, fence=EARLY)
    with pytest.raises(StaleVersionError):
        await books.record(paused, S.CONFIRMED, fence=EARLY)
    stored = await books.stored(paused)
    assert (stored.version, stored.captured) == (successor.version, TOTAL)
    assert await who(books, paused) == ["paused", "successor"]


async def test_a_successor_that_decides_otherwise_is_followed(books: Books) -> None:
    begun = await opened(books)
    await books.record(begun, S.PROCESSING, who="paused", fence=EARLY)
    failed = await books.record(begun, S.FAILED, who="successor", fence=LATE)
    assert await who(books, begun) == ["paused", "successor"]
    assert (await books.stored(begun)).version == failed.version == 4


async def test_equal_states_with_other_content_are_no_repeat(books: Books) -> None:
    begun = await opened(books)
    first = begun.model_copy(deep=True)
    await books.record(first, S.PROCESSING, who="saga", fence=EARLY)
    second = begun.model_copy(deep=True)
    second.warnings = ["the price is another one now"]
    await books.record(second, S.PROCESSING, who="saga", fence=LATE)
    assert (await books.stored(begun)).warnings == second.warnings
    assert len(await who(books, begun)) == 2


async def test_a_repeat_changes_nothing_and_keeps_the_one_before_out(books: Books) -> None:
    begun = await opened(books)
    first = await books.record(begun, S.PROCESSING, fence=EARLY)
    again = await books.record(begun, S.PROCESSING, fence=LATE)
    assert again.version == first.version
    assert len(await who(books, begun)) == 1
    with pytest.raises(StaleVersionError):
        await books.record(first, S.CONFIRMED, fence=EARLY)


async def test_the_task_that_is_tried_again_has_an_equal_length_and_a_later_start(
    books: Books,
) -> None:
    """Third and later attempts at a workflow task see the same history (docs/decisions/0031)."""
    second, third = [RUN, 6, RUN + 10], [RUN, 6, RUN + 20]
    begun = await opened(books)
    await books.record(begun, S.PROCESSING, fence=third)
    with pytest.raises(StaleVersionError):
        await books.record(begun, S.FAILED, fence=second)


async def test_a_later_run_comes_after_a_longer_one(books: Books) -> None:
    begun = await opened(books)
    long_run, next_run = [RUN, 900, RUN + 50], [RUN + 1_000_000, 3, RUN + 1_000_050]
    first = await books.record(begun, S.PROCESSING, fence=long_run)
    await books.record(first, S.FAILED, fence=next_run)
    with pytest.raises(StaleVersionError):
        await books.record(first, S.CANCELLED, fence=long_run)


async def test_opening_a_booking_again_keeps_the_worker_before_out(books: Books) -> None:
    activities, environment = BookingActivities(books.sessions), ActivityEnvironment()
    booking_request = request()
    opening = OpenBooking(request=booking_request, run="run", fence=EARLY)
    opened_first = await environment.run(activities.open_booking, opening)
    await environment.run(activities.open_booking, opening.model_copy(update={"fence": LATE}))
    booking = booking_request.new_booking(NOON)
    booking.state, booking.version = S.VALIDATING, opened_first.version
    with pytest.raises(StaleVersionError):
        await books.record(booking, S.PROCESSING, fence=EARLY)


async def test_quotes_that_a_successor_saved_stay(books: Books) -> None:
    begun = await opened(books)
    async with books.sessions.begin() as session:
        await save_quotes(session, begun.id, {1: quote(200)}, LATE)
    with pytest.raises(StaleVersionError):
        async with books.sessions.begin() as session:
            await save_quotes(session, begun.id, {1: quote(100)}, EARLY)
    assert (await books.stored(begun)).item(1).price == 200


async def test_a_request_is_not_ended_by_a_worker_that_was_replaced(books: Books) -> None:
    activities, environment = BookingActivities(books.sessions), ActivityEnvironment()
    begun = await opened(books)
    asked = BookingRequest(
        id=str(uuid.uuid4()), kind=RequestKind.CANCEL, requested_at=NOON, who="ada", body={}
    )
    refused = Problem(code=Code.NOT_CANCELLABLE, step="cancel", message="no")
    ended = EndedRequests(
        booking_id=begun.id, outcomes=[RequestOutcome(request=asked, problem=refused)], fence=EARLY
    )
    async with books.sessions.begin() as session:
        await claim_booking(session, begun.id, LATE)
    with pytest.raises(ApplicationError, match="successor"):
        await environment.run(activities.end_requests, ended)
    assert await books.read(lambda session: load_ended_request(session, asked.id)) is None
    await environment.run(activities.end_requests, ended.model_copy(update={"fence": LATE}))
    assert await books.read(lambda session: load_ended_request(session, asked.id)) is not None


async def test_a_change_is_not_refused_by_a_worker_that_was_replaced(books: Books) -> None:
    begun = await opened(books)
    note = ChangeNote(change_id=str(uuid.uuid4()), outcome=ChangeOutcome(), fence=EARLY)
    async with books.sessions.begin() as session:
        await session.execute(
            insert(CHANGES).values(
                id=note.change_id, booking_id=begun.id, fingerprint="f", who="ada", requested={}
            )
        )
        await claim_booking(session, begun.id, LATE)
    # Nothing is quoted here.
    activities = ChangeActivities(books.sessions, cast("QuoteActivities", None))
    with pytest.raises(ApplicationError, match="successor"):
        await ActivityEnvironment().run(activities.end_change, note)
    status = select(CHANGES.c.status).where(CHANGES.c.id == note.change_id)
    assert await books.read(lambda session: session.scalar(status)) == "open"


async def test_the_database_refuses_a_lower_fence_as_well(books: Books) -> None:
    begun = await opened(books)
    async with books.sessions.begin() as session:
        await claim_booking(session, begun.id, LATE)
    with pytest.raises(StaleVersionError):
        async with books.sessions.begin() as session:
            await claim_booking(session, begun.id, EARLY)
    async with books.connection() as connection:
        found = await connection.execute("SELECT fence FROM bookings WHERE id = %s", [begun.id])
        assert await found.fetchone() == (LATE,)
        with pytest.raises(psycopg.errors.CheckViolation, match="later worker"):
            await connection.execute(
                "UPDATE bookings SET fence = %s, state = 'PROCESSING', version = 3 WHERE id = %s",
                [EARLY, begun.id],
            )


# -- any order -----------------------------------------------------------------------------------


@dataclass
class Worker:
    """One of several that take the same booking through its steps, each as it decides."""

    name: str
    fence: Fence
    booking: Booking
    steps: list[BookingState]


STORIES = [
    [S.PROCESSING, S.CONFIRMED, S.CONFIRMED],
    [S.PROCESSING, S.PAYMENT_PENDING, S.PROCESSING, S.CONFIRMED],
    [S.PROCESSING, S.FAILED],
    [S.CANCELLED],
]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    stories=st.lists(st.sampled_from(STORIES), min_size=3, max_size=3),
    order=st.lists(st.integers(0, 2), max_size=14),
)
async def test_any_order_of_paused_and_resumed_workers(
    books: Books, stories: list[list[BookingState]], order: list[int]
) -> None:
    begun = await opened(books)
    workers = [
        Worker(
            str(number), [RUN, 3 * (number + 1), RUN + number], begun.model_copy(deep=True), list(s)
        )
        for number, s in enumerate(stories)
    ]
    highest = -1
    for number in order:
        worker = workers[number]
        if not worker.steps:
            continue
        state = worker.steps.pop(0)
        content = worker.booking.model_copy(deep=True)
        content.warnings = [*content.warnings, worker.name]
        try:
            worker.booking = await books.record(
                content, state, who=worker.name, why=str(state), fence=worker.fence
            )
        except StaleVersionError:
            stored = await books.stored(begun)
            assert number < highest or not may_become(begun.kind, stored.state, state)
            worker.steps.clear()
            continue
        assert number >= highest, "a paused worker wrote after its successor"
        highest = number
    names = await who(books, begun)
    assert names == sorted(names)
    if names:
        assert (await books.stored(begun)).warnings[-1] == names[-1]
