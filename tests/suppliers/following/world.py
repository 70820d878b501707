"""A world whose suppliers act by themselves: what they do, how they are asked, what is recorded."""

import asyncio
import time
import uuid
from dataclasses import dataclass
from typing import Any

from psycopg.rows import DictRow

from activities.suppliers.following.beginning import begin_following
from models.bookings.booking import Booking, Item
from models.bookings.lifecycle import BookingState
from models.bookings.messages import UNSETTLED_CASE
from models.suppliers.following import FollowRound, FollowSummary
from temporal import patience
from tests.support.checker import Facts, check
from tests.support.stack import Stack
from tests.support.trips import confirmed_by_hand
from tests.webhooks.rows import Rows
from workflows.operations.watch_suppliers import WatchSuppliers


@dataclass
class World:
    """A stack, and the suppliers' own side of the sandbox."""

    stack: Stack
    rows: Rows

    # -- what suppliers do ----------------------------------------------------------------

    async def act(self, path: str, **order: Any) -> dict[str, Any]:
        """Have a supplier do something by itself."""
        answer = await self.stack.sandbox.http.post(f"/_sandbox/{path}", json=order)
        assert answer.is_success, answer.text
        return dict(answer.json())

    # -- bookings -------------------------------------------------------------------------

    async def awaited(self) -> tuple[Booking, Item]:
        """Book a trip with an experience that its operator confirms by hand."""
        trip = confirmed_by_hand(await self.stack.sandbox.trip(activities=1))
        booking = await self.stack.book(trip=trip)
        assert booking.state is BookingState.CONFIRMED
        [item] = [item for item in booking.items if item.supplier == "viator"]
        assert item.awaited
        return booking, item

    async def booked(self, supplier: str, **criteria: Any) -> tuple[Booking, Item]:
        """Book a trip with an item of ``supplier``."""
        booking = await self.stack.book(**criteria)
        assert booking.state is BookingState.CONFIRMED, booking.problem
        return booking, next(item for item in booking.items if item.supplier == supplier)

    # -- asking ---------------------------------------------------------------------------

    async def round(self) -> FollowSummary:
        """Ask the suppliers once, as the schedule does."""
        summary: FollowSummary = await self.stack.client.execute_workflow(
            WatchSuppliers.run,
            FollowRound(),
            id=f"follow-{uuid.uuid4()}",
            task_queue=self.stack.settings.task_queue,
        )
        return summary

    async def follow(self, booking: Booking, *numbers: int) -> Booking:
        """Have the suppliers of a booking looked at now; returns what came of it."""
        waits = patience(self.stack.settings)
        async with asyncio.timeout(30):
            # A webhook may have begun the same this moment.
            while not await begin_following(
                self.stack.client, waits, booking, "a test", items=numbers
            ):
                await asyncio.sleep(0.2)
        handle = self.stack.client.get_workflow_handle(booking.id, result_type=Booking)
        return await asyncio.wait_for(handle.result(), 60)

    def make_due(self, booking: Booking, number: int) -> None:
        """Have an item be looked at in the next round."""
        self.rows(
            "UPDATE supplier_looks SET due_at = now() WHERE booking_id = %s AND number = %s",
            booking.id,
            number,
        )

    def look(self, booking: Booking, number: int) -> list[DictRow]:
        return self.rows(
            "SELECT * FROM supplier_looks WHERE booking_id = %s AND number = %s",
            booking.id,
            number,
        )

    # -- what is recorded -----------------------------------------------------------------

    def item(self, booking: Booking, number: int) -> DictRow:
        return self.rows.one(
            "SELECT * FROM booking_items WHERE booking_id = %s AND number = %s",
            booking.id,
            number,
        )

    def row(self, booking: Booking) -> DictRow:
        return self.rows.one("SELECT * FROM bookings WHERE id = %s", booking.id)

    def cases(self, booking: Booking) -> list[str]:
        """The kinds of the open cases about a booking."""
        found = self.rows(
            "SELECT kind FROM cases WHERE booking_id = %s AND resolved_at IS NULL", booking.id
        )
        return [row["kind"] for row in found]

    async def until(
        self, booking: Booking, number: int, status: str, seconds: float = 30
    ) -> DictRow:
        """Wait until an item is recorded with ``status``, and nothing runs any more."""
        end = time.monotonic() + seconds
        while (row := self.item(booking, number))["status"] != status:
            assert time.monotonic() < end, (row["status"], row["saga_state"])
            await asyncio.sleep(0.1)
        await self.at_rest(booking)
        return self.item(booking, number)

    async def at_rest(self, booking: Booking) -> None:
        handle = self.stack.client.get_workflow_handle(booking.id)
        await asyncio.wait_for(handle.result(), 30)

    async def until_case(self, booking: Booking, seconds: float = 30) -> None:
        """Wait until an operator is to decide something, and nothing runs any more."""
        end = time.monotonic() + seconds
        while UNSETTLED_CASE not in (kinds := self.cases(booking)):
            assert time.monotonic() < end, kinds
            await asyncio.sleep(0.1)
        await self.at_rest(booking)

    async def until_state(
        self, booking: Booking, state: BookingState, seconds: float = 30
    ) -> DictRow:
        end = time.monotonic() + seconds
        while (row := self.row(booking))["state"] != state:
            assert time.monotonic() < end, row["state"]
            await asyncio.sleep(0.1)
        return row

    async def judged(self, booking: Booking) -> Facts:
        """Have the outside checker judge it."""
        return await check(self.stack.sandbox, self.rows.url, booking.id)
