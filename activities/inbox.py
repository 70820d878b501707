"""Handling the events of the gateway: each is a reason to look at one payment, nothing more.

The payment is read anew at the gateway and held against the record, so neither the order of events
nor their number can matter (reliability.md rule 6, I12). Who owns the booking's money meanwhile:

- its workflow, while it runs: it is told to look when it waits for the payment, else the event
  waits for its end;
- nobody, while it is at rest: what differs starts SettlePayment.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import InterfaceError, OperationalError
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.comparing import differences
from activities.payment_cases import cases_of_payment
from activities.payments import PaymentActivities
from activities.settling import begin_settling
from models.booking import Booking, PaymentView
from models.cases import CaseKind, open_case
from models.database import Sessions
from models.errors import AuthConfig, Fault
from models.inbox import (
    ClaimedEvent,
    EventStatus,
    claim_events,
    end_events,
    find_booking,
    postpone_events,
    repeat_events,
)
from models.lifecycle import SETTLED_STATES, BookingState
from models.messages import PAYMENT_SIGNAL
from models.record import load_booking, load_identity
from settings import Settings
from temporal import patience

LEASE = dt.timedelta(seconds=60)
"""How long a worker has an event for itself; a dead worker's events come back after it."""
WORK_SECONDS = 50.0
"""How long handling may take: always less than the lease, so nobody else has begun meanwhile."""
FIRST_PAUSE = dt.timedelta(seconds=1)
LONGEST_PAUSE = dt.timedelta(minutes=5)
ATTEMPTS = 20
"""So often handling may fail before a person must look. An outage does not count."""
PATIENCE = dt.timedelta(days=1)
"""After so long even an outage makes an event dead."""
UNKNOWN_FOR = dt.timedelta(minutes=5)
"""How long an event waits for its booking to be on record."""

OUTAGES = (Fault, AuthConfig, RPCError, OSError, OperationalError, InterfaceError)
"""The gateway, Temporal or the database is away, or does not let us in: not the event's fault."""

log = logging.getLogger("tripsaga.inbox")


@dataclass(frozen=True)
class Verdict:
    """What became of events: DONE, KEPT, DEAD, or RECEIVED for "later"."""

    status: EventStatus
    why: str


