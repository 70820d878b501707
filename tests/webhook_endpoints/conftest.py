"""The record with its feed, a caller with endpoints, a receiver, and workers of a test's own."""

import asyncio
import datetime as dt
import secrets
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from activities.webhook_endpoints.delivering import Webhooks
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.core.addresses import Reach
from models.core.outbox import sequence
from models.webhook_endpoints.repository import create_endpoint
from models.webhook_endpoints.sending import WebhookSender
from models.webhook_endpoints.signing import secret_of, shown
from models.webhook_endpoints.tables import EndpointRow
from tests.ledger.bookings import confirm, request
from tests.ledger.conftest import Books
from tests.ledger.conftest import scratch as scratch
from tests.ledger.conftest import scratch_url as scratch_url
from tests.webhook_endpoints.receiver import Receiver

S = BookingState
MASTER = secrets.token_bytes(32)


class World:
    """A caller, its bookings and endpoints, and as many workers as a test wants."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.caller = ""
        self.webhooks = self.worker()

    def worker(self, *, timeout: float = 5) -> Webhooks:
        sender = WebhookSender(MASTER, Reach(local=True), timeout=timeout)
        return Webhooks(self.books.sessions, sender)

    async def add_caller(self) -> str:
        """A caller with a key."""
        caller = str(uuid.uuid4())
        await self.run(
            "INSERT INTO callers (id, name, role) VALUES (:id, :name, 'planner')",
            id=caller,
            name=caller,
        )
        await self.run(
            "INSERT INTO caller_keys (key_hash, caller_id, name, prefix)"
            " VALUES (:hash, :id, '1', 'ts_')",
            hash=caller,
            id=caller,
        )
        return caller

    async def endpoint(self, url: str, *types: str, caller: str | None = None) -> EndpointRow:
        async with self.books.sessions.begin() as session:
            return await create_endpoint(session, caller or self.caller, url, types, "")

    def secret(self, endpoint: EndpointRow, generation: int = 1) -> str:
        return shown(secret_of(MASTER, endpoint.id, generation))

    async def booking(self, caller: str | None = None) -> Booking:
        """A confirmed booking: three events in the outbox."""
        asked = request().model_copy(update={"caller_id": caller or self.caller})
        begun = await self.books.record(await self.books.begin(asked), S.PROCESSING)
        return await self.books.record(confirm(begun), S.CONFIRMED)

    async def update(self, booking: Booking) -> Booking:
        """One more event."""
        return await self.books.record(booking, S.CONFIRMED)

    async def feed(self) -> None:
        """Have everything in the outbox placed in the feed."""
        async with self.books.sessions.begin() as session:
            while await sequence(session):
                pass

    async def fan_out(self) -> int:
        """Make deliveries of everything; returns how many."""
        await self.feed()
        made = 0
        while (step := await self.webhooks.fan_out())[0]:
            made += step[1]
        return made

    async def send(self, *workers: Webhooks) -> int:
        """Send what is due until nothing is; returns how many requests that took."""
        return sum(
            await asyncio.gather(*(self._send(worker) for worker in workers or (self.webhooks,)))
        )

    async def _send(self, worker: Webhooks) -> int:
        sent = 0
        while claimed := await worker.claim(32):
            await asyncio.gather(*(worker.deliver(one) for one in claimed))
            sent += len(claimed)
        return sent

    async def deliver(self) -> None:
        """Make deliveries, and send what is due."""
        await self.fan_out()
        await self.send()

    async def pass_time(self, span: dt.timedelta) -> None:
        """Everything that is set by the clock is so much nearer."""
        for table, columns in (
            ("webhook_deliveries", ("next_at", "leased_until", "created_at", "ended_at")),
            ("webhook_attempts", ("at",)),
            (
                "webhook_endpoints",
                ("first_failure_at", "last_failure_at", "old_generation_until"),
            ),
        ):
            sets = ", ".join(f"{column} = {column} - :span" for column in columns)
            await self.run(f"UPDATE {table} SET {sets}", span=span)

    async def run(self, statement: str, **values: Any) -> None:
        async with self.books.sessions.begin() as session:
            await session.execute(text(statement), values)

    async def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        async with self.books.sessions() as session:
            return [tuple(row) for row in await session.execute(text(statement), values)]

    async def states(self, endpoint: EndpointRow) -> list[str]:
        found = await self.rows(
            "SELECT state FROM webhook_deliveries WHERE endpoint_id = :id ORDER BY position",
            id=endpoint.id,
        )
        return [state for (state,) in found]

    async def standing(self, endpoint: EndpointRow) -> tuple[str, str | None, int | None]:
        [row] = await self.rows(
            "SELECT status, disabled_reason, missing_after FROM webhook_endpoints WHERE id = :id",
            id=endpoint.id,
        )
        return row[0], row[1], row[2]


@pytest.fixture
async def world(scratch: Books) -> World:
    """Nothing is there of what an earlier test did."""
    made = World(scratch)
    await made.fan_out()
    for table in ("webhook_attempts", "webhook_deliveries", "webhook_endpoints", "cases"):
        await made.run(f"DELETE FROM {table}")
    made.caller = await made.add_caller()
    return made


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().running() as running:
        yield running
