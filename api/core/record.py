"""Reads of the record for callers. Ownership stands in the WHERE, not after the read (S5)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TypeVar

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from models.bookings.repository import (
    EndedRequest,
    Found,
    find_booking,
    is_begun,
    load_ended_request,
)
from models.bookings.tables import BOOKINGS
from models.core.database import DATABASE_AWAY, Sessions, autocommit, direct, repeated
from models.core.domain_errors import TooManyReads
from models.trips.repository import StoredChange, load_change

Read = TypeVar("Read")
Opened = TypeVar("Opened", AsyncSession, AsyncConnection)

PATIENCE_SECONDS = 6
"""How long a read may take; a database that hangs is one that is away."""
QUEUE_SECONDS = 3.0
"""How long a read waits for its turn; then its caller is asked to come again."""


NOT_READ = (TooManyReads, TimeoutError, *DATABASE_AWAY)
"""How a read may fail that says nothing about the booking: what was accepted is still accepted."""


class Record:
    """The database: bookings are only read, for only workflows write them."""

    def __init__(self, sessions: Sessions, *, at_once: int) -> None:
        """Prepare; ``at_once`` reads run in this process together, the others wait their turn."""
        self._sessions = sessions
        self._turns = asyncio.Semaphore(at_once)

    async def read(
        self, query: Callable[[AsyncSession], Awaitable[Read]], *, snapshot: bool = False
    ) -> Read:
        """Run a read; once more when its pooled connection turns out to be dead.

        Each statement is a transaction of its own; with ``snapshot`` all are one transaction,
        whose isolation the query may choose.

        After a restart of the database every pooled connection is dead, and the first use of
        one makes SQLAlchemy drop them all: the second attempt speaks to the database itself.

        Raises:
            TooManyReads: its turn did not come in time.
            OperationalError, InterfaceError, TimeoutError: the database does not answer.
        """
        opened = self._sessions if snapshot else partial(autocommit, self._sessions)
        return await self._twice(opened, query)

    async def look(self, query: Callable[[AsyncConnection], Awaitable[Read]]) -> Read:
        """Run a read as :meth:`read` does, of rows alone: without a session it takes less CPU.

        Raises:
            TooManyReads, OperationalError, InterfaceError, TimeoutError: likewise.
        """
        return await self._twice(partial(direct, self._sessions), query)

    async def _twice(
        self,
        opened: Callable[[], AbstractAsyncContextManager[Opened]],
        query: Callable[[Opened], Awaitable[Read]],
    ) -> Read:
        async with self._turn(), asyncio.timeout(PATIENCE_SECONDS):
            try:
                async with opened() as connection:
                    return await query(connection)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            async with opened() as connection:
                return await query(connection)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(QUEUE_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            raise TooManyReads from None
        try:
            yield
        finally:
            self._turns.release()

    async def write(self, work: Callable[[AsyncSession], Awaitable[Read]]) -> Read:
        """Do work that may be repeated in a transaction.

        It is done again when its connection was dead, or another transaction was in its way.

        Raises:
            OperationalError, InterfaceError, TimeoutError: the database does not answer.
        """

        async def transaction() -> Read:
            async with self._sessions.begin() as session:
                return await work(session)

        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                return await repeated(transaction)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            return await repeated(transaction)

    async def statement(self, work: Callable[[AsyncConnection], Awaitable[Read]]) -> Read:
        """Run one statement that may be repeated, a transaction of its own; twice, as ``write``.

        Raises:
            OperationalError, InterfaceError, TimeoutError: the database does not answer.
        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                async with direct(self._sessions) as connection:
                    return await work(connection)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            async with direct(self._sessions) as connection:
                return await work(connection)

    async def find(
        self, booking_id: str, owner: str | None, *, attempts: bool = False
    ) -> Found | None:
        """Return a booking of ``owner``; of anybody when None (operators)."""
        return await self.look(
            lambda connection: find_booking(connection, booking_id, owner, attempts=attempts)
        )

    async def id_of(self, reference: str, owner: str | None) -> str | None:
        """Return the id of the booking with this human reference."""

        async def query(connection: AsyncConnection) -> str | None:
            statement = select(BOOKINGS.c.id).where(BOOKINGS.c.reference == reference)
            if owner is not None:
                statement = statement.where(BOOKINGS.c.caller_id == owner)
            found: str | None = await connection.scalar(statement)
            return found

        return await self.look(query)

    async def change(self, change_id: str) -> StoredChange | None:
        """Return a change of a booking as recorded; None when it is not."""
        return await self.read(lambda session: load_change(session, change_id))

    async def ended_request(self, request_id: str) -> EndedRequest | None:
        """Return how a request about a booking ended; None when it has not."""
        return await self.read(lambda session: load_ended_request(session, request_id))

    async def request_begun(self, request_id: str) -> bool:
        """Tell whether a request about a booking is being carried out, or has ended."""
        return await self.read(lambda session: is_begun(session, request_id))

    async def check(self) -> None:
        """Prove that the database answers and has our tables."""
        await self.read(lambda session: session.execute(text("SELECT 1 FROM bookings LIMIT 1")))
