"""Claims stored events of the gateway and of suppliers, and has them handled.

Each is a reason to look, nothing more; what the look leads to is a handler's
(``inbox_payments``, ``inbox_suppliers``). What cannot be handled is handled again with growing
pauses; what fails for too long becomes an operator's case.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import Sequence

from temporalio.client import Client
from temporalio.service import RPCError

from activities.inbox.payments import PaymentEvents
from activities.inbox.suppliers import SupplierEvents
from activities.inbox.verdicts import Handler
from activities.payments.activities import PaymentActivities
from activities.suppliers.items import ItemActivities
from models.core.cases import CaseKind, open_case
from models.core.database import DATABASE_AWAY, Sessions
from models.core.errors import AuthConfig, Fault
from models.inbox.repository import (
    ClaimedEvent,
    EventStatus,
    claim_events,
    end_events,
    postpone_events,
    repeat_events,
)
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

OUTAGES = (Fault, AuthConfig, RPCError, *DATABASE_AWAY)
"""The sender, Temporal or the database is away, or does not let us in: not the event's fault."""

log = logging.getLogger("tripsaga.inbox")


class Inbox:
    """Handles what is due in the inbox, one booking at a time."""

    def __init__(
        self,
        sessions: Sessions,
        payments: PaymentActivities,
        items: ItemActivities,
        client: Client,
        settings: Settings,
    ) -> None:
        self._sessions = sessions
        waiting = patience(settings)
        suppliers = SupplierEvents(sessions, items, client, waiting)
        self._handlers: dict[str, Handler] = {
            settings.gateway: PaymentEvents(sessions, payments, client, waiting),
            **{one.name: suppliers for one in settings.suppliers_in_use},
        }
        self._outage = False
        """Whether the last handling met one: told once, not for every event."""

    async def claim(self) -> list[ClaimedEvent]:
        """Take the events about one thing that are due; nobody else gets them for a while.

        The transaction ends here: no connection is kept while their sender is asked.
        """
        async with self._sessions.begin() as session:
            return await claim_events(session, LEASE)

    async def handle(self, events: Sequence[ClaimedEvent]) -> None:
        """Handle claimed events by one look, begun after all of them had arrived."""
        worn_out = [event for event in events if event.attempts > ATTEMPTS]
        if worn_out:  # every worker that took it died while handling it
            await self._dead_letter(worn_out, f"{ATTEMPTS} workers took it and none came to an end")
        events = [event for event in events if event.attempts <= ATTEMPTS]
        if not events:
            return
        handler = self._handlers.get(events[0].gateway)
        if handler is None:
            await self._dead_letter(events, "that sender is not in use: look there")
            return
        try:
            async with asyncio.timeout(WORK_SECONDS):
                verdict = await handler.decide(events)
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

    # -- failures -----------------------------------------------------------------------------

    async def _failed(self, events: Sequence[ClaimedEvent], error: Exception) -> None:
        what = f"{type(error).__name__}: {error}"[:500]
        outage = isinstance(error, OUTAGES)
        if not (outage and self._outage):
            log.warning("events %s: %s", [event.id for event in events], what)
        self._outage = outage
        limit = None if outage else ATTEMPTS
        lost = [e for e in events if e.age >= PATIENCE or e.attempts == limit]
        if lost:
            await self._dead_letter(lost, what)
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

    async def _dead_letter(self, events: Sequence[ClaimedEvent], error: str) -> None:
        """Give events up, with a case each."""
        handler = self._handlers.get(events[0].gateway)
        booking_id = await handler.booking_of(events) if handler else events[0].booking_id
        async with self._sessions.begin() as session:
            await end_events(session, events, EventStatus.DEAD, f"given up: {error}")
            for event in events:
                await open_case(
                    session,
                    kind=CaseKind.WEBHOOK,
                    source=f"webhook:{event.id}",
                    booking_id=booking_id,
                    summary=f"The event {event.event_id} ({event.type}) of {event.gateway} could"
                    " not be handled. Mend the cause, then have it handled again.",
                    details={
                        "webhookId": event.id,
                        "paymentId": event.payment_id,
                        "reference": event.reference,
                        "supplierId": event.supplier_id,
                        "error": error,
                    },
                )
