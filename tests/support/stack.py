"""The stack a test books on: database, Temporal, sandbox and worker, with short patience."""

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, Protocol

from pydantic import BaseModel
from temporalio.client import Client, WorkflowHandle
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import (
    REQUEST_SIGNAL,
    BookingRequest,
    CancelRequest,
    RequestKind,
    RequestsRun,
    Resolution,
)
from models.bookings.problems import Problem
from models.bookings.repository import find_booking, load_booking, load_ended_request
from models.core import search_attributes
from models.core.database import Sessions, create_engine, create_sessions
from models.core.keys import booking_id, booking_reference, traveler_id
from models.core.people import Contact
from models.trips.messages import BookTripRequest
from models.trips.option import TripOption
from settings import Settings
from temporal import connect, patience
from tests.support.environment import settings_from
from tests.support.processes import Process
from tests.support.sandbox_client import SandboxClient
from workflows.core.requests import WORKFLOWS
from workflows.trips.book_trip import BookTrip

CALLER = "00000000-0000-4000-8000-000000000001"

PATIENCE = {
    "PROVIDER_TIMEOUT_SECONDS": "1.0",
    "SETTLE_SECONDS": "2",
    "RETRY_INITIAL_SECONDS": "0.1",
    "STEP_DEADLINE_SECONDS": "30",
    "UNDO_ATTEMPTS": "4",
    "AUTHENTICATION_DEADLINE_SECONDS": "4",
    "SHUTDOWN_GRACE_SECONDS": "5",
    "WORKFLOW_SANDBOX": "true",
    # One test's faults must not turn the next one's bookings away
    # (tests/suppliers/health has its own).
    "SUPPLIER_DOWN_AFTER": "1000",
}

SOON_TAKEN_OVER = {"HEARTBEAT_SECONDS": "3", "STICKY_SECONDS": "1"}
"""For tests that kill workers: the successor need not wait as long as in production."""


