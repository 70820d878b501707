"""The trip planner hears what is booked and what is open again, also after it was away."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from activities.outbox.planner import PlannerSink
from activities.outbox.sinks import SinkService
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.core.outbox import events_after, sequence
from models.trips.messages import BookTripRequest
from models.trips.repository import lock_trip_option
from settings import Settings
from suppliers.planner import TripPlanner
from tests.ledger.bookings import cancel, confirm, request
from tests.ledger.conftest import Books
from tests.suppliers.conftest import PATIENCE, Reply, Scripted

S = BookingState
OK = Reply(200, {})


class World:
    """The record, and a planner that answers as it is told to."""

    def __init__(self, books: Books, scripted: Scripted, planner: TripPlanner) -> None:
        self.books = books
        self.scripted = scripted
        self.sink = PlannerSink(books.sessions, planner)
        self.service = SinkService(books.sessions, self.sink)

    async def booked(self, booking_request: BookTripRequest | None = None) -> Booking:
        """A trip whose option is locked for it, confirmed."""
        booking_request = booking_request or request()
        begun = await self.books.begin(booking_request)
        async with self.books.sessions.begin() as session:
            assert await lock_trip_option(session, booking_request) is None
        begun = await self.books.record(begun, S.PROCESSING)
        return await self.books.record(confirm(begun), S.CONFIRMED)

    async def cancelled(self, booking: Booking) -> Booking:
        return await self.books.record(cancel(booking, {1: 0, 2: 0, 3: 0}), S.CANCELLED)

    async def tell(self) -> bool | None:
        """Deliver what there is; None when the planner is away."""
        async with self.books.sessions.begin() as session:
            while await sequence(session):
                pass
        while (more := await self.service.serve()) is True:
            pass
        return more

    @property
    def heard(self) -> list[tuple[str, str, str]]:
        """Option, status and booking of every request."""
        return [
            (path.split("/")[2], body["status"], body["bookingId"])
            for path, body in self.scripted.requests
        ]


@pytest.fixture
async def world(scratch: Books, scripted: Scripted) -> AsyncIterator[World]:
    planner = TripPlanner(
        Settings(trip_planner_url=scripted.url, provider_timeout_seconds=PATIENCE)
    )
    async with scratch.sessions.begin() as session:
        while await sequence(session):
            pass
        await session.execute(
            text("UPDATE event_sinks SET position = (SELECT last FROM event_counter)")
        )
        await session.execute(text("UPDATE event_sinks SET leased_until = NULL, leased_by = NULL"))
        await session.execute(text("DELETE FROM event_dead_letters"))
        await session.execute(text("DELETE FROM cases WHERE kind = 'EVENT'"))
    scripted.say("/lock", OK)
    yield World(scratch, scripted, planner)
    await planner.close()


async def dead_letters(world: World) -> int:
    async with world.books.sessions() as session:
        return await session.scalar(text("SELECT count(*) FROM event_dead_letters")) or 0


async def test_it_hears_booked_and_open_in_order(world: World) -> None:
    booking = await world.booked()
    assert await world.tell() is False
    await world.cancelled(booking)
    assert await world.tell() is False
    option = booking.trip_option_id
    assert world.heard == [(option, "BOOKED", booking.id), (option, "OPEN", booking.id)]


async def test_it_hears_of_a_booking_that_was_made_while_it_was_away(world: World) -> None:
    world.scripted.say("/lock", Reply(503, {}))
    booking = await world.booked()
    assert await world.tell() is None
    assert await world.tell() is None
    tried = len(world.heard)
    world.scripted.say("/lock", OK)
    assert await world.tell() is False
    assert world.heard[tried:] == [(booking.trip_option_id, "BOOKED", booking.id)]


async def test_what_cancelled_out_meanwhile_is_only_told_as_it_is_now(world: World) -> None:
    world.scripted.say("/lock", Reply(503, {}))
    booking = await world.cancelled(await world.booked())
    assert await world.tell() is None
    tried = len(world.heard)
    world.scripted.say("/lock", OK)
    assert await world.tell() is False
    assert {status for _, status, _ in world.heard[tried:]} == {"OPEN"}
    assert world.heard[tried] == (booking.trip_option_id, "OPEN", booking.id)


async def test_a_trip_that_was_handed_in_is_none_of_its(world: World) -> None:
    new = request()
    trip = new.trip.model_copy(update={"trip_option_id": new.booking_id})
    await world.cancelled(await world.booked(new.model_copy(update={"trip": trip})))
    assert await world.tell() is False
    assert world.heard == []
    assert await dead_letters(world) == 0


async def test_nothing_is_told_of_the_money_of_a_booking(world: World) -> None:
    booking = await world.booked()
    await world.tell()
    await world.books.record(booking, S.CONFIRMED)
    await world.tell()
    assert len(world.heard) == 1


async def test_an_option_goes_from_one_booking_to_the_next_in_this_order(world: World) -> None:
    booking_request = request()
    first = await world.cancelled(await world.booked(booking_request))
    second = await world.booked(request().model_copy(update={"trip": booking_request.trip}))
    await world.tell()
    option = booking_request.trip.trip_option_id
    assert world.heard == [
        (option, "OPEN", first.id),  # for BOOKED
        (option, "OPEN", first.id),
        (option, "BOOKED", second.id),
    ]


async def test_an_option_that_another_booking_has_by_now_is_open_to_us(world: World) -> None:
    booking = await world.booked()
    await world.tell()
    await world.cancelled(booking)
    world.scripted.say("/lock", Reply(409, {}))
    assert await world.tell() is False
    assert await dead_letters(world) == 0


async def test_a_planner_that_refuses_gets_the_next_event(world: World) -> None:
    world.scripted.say("/lock", Reply(404, {}), OK)
    await world.booked()
    other = await world.booked()
    assert await world.tell() is False
    assert await dead_letters(world) == 1
    assert (other.trip_option_id, "BOOKED", other.id) in world.heard


async def test_a_worker_that_told_something_old_mends_it(world: World) -> None:
    """It read BOOKED and was paused; the booking was cancelled, and another worker told OPEN."""
    booking = await world.booked()
    async with world.books.sessions.begin() as session:
        await sequence(session)
        last = await session.scalar(text("SELECT last FROM event_counter")) or 0
        event = (await events_after(session, last - 2, 1))[0]
    assert event.type == "booking.status_changed"
    resumed = asyncio.Event()
    world.scripted.say("/lock", Reply(200, {}, until=resumed))
    telling = asyncio.create_task(world.sink.deliver(event))
    while not world.heard:
        await asyncio.sleep(0.01)
    await world.cancelled(booking)
    resumed.set()
    await telling
    assert [status for _, status, _ in world.heard] == ["BOOKED", "OPEN"]
