"""Money on its way back: the release of what is held, or the refund of what was taken."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDReusePolicy

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import RESOLVE_UPDATE, CancelRequest, Resolution
from models.trips.messages import BookTripRequest, CancelBookingRequest
from temporal import patience
from tests.support.checker import Facts, check, gather
from tests.support.stack import Stack
from tests.trips.saga.test_cancel_confirmed import confirmed
from workflows.trips.cancel_booking import CancelBooking

OPERATIONS = ("cancel", "refund")
"""The gateway's words for the two ways back."""

_EFFECT = {"cancel": "released", "refund": "refunded"}
_END = {"cancel": BookingState.FAILED, "refund": BookingState.CANCELLED}
_DASHBOARD = {"Authorization": "Bearer sk_test_dashboard"}


@dataclass
class GivingBack:
    """A booking whose money is to go back: the hotel is refused, or the trip is called off."""

    stack: Stack
    operation: str
    booking_id: str
    request: BookTripRequest | None = None
    booking: Booking | None = None
    """As it was confirmed."""

    @classmethod
    async def of(cls, stack: Stack, operation: str) -> "GivingBack":
        """Return one that has not begun."""
        if operation == "refund":
            booking = await confirmed(stack)
            return cls(stack, operation, booking.id, booking=booking)
        request = await stack.request()
        await stack.sandbox.arm("booking_com", "book", "refuse", reference=request.booking_id)
        return cls(stack, operation, request.booking_id, request=request)

    async def arm(self, kind: str, **more: Any) -> str:
        """Arm a fault at the call that gives the money back."""
        return await self.stack.sandbox.arm(
            "stripe", self.operation, kind, reference=self.booking_id, **more
        )

    async def begin(self) -> WorkflowHandle[Any, Booking]:
        """Have it begin."""
        if self.request is not None:
            return await self.stack.start(self.request)
        return await self.stack.client.start_workflow(
            CancelBooking.run,
            CancelBookingRequest(
                booking_id=self.booking_id,
                cancel=CancelRequest(who="ada", reason="ill"),
                patience=patience(self.stack.settings),
            ),
            id=self.booking_id,
            task_queue=self.stack.settings.task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            task_timeout=timedelta(seconds=2),  # a dead worker is noticed soon
        )

    async def met(self, fault: str) -> None:
        """Wait until a fault has met its call."""
        async with asyncio.timeout(60):
            while not await self.stack.sandbox.fired(fault):
                await asyncio.sleep(0.02)

    async def done_outside(self) -> None:
        """Wait until the money has gone back, whoever knows of it."""
        async with asyncio.timeout(60):
            while not await self.has_gone_back():
                await asyncio.sleep(0.05)

    async def has_gone_back(self) -> bool:
        """Tell whether the money has gone back, whoever knows of it."""
        return bool(self._effects(await self.stack.sandbox.log(self.booking_id)))

    async def in_the_dashboard(self, operation: str) -> None:
        """Have somebody do something to the payment without us."""
        (payment,) = await self.stack.sandbox.payments(self.booking_id)
        path, data = f"payment_intents/{payment['id']}/{operation}", {}
        if operation == "refund":
            path, data = "refunds", {"payment_intent": payment["id"]}
        async with httpx.AsyncClient(headers=_DASHBOARD) as http:
            answer = await http.post(f"{self.stack.sandbox.url}/stripe/v1/{path}", data=data)
        assert answer.status_code == 200, answer.text

    async def parked(
        self, handle: WorkflowHandle[Any, Booking], *, after: Booking | None = None
    ) -> Booking:
        """Wait until an operator is asked (once more), and judge how it stands then."""
        async with asyncio.timeout(60):
            while True:
                booking = await self.stack.until(handle, BookingState.NEEDS_ATTENTION)
                if after is None or booking.version > after.version:
                    break
                await asyncio.sleep(0.05)
        assert booking.case is not None
        assert booking.case.payment
        await self.judged()
        return booking

    async def decide(self, handle: WorkflowHandle[Any, Booking], **decision: Any) -> None:
        """Decide as an operator does."""
        await handle.execute_update(RESOLVE_UPDATE, Resolution(who="op", **decision))

    async def ended(self, handle: WorkflowHandle[Any, Booking]) -> Facts:
        """Wait for the end: the money went back, once, and all agree about it."""
        booking = await asyncio.wait_for(handle.result(), 90)
        assert booking.state is _END[self.operation], booking.case or booking.problem
        assert booking.payment.captured == booking.payment.refunded
        facts = await self.judged()
        assert len(self._effects(facts.log)) == 1, facts.log
        return facts

    async def facts(self) -> Facts:
        """Look without judging: things are under way."""
        return await gather(self.stack.sandbox, self.stack.settings.database.url, self.booking_id)

    async def judged(self) -> Facts:
        """Ask the outside checker."""
        return await check(self.stack.sandbox, self.stack.settings.database.url, self.booking_id)

    def _effects(self, log: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in log if row["effect"] == _EFFECT[self.operation]]