@dataclass
class Stack:
    """One world: its own database, sandbox, queue and worker; the servers are shared."""

    settings: Settings
    env: dict[str, str]
    client: Client
    sandbox: SandboxClient
    sessions: Sessions
    workers: list[Process] = field(default_factory=list)

    # -- workers --------------------------------------------------------------------------

    def start_worker(self, *arguments: str, **env: str) -> Process:
        """Start another worker process and wait until it runs."""
        worker = Process(*(arguments or ("-m", "worker")), env={**self.env, **env})
        worker.wait_for_line("worker is running")
        self.workers.append(worker)
        return worker

    def ensure_worker(self) -> None:
        """Make sure that exactly one healthy worker runs."""
        for worker in self.workers:
            if not worker.running:
                self.workers.remove(worker)
        if not self.workers:
            self.start_worker()

    def stop_workers(self) -> list[int]:
        codes = [worker.stop() for worker in self.workers]
        self.workers.clear()
        return codes

    # -- bookings -------------------------------------------------------------------------

    async def request(
        self,
        *,
        trip: dict[str, Any] | None = None,
        payment_method: str = "pm_card_visa",
        amount: int | None = None,
        **criteria: Any,
    ) -> BookTripRequest:
        """Return a request for a (new) trip, as the API would make it."""
        option = TripOption.model_validate(trip or await self.sandbox.trip(**criteria))
        key = str(uuid.uuid4())
        booking = booking_id(CALLER, key)
        return BookTripRequest(
            booking_id=booking,
            booking_reference=booking_reference(booking),
            caller_id=CALLER,
            idempotency_key=key,
            fingerprint="test",
            trip=option,
            travelers=option.travelers,
            contact=Contact(email="ada@example.org", phone="+1 555 0100"),
            payment_method_id=payment_method,
            billing_details={"name": "Ada Example", "email": "ada@example.org"},
            amount=amount if amount is not None else option.total_price,
            currency=option.currency,
            traveler_id=traveler_id(self.settings.traveler_key, CALLER, "ada@example.org"),
            patience=patience(self.settings),
        )

    async def start(self, request: BookTripRequest) -> WorkflowHandle[BookTrip, Booking]:
        """Start the booking as the API does."""
        return await self.client.start_workflow(
            BookTrip.run,
            request,
            id=request.booking_id,
            task_queue=self.settings.task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            # A dead worker's workflow task is given to another one sooner than the usual 10 s.
            task_timeout=timedelta(seconds=4),
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(search_attributes.BOOKING_STATE, "PENDING"),
                    SearchAttributePair(
                        search_attributes.BOOKING_REFERENCE, request.booking_reference
                    ),
                    SearchAttributePair(search_attributes.TRAVELER_ID, request.traveler_id),
                ]
            ),
        )

    async def book(self, **criteria: Any) -> Booking:
        """Book a trip and wait for its end."""
        handle = await self.start(await self.request(**criteria))
        return await asyncio.wait_for(handle.result(), 90)

    async def send(
        self,
        kind: RequestKind,
        booking_id: str,
        body: BaseModel,
        *,
        request_id: str | None = None,
        at: dt.datetime | None = None,
        who: str = "op",
        **patient: float,
    ) -> BookingRequest:
        """Give a request to whatever runs under the booking's id, as the API does.

        ``patient`` is how patient the workflow is that it starts, by the names of ``Patience``.
        """
        request = BookingRequest(
            id=request_id or str(uuid.uuid4()),
            kind=kind,
            requested_at=at or dt.datetime.now(dt.UTC),
            who=who,
            body=body.model_dump(mode="json", by_alias=True),
        )
        await self.client.start_workflow(
            WORKFLOWS[kind],
            RequestsRun(
                booking_id=booking_id,
                patience=patience(self.settings).model_copy(update=patient),
            ),
            id=booking_id,
            task_queue=self.settings.task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal=REQUEST_SIGNAL,
            start_signal_args=[request],
            task_timeout=timedelta(seconds=4),
        )
        return request

    async def ended(self, request: BookingRequest, seconds: float = 90) -> Problem | None:
        """Wait until a request has ended; returns why it was not carried out, if it was not."""
        async with asyncio.timeout(seconds):
            while True:
                async with self.sessions() as session:
                    found = await load_ended_request(session, request.id)
                if found is not None:
                    return found.problem
                await asyncio.sleep(0.1)

    async def cancel(
        self, booking_id: str, components: Sequence[str] = (), *, seconds: float = 90
    ) -> Booking:
        """Cancel a booking, or components of it, and wait for it; returns it as recorded."""
        cancel = CancelRequest(reason="ill", components=list(components))
        request = await self.send(RequestKind.CANCEL, booking_id, cancel, who="ada")
        await self.ended(request, seconds)
        return await self.recorded(booking_id)

    async def resolve(
        self,
        booking_id: str,
        decision: Literal["retry", "resolved"] = "retry",
        *,
        item: int | None = None,
        supplier_id: str | None = None,
        paid_by_hand: bool = False,
        seconds: float = 90,
    ) -> Booking:
        """Decide the open case of a booking (of that item) and wait for it; returns the booking."""
        booking = await self.recorded(booking_id)
        case = next(c for c in booking.cases if c.kind == "SAGA" and item in (None, c.item))
        assert case.id is not None
        resolution = Resolution(
            case_id=case.id,
            decision=decision,
            note="decided in a test",
            supplier_id=supplier_id,
            paid_by_hand=paid_by_hand,
        )
        request = await self.send(RequestKind.RESOLVE, booking_id, resolution)
        await self.ended(request, seconds)
        return await self.recorded(booking_id)

    async def recorded(self, booking_id: str) -> Booking:
        """Return a booking as it is recorded, its open cases included."""
        async with self.sessions() as session:
            booking = await load_booking(session, booking_id)
        assert booking is not None
        return booking

    async def now(self, handle: WorkflowHandle[Any, Any]) -> Booking:
        """How the booking stands, as its readers see it, once it is written down."""
        async with asyncio.timeout(60):
            while True:
                async with self.sessions() as session:
                    found = await find_booking(session, handle.id, owner=None)
                if found is not None:
                    return found.booking
                await asyncio.sleep(0.05)

    async def until(
        self, handle: WorkflowHandle[Any, Any], state: BookingState, seconds: float = 60
    ) -> Booking:
        """Wait until the booking is in ``state``."""
        async with asyncio.timeout(seconds):
            while True:
                booking = await self.now(handle)
                if booking.state is state:
                    return booking
                await asyncio.sleep(0.1)

    async def close(self) -> None:
        for worker in self.workers:
            worker.kill()
        await self.sandbox.close()


@asynccontextmanager
async def own_stack_of(
    test: str, *, database_url: str, temporal_address: str, sandbox_url: str, **patience: str
) -> AsyncIterator[Stack]:
    """Have a stack with a queue of its own and no worker yet; ``test`` begins the queue's name."""
    stack = await create_stack(
        database_url=database_url,
        temporal_address=temporal_address,
        sandbox_url=sandbox_url,
        name=f"{test}-{uuid.uuid4().hex[:8]}",
        **patience,
    )
    yield stack
    await stack.close()


class MakeStack(Protocol):
    """Makes stacks on the servers of the run."""

    def __call__(self, test: str, **patience: str) -> AbstractAsyncContextManager[Stack]:
        """See :func:`own_stack_of`."""
        ...


async def create_stack(
    *, database_url: str, temporal_address: str, sandbox_url: str, name: str, **patience: str
) -> Stack:
    """Return a stack without a worker; ``patience`` overrides settings by environment name."""
    env = {
        **PATIENCE,
        "DATABASE_URL": database_url,
        "TEMPORAL_ADDRESS": temporal_address,
        "SANDBOX_URL": sandbox_url,
        "TASK_QUEUE": name,
        **patience,
    }
    settings = settings_from(env)
    return Stack(
        settings=settings,
        env=env,
        client=await connect(settings),
        sandbox=SandboxClient(sandbox_url),
        sessions=create_sessions(create_engine(settings.database.sqlalchemy_url)),
    )
