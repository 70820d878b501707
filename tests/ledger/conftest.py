"""A ledger on the real database, written by the record's own transitions."""

import datetime as dt
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from localworld.shared import Servers
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import CaseNote, Transition
from models.bookings.repository import load_booking, record_transition
from models.core.database import create_engine, create_sessions, repeated
from models.core.fencing import Fence
from models.kinds import HOOKS
from models.ledger.checking import Findings, check
from models.ledger.entries import Entry
from models.ledger.reading import load_entries
from models.trips.messages import BookTripRequest, OpenBooking
from models.trips.repository import OPENED, insert_trip
from settings import Settings
from tests.commands.conftest import tripsaga as tripsaga
from tests.commands.conftest import var as var
from tests.ledger.bookings import NOON, TOTAL, TOUR, Journal, cancel, confirm, refund, request
from tests.support.databases import migrated_database

Answer = TypeVar("Answer")
S = BookingState


class Books:
    """The record and the ledger, as an activity of the worker would use them."""

    def __init__(self, database_url: str) -> None:
        self.url = database_url
        self.engine = create_engine(
            Settings(database={"url": database_url}).database.sqlalchemy_url
        )
        self.sessions = create_sessions(self.engine)

    async def open(self, **options: Any) -> Booking:
        """A new booking on record, about to be paid."""
        booking_request = request(**options)
        return await self.record(await self.begin(booking_request), S.PROCESSING)

    async def begin(self, booking_request: BookTripRequest, at: dt.datetime = NOON) -> Booking:
        """A new booking on record, being validated."""
        async with self.sessions.begin() as session:
            await insert_trip(session, OpenBooking(request=booking_request, run="test"), at)
        booking = booking_request.new_booking(at)
        booking.state, booking.version = S.VALIDATING, OPENED
        return booking

    async def record(
        self,
        booking: Booking,
        state: BookingState,
        *,
        who: str = "test",
        why: str = "a test wants it",
        fence: Fence | None = None,
        cases: Sequence[CaseNote] = (),
    ) -> Booking:
        """Record a transition; returns the booking as the workflow goes on with it."""
        following = booking.model_copy(deep=True, update={"state": state})
        following.updated_at = dt.datetime.now(dt.UTC)
        transition = Transition(
            booking=following,
            from_state=booking.state,
            who=who,
            why=why,
            fence=fence,
            cases=list(cases),
        )

        async def write() -> int:
            async with self.sessions.begin() as session:
                return await record_transition(session, transition, HOOKS)

        # As the activity does: selling a claim and making another may be in each other's way.
        version = await repeated(write)
        following.version = version
        return following

    async def paid_before_the_ledger(
        self, booking: Booking, *, before_tables: bool = False
    ) -> Booking:
        """Write a booking that was confirmed and cancelled in part, as older code recorded it.

        ``before_tables``: when refunds were JSON in their payment's row.
        """
        kept = 10_000
        cancel(confirm(booking), {3: kept})
        refund(booking, TOUR - kept)
        async with self.connection() as connection:
            for state in ("PROCESSING", "CONFIRMED"):
                await connection.execute(
                    "UPDATE bookings SET state = %s, version = version + 1, captured = %s,"
                    " refunded = %s, confirmed_at = %s WHERE id = %s AND state <> %s",
                    (state, TOTAL, TOUR - kept, NOON, booking.id, state),
                )
            for item in booking.items:
                await connection.execute(
                    "UPDATE booking_items SET status = %s, fee = %s, booked_at = %s,"
                    " cancelled_at = %s WHERE booking_id = %s AND number = %s",
                    (
                        item.status,
                        item.fee,
                        item.booked_at,
                        item.cancelled_at,
                        booking.id,
                        item.number,
                    ),
                )
            await connection.execute(
                "UPDATE payments SET payment_intent_id = %s, captured = %s, refunded = %s"
                " WHERE booking_id = %s",
                (booking.payment.id, TOTAL, TOUR - kept, booking.id),
            )
            (given,) = booking.payment.refunds
            if before_tables:
                await connection.execute(
                    "UPDATE payments SET refunds = %s WHERE booking_id = %s",
                    (json.dumps([given.model_dump(mode="json")]), booking.id),
                )
            else:
                await connection.execute(
                    "INSERT INTO refunds (booking_id, number, payment_number, payment_intent_id,"
                    " amount, currency, reason, status, gateway_id, made_at, recorded_in)"
                    " VALUES (%s, 1, 1, %s, %s, 'USD', '', %s, %s, %s, 4)",
                    (
                        booking.id,
                        booking.payment.id,
                        given.amount,
                        given.status,
                        given.id,
                        given.at,
                    ),
                )
        return booking

    async def stored(self, booking: Booking) -> Booking:
        found = await self.read(lambda session: load_booking(session, booking.id))
        assert found is not None
        return found

    async def entries(self, booking: Booking) -> list[Entry]:
        sealed = await self.read(lambda session: load_entries(session, booking.id))
        return [one.entry for one in sealed]

    async def totals(self, booking: Booking) -> dict[str, int]:
        journal = Journal()
        journal.entries = await self.entries(booking)
        return journal.totals()

    async def check(self, since: dt.datetime | None = None) -> Findings:
        return await self.read(lambda session: check(session, since))

    async def wrong(self, booking: Booking) -> list[str]:
        """What the check says against one booking; the database is shared by tests."""
        found = await self.check(since=booking.updated_at)
        return [one.kind for one in found.violations if one.booking_id == booking.id]

    async def cases(self, booking: Booking) -> list[tuple[str, bool]]:
        """Kind of every case of a booking, and whether it is open."""

        async def query(session: AsyncSession) -> list[tuple[str, bool]]:
            rows = await session.execute(
                text(
                    "SELECT kind, resolved_at IS NULL FROM cases WHERE booking_id = :id ORDER BY id"
                ),
                {"id": booking.id},
            )
            return [(kind, is_open) for kind, is_open in rows]

        return await self.read(query)

    async def read(self, query: Callable[[AsyncSession], Awaitable[Answer]]) -> Answer:
        async with self.sessions() as session:
            return await query(session)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
        """A connection that goes around all our code."""
        connection = await psycopg.AsyncConnection.connect(self.url)
        async with connection:
            yield connection


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    made = Books(database_url)
    yield made
    await made.engine.dispose()


@pytest.fixture(scope="module")
def scratch_url(shared_servers: Servers) -> str:
    """A migrated database of one module's own, for what must not be left in a shared one."""
    return migrated_database(shared_servers)


@pytest.fixture
async def scratch(scratch_url: str) -> AsyncIterator[Books]:
    made = Books(scratch_url)
    yield made
    await made.engine.dispose()
