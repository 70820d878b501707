"""Money on its way back: the release of what is held, or the refund of what was taken."""

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

import httpx
from temporalio.client import WorkflowHandle

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import CancelRequest, RequestKind
from models.trips.messages import BookTripRequest
from tests.support.checker import Facts, check, gather
from tests.support.stack import Stack
from tests.trips.saga.test_cancel_confirmed import confirmed

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
        cancel = CancelRequest(reason="ill")
        await self.stack.send(RequestKind.CANCEL, self.booking_id, cancel, who="ada")
        return self.stack.client.get_workflow_handle(self.booking_id, result_type=Booking)

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

    async def parked(self, handle: WorkflowHandle[Any, Booking]) -> Booking:
        """Wait for the end: a person is asked about the money, and all agree how it stands."""
        await asyncio.wait_for(handle.result(), 90)
        booking = await self.stack.recorded(self.booking_id)
        assert [case.payment for case in booking.cases] == [1]
        await self.judged()
        return booking

    async def decide(
        self, decision: Literal["retry", "resolved"], *, paid_by_hand: bool = False
    ) -> Booking:
        """Decide as an operator does; returns the booking after it."""
        return await self.stack.resolve(self.booking_id, decision, paid_by_hand=paid_by_hand)

    async def ended(self, handle: WorkflowHandle[Any, Booking] | None = None) -> Facts:
        """Wait for the end: the money went back, once, and all agree about it."""
        if handle is not None:
            await asyncio.wait_for(handle.result(), 90)
        booking = await self.stack.recorded(self.booking_id)
        assert booking.state is _END[self.operation], booking.problem
        assert not booking.needs_attention, booking.cases
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