class Inbox:
    """Handles what is due in the inbox, one booking at a time."""

    def __init__(
        self, sessions: Sessions, payments: PaymentActivities, client: Client, settings: Settings
    ) -> None:
        self._sessions = sessions
        self._payments = payments
        self._client = client
        self._patience = patience(settings)
        self._gateway = settings.gateway
        self._outage = False
        """Whether the last handling met one: told once, not for every event."""

    async def handle_next(self) -> bool:
        """Handle what has been due longest; False when nothing is due.

        Raises:
            sqlalchemy.exc.DBAPIError: the database is away; what was begun comes back by itself.
        """
        events = await self.claim()
        if events:
            await self.handle(events)
        return bool(events)

    async def claim(self) -> list[ClaimedEvent]:
        """Take the events of one payment that are due; nobody else gets them for a while.

        The transaction ends here: no connection is kept while the gateway is asked.
        """
        async with self._sessions.begin() as session:
            return await claim_events(session, LEASE)

    async def handle(self, events: Sequence[ClaimedEvent]) -> None:
        """Handle claimed events by one look, begun after all of them had arrived."""
        worn_out = [event for event in events if event.attempts > ATTEMPTS]
        if worn_out:  # every worker that took it died over it
            await self._bury(worn_out, f"{ATTEMPTS} workers took it and none came to an end")
        events = [event for event in events if event.attempts <= ATTEMPTS]
        if not events:
            return
        if events[0].gateway != self._gateway:
            await self._bury(events, "that gateway is not in use: look at the payment there")
            return
        try:
            async with asyncio.timeout(WORK_SECONDS):
                verdict = await self._decide(events)
        except Exception as error:  # noqa: BLE001 - whatever it is, the event must not be lost
            await self._failed(events, error)
            return
        if self._outage:
            log.info("events can be handled again")
            self._outage = False
        async with self._sessions.begin() as session:
            if verdict.status is EventStatus.RECEIVED:
                await postpone_events(
                    session, events, verdict.why, shortest=FIRST_PAUSE, longest=LONGEST_PAUSE
                )
            else:
                await end_events(session, events, verdict.status, verdict.why)

    # -- what an event leads to ---------------------------------------------------------------

    async def _decide(self, events: Sequence[ClaimedEvent]) -> Verdict:
        booking_id = await self._booking_of(events)
        async with self._sessions() as session:
            booking = await load_booking(session, booking_id) if booking_id else None
            owner = await load_identity(session, booking_id) if booking_id else None
        if booking is None or owner is None:
            if max(event.age for event in events) < UNKNOWN_FOR:
                return _later("no booking of ours is known for it yet")
            return Verdict(EventStatus.KEPT, "no booking of ours is known for it")
        if booking.state is BookingState.PAYMENT_PENDING:
            return await self._tell_workflow(booking)
        if booking.state in SETTLED_STATES:
            return await self._look(booking, owner.caller_id, events)
        if booking.state is BookingState.NEEDS_ATTENTION:
            await self._seen(booking)  # a dispute does not wait for the operator
            return _later("the booking waits for an operator, and its money with it")
        return _later(f"the booking is {booking.state}: its workflow owns the money")

    async def _booking_of(self, events: Sequence[ClaimedEvent]) -> str | None:
        """Return the booking that events of one payment are about, None when it is not known."""
        payment_id = events[0].payment_id
        named = next((event.booking_id for event in events if event.booking_id), None)
        async with self._sessions() as session:
            found = await find_booking(session, payment_id, named)
        if found is not None or named is not None or payment_id is None:
            return found
        # Events of refunds and disputes name no booking; of a stray payment only the gateway knows.
        named = await self._payments.booking_of(payment_id)
        async with self._sessions() as session:
            return await find_booking(session, None, named)

    async def _look(
        self, booking: Booking, caller_id: str, events: Sequence[ClaimedEvent]
    ) -> Verdict:
        """Hold the record of a booking at rest against the gateway; what differs is settled."""
        seen = await self._seen(booking)
        why = [] if seen is None else differences(booking, seen)
        named = events[0].payment_id
        stray = None
        if not why and named is not None and await self._payments.is_stray(booking.id, named):
            if booking.owed != 0:
                # The record may be what is wrong (a restored database): a person must say.
                return Verdict(EventStatus.KEPT, f"{named} is not on record, which is not sound")
            stray = named
            why = [f"{named} is not the payment on record"]
        if not why:
            return Verdict(EventStatus.DONE, "the record and the gateway agree")
        began = await begin_settling(
            self._client,
            self._patience,
            booking,
            f"the gateway reported {', '.join(sorted({event.type for event in events}))}",
            caller_id=caller_id,
            stray=stray,
        )
        if not began:
            return _later("a workflow of the booking runs: it owns the money")
        if named not in (None, booking.payment.id, stray):
            return _later("the payment on record is settled first")
        return Verdict(EventStatus.DONE, f"settling: {'; '.join(why)}")

    async def _seen(self, booking: Booking) -> PaymentView | None:
        """Return the payment as the gateway has it now; its disputes are the operators' too."""
        seen = await self._payments.look(booking.id)
        if seen is not None:
            async with self._sessions.begin() as session:
                await cases_of_payment(session, booking, seen)
        return seen

    async def _tell_workflow(self, booking: Booking) -> Verdict:
        try:
            await self._client.get_workflow_handle(booking.id).signal(PAYMENT_SIGNAL)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return _later(f"the booking is {booking.state}, but no workflow of it runs")
        return Verdict(EventStatus.DONE, "the booking, which waited for its payment, was told")

    # -- when it fails ------------------------------------------------------------------------

    async def _failed(self, events: Sequence[ClaimedEvent], error: Exception) -> None:
        what = f"{type(error).__name__}: {error}"[:500]
        outage = isinstance(error, OUTAGES)
        if not (outage and self._outage):
            log.warning("events %s: %s", [event.id for event in events], what)
        self._outage = outage
        limit = None if outage else ATTEMPTS
        lost = [e for e in events if e.age >= PATIENCE or e.attempts == limit]
        if lost:
            await self._bury(lost, what)
        again = [event for event in events if event not in lost]
        async with self._sessions.begin() as session:
            if outage:
                await postpone_events(
                    session, again, what, shortest=FIRST_PAUSE, longest=LONGEST_PAUSE
                )
            else:
                for event in again:
                    pause = FIRST_PAUSE * 2 ** (event.attempts - 1)
                    await repeat_events(session, [event], what, min(pause, LONGEST_PAUSE))

    async def _bury(self, events: Sequence[ClaimedEvent], error: str) -> None:
        """Give events up, with a case each."""
        async with self._sessions.begin() as session:
            await end_events(session, events, EventStatus.DEAD, f"given up: {error}")
            for event in events:
                await open_case(
                    session,
                    kind=CaseKind.WEBHOOK,
                    source=f"webhook:{event.id}",
                    booking_id=await find_booking(session, event.payment_id, event.booking_id),
                    summary=f"The event {event.event_id} ({event.type}) of {event.gateway} could"
                    " not be handled. Mend the cause, then have it handled again.",
                    details={"webhookId": event.id, "paymentId": event.payment_id, "error": error},
                )


def _later(why: str) -> Verdict:
    return Verdict(EventStatus.RECEIVED, why)
