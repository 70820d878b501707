"""Buying at a market, as the API does it; and judging what came of it."""

import asyncio
from typing import Any

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import BookingRequest, RequestKind
from models.bookings.problems import Code
from models.marketplace.stock.messages import PayRequest
from tests.ledger.conftest import Books
from tests.marketplace.stock.market import Market
from tests.marketplace.stock.offers import stay
from tests.support.checker import check
from tests.support.stack import Stack

PRICE = 24_000
"""Minor units, of what is bought here."""

_CLAIMS = {
    BookingState.HELD: {"HELD"},
    BookingState.CONFIRMED: {"SOLD"},
    BookingState.CANCELLED: {"RELEASED"},
    BookingState.FAILED: {"RELEASED"},
    BookingState.EXPIRED: {"EXPIRED"},
}
"""The states of a booking's newest claims."""


class Till(Market):
    """Two nights of a room with one unit, sold to whoever pays."""

    def __init__(self, stack: Stack, books: Books) -> None:
        super().__init__(books)
        self.stack = stack

    async def held_stay(self, room: str | None = None, **options: Any) -> Booking:
        """Hold two nights of a room, one that nobody else has."""
        wanted = stay((room or await self.room(), 0, 2))
        return await self.hold(wanted, total=PRICE, **options)

    async def pay(self, booking: Booking, card: str | None = "pm_card_visa") -> BookingRequest:
        """Have a booking paid."""
        body = PayRequest(payment_method_id=card)
        return await self.stack.send(RequestKind.PAY, booking.id, body, who="ada")

    async def paid(self, booking: Booking, card: str | None = "pm_card_visa") -> Code | None:
        """The same, and wait; returns why it was not paid, if it was not."""
        problem = await self.stack.ended(await self.pay(booking, card))
        return problem.code if problem else None

    async def waiting(self, booking: Booking) -> Booking:
        """Wait until it waits for its traveller, for a proof or another card."""
        async with asyncio.timeout(60):
            while not (found := await self.stack.recorded(booking.id)).waits:
                await asyncio.sleep(0.05)
        return found

    async def history(self, booking: Booking) -> list[str]:
        """Return the states a booking went through."""
        rows = await self.do(
            "SELECT to_state FROM booking_history WHERE booking_id = :id ORDER BY version",
            id=booking.id,
        )
        return [state for (state,) in rows]

    async def balances(self, booking: Booking) -> dict[str, int]:
        """Return what stands on each account by a booking's entries, debit positive."""
        rows = await self.do(
            "SELECT account || ' ' || owner, sum(signed)::int FROM ledger_lines l"
            " JOIN ledger_entries e ON e.id = l.entry_id WHERE e.booking_id = :id"
            " GROUP BY account, owner HAVING sum(signed) <> 0",
            id=booking.id,
        )
        return dict(rows)

    async def judged(self, booking: Booking) -> Booking:
        """Return a booking as recorded, held against the gateway, its claims and the counters."""
        await check(self.stack.sandbox, self.stack.settings.database.url, booking.id)
        recorded = await self.stack.recorded(booking.id)
        claims = await self.claims(recorded)
        newest = {state for version, state in claims if version == claims[-1][0]}
        assert newest == _CLAIMS[recorded.state], (recorded.state, claims)
        assert await self.violations() == []
        return recorded
