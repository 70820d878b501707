"""Bookings of which each is in the middle of one call to the gateway, all at the same time."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from temporalio.client import WorkflowHandle

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from tests.support.checker import Facts, check
from tests.support.stack import Stack
from tests.trips.faults.giving_back import OPERATIONS, GivingBack

CALLS = {"3": "confirm", "7": "capture", "c1-cancel": "cancel", "c1-refund": "refund"}
"""The call of each that is under way; by row of the fault matrix, and way back."""

SLOW_SECONDS = 8
"""How long the gateway takes to answer each: all are under way together for a while."""


@dataclass
class UnderWay:
    """What was begun, by row."""

    stack: Stack
    begun: dict[str, WorkflowHandle[Any, Booking]] = field(default_factory=dict)
    back: dict[str, GivingBack] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @classmethod
    async def begin(cls, stack: Stack) -> "UnderWay":
        """Begin all of them and return when every call has reached the gateway."""
        self = cls(stack)
        for operation in OPERATIONS:
            self.back[f"c1-{operation}"] = await GivingBack.of(stack, operation)
        for row in ("7", "3"):  # the longest way to its call first
            request = await stack.request()
            slow = {"seconds": SLOW_SECONDS, "reference": request.booking_id}
            self.faults.append(await stack.sandbox.arm("stripe", CALLS[row], "slow", **slow))
            self.begun[row] = await stack.start(request)
        for row, back in self.back.items():
            self.faults.append(await back.arm("slow", seconds=SLOW_SECONDS))
            self.begun[row] = await back.begin()
        async with asyncio.timeout(60):
            while not all([await stack.sandbox.fired(fault) for fault in self.faults]):
                await asyncio.sleep(0.05)
        return self

    async def answered(self) -> list[str]:
        """The rows whose call has been answered by now."""
        found = []
        for row, handle in self.begun.items():
            log = await self.stack.sandbox.log(handle.id)
            calls = {(line["supplier"], line["operation"]) for line in log}
            if ("stripe", CALLS[row]) in calls:
                found.append(row)
        return found

    async def booked(self, row: str) -> Facts:
        """Wait for the end of a booking, which is as if nothing had been."""
        booking = await asyncio.wait_for(self.begun[row].result(), 90)
        assert booking.state is BookingState.CONFIRMED, booking.problem
        stack = self.stack
        facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
        effects = [line["effect"] for line in facts.log if line["supplier"] == "stripe"]
        assert (effects.count("authorised"), effects.count("captured")) == (1, 1)
        return facts

    async def given_back(self, row: str) -> Facts:
        """Wait for the end of a way back, which is as if nothing had been."""
        return await self.back[row].ended(self.begun[row])
