"""Brings workflows to their ends and saves their histories (``record_histories``)."""

import asyncio
import contextlib
import re
from collections.abc import Coroutine
from typing import Any

from pydantic import BaseModel
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowContinuedAsNewError, WorkflowFailureError

from codec.payloads import EncryptionCodec
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import RequestKind, Resolution
from models.trips.messages import BookTripRequest
from tests.support.histories import decrypted
from tests.support.processes import ROOT
from tests.support.stack import Stack
from tests.support.trips import unsettled
from tests.trips.modifying import changes

HISTORIES = ROOT / "tests" / "histories"

Fault = tuple[str, str, str]
"""Supplier or gateway, operation, kind."""


class Recorder:
    """Brings workflows to their ends and saves what happened."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    async def save(self, name: str, workflow_id: str, run_id: str | None = None) -> None:
        """Save the history of a run, once it has ended; of the last one by default."""
        handle = self.stack.client.get_workflow_handle(workflow_id, run_id=run_id)
        with contextlib.suppress(WorkflowFailureError, WorkflowContinuedAsNewError):
            await handle.result(follow_runs=False)
        codec = EncryptionCodec(self.stack.settings.key_ring, plaintext=True)
        history = await decrypted(await handle.fetch_history(), codec)
        started = history.events[0].workflow_execution_started_event_attributes
        folder = re.sub(r"(?<!^)(?=[A-Z])", "_", started.workflow_type.name).lower()
        # Stack traces name the machine they were made on; replaying does not need them.
        text = re.sub(r'"stackTrace": "(?:[^"\\]|\\.)*"', '"stackTrace": ""', history.to_json())
        path = HISTORIES / folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
        end = EventType.Name(history.events[-1].event_type).removeprefix("EVENT_TYPE_")
        print(f"{folder}/{name}: {len(history.events)} events, {end}")

    async def run_id(self, workflow_id: str) -> str:
        """Return which run of a workflow is the last one."""
        described = await self.stack.client.get_workflow_handle(workflow_id).describe()
        assert described.run_id is not None
        return described.run_id

    async def arm(self, booking_id: str, *faults: Fault, times: int = 1) -> None:
        """Arm faults for one booking; what is quoted has no booking yet."""
        for supplier, operation, kind in faults:
            about: dict[str, Any] = {"reference": booking_id, "times": times}
            if operation == "quote":
                about = {"rate": 1}
            await self.stack.sandbox.arm(supplier, operation, kind, seconds=20, **about)

    async def booked(
        self,
        name: str,
        *faults: Fault,
        state: BookingState = BookingState.CONFIRMED,
        times: int = 1,
        request: BookTripRequest | None = None,
        **criteria: Any,
    ) -> Booking:
        """Book, with faults, to an end in ``state``; save it as ``name`` unless that is empty."""
        request = request or await self.stack.request(**criteria)
        await self.arm(request.booking_id, *faults, times=times)
        booking = await asyncio.wait_for((await self.stack.start(request)).result(), 90)
        assert booking.state is state, (name, booking.state, booking.problem)
        await self.stack.sandbox.clear()
        if name:
            await self.save(name, booking.id)
        return await self.stack.recorded(booking.id)

    async def free(self) -> Booking:
        """Return a booking that stands and can be cancelled for nothing."""
        return await changes.confirmed(self.stack)

    async def asked(
        self, name: str, kind: RequestKind, booking: Booking, body: BaseModel, code: str = ""
    ) -> Booking:
        """Have a request end, with a problem of that code or without one; save it."""
        problem = await self.stack.ended(await self.stack.send(kind, booking.id, body))
        assert (problem.code if problem else "") == code, (name, problem)
        await self.stack.sandbox.clear()
        await self.save(name, booking.id)
        return await self.stack.recorded(booking.id)

    async def gone_on(
        self, booking: Booking, fault: Fault, begin: Coroutine[Any, Any, object]
    ) -> None:
        """Have a cancel come while something is under way at a slow call; save its run."""
        supplier, operation, kind = fault
        about = {"seconds": 0.8, "reference": booking.id}
        await self.stack.sandbox.arm(supplier, operation, kind, **about)
        beginning = asyncio.ensure_future(begin)
        while not await self.stack.sandbox.fired():
            await asyncio.sleep(0.05)
        run = await self.run_id(booking.id)
        await self.stack.cancel(booking.id)
        await beginning
        await self.stack.sandbox.clear()
        await self.save("gone_on_with_a_cancel", booking.id, run)

    async def resolved(self, name: str, booking: Booking, code: str = "", **more: Any) -> Booking:
        """Have the booking's case decided; save it."""
        case = unsettled(booking)[0]
        resolution = Resolution(case_id=case.id, **{"decision": "retry", "note": "", **more})
        return await self.asked(name, RequestKind.RESOLVE, booking, resolution, code)
