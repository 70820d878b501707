"""Reads of the record for callers. Ownership stands in the WHERE, not after the read (S5)."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking, HistoryEntry
from models.bookings.lifecycle import BookingState
from models.bookings.repository import (
    EndedRequest,
    load_booking,
    load_ended_request,
    load_history,
)
from models.bookings.tables import BOOKINGS
from models.core.database import Sessions
from models.trips.changes import ChangeOutcome
from models.trips.tables import CHANGES

Read = TypeVar("Read")

PATIENCE_SECONDS = 6
"""How long a read may take; a database that hangs is one that is away."""


@dataclass(frozen=True)
class Stored:
    """A booking as recorded."""

    booking: Booking
    fingerprint: str
    """Of the request that made it."""


@dataclass(frozen=True)
class StoredChange:
    """A change of a booking as recorded."""

    fingerprint: str
    """Of the request that asked for it."""
    outcome: ChangeOutcome | None
    """None: it has not ended."""


def is_booking_id(text_: str) -> bool:
    """Tell whether ``text_`` is written as we write booking ids."""
    try:
        return str(uuid.UUID(text_)) == text_
    except ValueError:
        return False


class Record:
    """The database: bookings are only read, for only workflows write them."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def read(self, query: Callable[[AsyncSession], Awaitable[Read]]) -> Read:
        """Run a read; once more when its pooled connection turns out to be dead.

        After a restart of the database every pooled connection is dead, and the first use of
        one makes SQLAlchemy drop them all: the second attempt speaks to the database itself.

        Raises:
            OperationalError, InterfaceError, TimeoutError: the database does not answer.
        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                async with self._sessions() as session:
                    return await query(session)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            async with self._sessions() as session:
                return await query(session)

    async def write(self, work: Callable[[AsyncSession], Awaitable[Read]]) -> Read:
        """Do work that may be repeated in a transaction; twice, when its connection was dead.

        Raises:
            OperationalError, InterfaceError, TimeoutError: the database does not answer.
        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                async with self._sessions.begin() as session:
                    return await work(session)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            async with self._sessions.begin() as session:
                return await work(session)

    async def booking(self, booking_id: str, owner: str | None) -> Stored | None:
        """Return a booking of ``owner``; of anybody when None (operators)."""

        async def query(session: AsyncSession) -> Stored | None:
            wanted = select(BOOKINGS.c.fingerprint).where(BOOKINGS.c.id == booking_id)
            if owner is not None:
                wanted = wanted.where(BOOKINGS.c.caller_id == owner)
            fingerprint = await session.scalar(wanted)
            if fingerprint is None:
                return None
            booking = await load_booking(session, booking_id)
            return Stored(booking, fingerprint) if booking else None

        return await self.read(query)

    async def id_of(self, reference: str, owner: str | None) -> str | None:
        """Return the id of the booking with this human reference."""

        async def query(session: AsyncSession) -> str | None:
            wanted = select(BOOKINGS.c.id).where(BOOKINGS.c.reference == reference)
            if owner is not None:
                wanted = wanted.where(BOOKINGS.c.caller_id == owner)
            found: str | None = await session.scalar(wanted)
            return found

        return await self.read(query)

    async def state(self, booking_id: str) -> BookingState | None:
        """Return where a booking stands, by its primary key; for waiting."""

        async def query(session: AsyncSession) -> str | None:
            found: str | None = await session.scalar(
                select(BOOKINGS.c.state).where(BOOKINGS.c.id == booking_id)
            )
            return found

        state = await self.read(query)
        return BookingState(state) if state else None

    async def change(self, change_id: str) -> StoredChange | None:
        """Return a change of a booking as recorded; None when it is not."""

        async def query(session: AsyncSession) -> StoredChange | None:
            table = CHANGES.c
            row = (
                await session.execute(
                    select(table.fingerprint, table.outcome).where(table.id == change_id)
                )
            ).one_or_none()
            if row is None:
                return None
            outcome = ChangeOutcome.model_validate(row.outcome) if row.outcome else None
            return StoredChange(fingerprint=row.fingerprint, outcome=outcome)

        return await self.read(query)

    async def ended_request(self, request_id: str) -> EndedRequest | None:
        """Return how a request about a booking ended; None when it has not."""
        return await self.read(lambda session: load_ended_request(session, request_id))

    async def history(self, booking_id: str) -> list[HistoryEntry]:
        """Return the recorded transitions of a booking, oldest first."""
        return await self.read(lambda session: load_history(session, booking_id))

    async def check(self) -> None:
        """Prove that the database answers and has our tables."""
        await self.read(lambda session: session.execute(text("SELECT 1 FROM bookings LIMIT 1")))
