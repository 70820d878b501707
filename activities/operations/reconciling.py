"""Comparing the record with the gateway, both ways, without relying on any event.

The gateway's own list finds what the record does not know or has otherwise; the record finds what
may still change. What differs is put right by ``SettlePayment``, which reads everything anew; what
no workflow can put right becomes a case.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import Awaitable

from temporalio.client import Client, WorkflowFailureError
from temporalio.service import RPCError

from activities.operations.listing import AHEAD, HOLDING, kept, listed
from activities.operations.progress import Progress
from activities.operations.unexplained import Unexplained, has_money
from activities.payments.activities import PaymentActivities
from activities.payments.cases import cases_of_payments
from activities.payments.comparing import differences
from activities.payments.settling import begin_settling
from models.bookings.booking import Booking, PaymentView
from models.bookings.lifecycle import OPEN_STATUSES, SETTLED_STATES
from models.bookings.repository import load_booking, load_identity
from models.core.database import Sessions
from models.core.errors import Fault, InvalidRequest
from models.core.patience import Patience
from models.operations.messages import MOST_NAMED
from models.payments.recorded import Paid, RecordedPayments, bookings_to_look_at
from payments.core.protocol import Gateway, Payment

BATCH = 100
LOOK_SECONDS = 0.05
"""A look takes at least this long: at most 60 requests a second, where Stripe allows 100."""
FAULTS_IN_A_ROW = 5
"""So many unanswered looks one after the other are an outage."""
SETTLE_SECONDS = 20.0
"""How long a round waits for what it has had settled; the next one sees the rest."""
WHY = "reconciliation"

log = logging.getLogger("tripsaga.watching")


class Reconciler:
    """One comparison of record and gateway."""

    def __init__(
        self,
        sessions: Sessions,
        payments: PaymentActivities,
        gateway: Gateway,
        unexplained: Unexplained,
        client: Client,
        patience: Patience,
        progress: Progress,
    ) -> None:
        self._sessions = sessions
        self._payments = payments
        self._gateway = gateway
        self._client = client
        self._patience = patience
        self._progress = progress
        self._answer = progress.answer
        self._unexplained = unexplained
        self._made_since = dt.datetime.now(dt.UTC)
        """The earliest time (UTC) of a payment in the part of the list that is worked on: what was
        booked at suppliers for an unknown payment is looked for from then on."""
        self._seen: set[str] = set()
        self._faults = 0

    async def by_gateway(self, since: dt.datetime) -> None:
        """Go through the gateway's list of payments made since.

        Raises:
            ProviderError: the gateway does not answer; go on from ``progress``.
        """
        begin = self._made_since = self._progress.listed_until or since
        until = dt.datetime.now(dt.UTC) + AHEAD
        async for part in listed(self._gateway, self._sessions, begin, until):
            for payment in part.payments:
                await self._judge(payment, part.row(payment))
            self._answer.listed += len(part.payments)
            self._progress.listed_until = self._made_since = part.until

    async def by_record(self, since: dt.datetime) -> None:
        """Go through the bookings at rest whose payment changed since, or may still change.

        Raises:
            ProviderError: the gateway does not answer; go on from ``progress``.
        """
        while True:
            async with self._sessions() as session:
                batch = await bookings_to_look_at(
                    session, since=since, after=self._progress.looked_after, limit=BATCH
                )
            for booking_id in batch:
                await self._look(booking_id)
                self._progress.looked_after = booking_id
            if len(batch) < BATCH:
                return

    async def await_settled(self) -> None:
        """Wait a while for what was begun; what does not end is ``unsettled``."""
        if not self._progress.started:
            return
        ends = {
            asyncio.create_task(self._ended(booking_id)): booking_id
            for booking_id in self._progress.started
        }
        waiting = set(ends)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SETTLE_SECONDS
        try:
            while waiting and loop.time() < deadline:
                _, waiting = await asyncio.wait(waiting, timeout=deadline - loop.time())
        finally:
            for task in ends:
                task.cancel()
            results = await asyncio.gather(*ends, return_exceptions=True)
        ended = {ends[task] for task, result in zip(ends, results, strict=True) if result is True}
        for booking_id, stray in self._progress.started.items():
            if booking_id not in ended or await self._is_a_persons(booking_id):
                self._unsettled(booking_id)
            elif await self._agrees(booking_id, stray):
                self._answer.repaired += 1

    # -- one payment ---------------------------------------------------------------------------

    async def _judge(self, payment: Payment, row: RecordedPayments | None) -> None:
        """See what one payment of the gateway's list asks for."""
        if row is None:
            if payment.booking_id is not None and has_money(payment):
                await self._note(self._unexplained.unknown_booking(payment, self._made_since))
        elif not row.at_rest:
            return
        elif (paid := row.paid(payment.id)) is None:
            if payment.state in HOLDING or kept(payment) > 0:
                await self._stray(row.booking_id, payment)
        elif _disagrees(paid, payment):
            await self._look(row.booking_id)

    async def _look(self, booking_id: str) -> None:
        """Read a booking's payment whole, and have it settled when it is not as recorded."""
        if booking_id in self._seen:
            return
        self._seen.add(booking_id)
        booking = await self._at_rest(booking_id)
        if booking is None:
            return
        began = asyncio.get_running_loop().time()
        try:
            seen = await self._payments.look(booking_id)
        except InvalidRequest as refusal:
            await self._note(self._unexplained.missing(booking, str(refusal)))
            return
        except Fault as fault:
            self._faults += 1
            if self._faults >= FAULTS_IN_A_ROW:
                raise
            self._answer.unread += 1
            log.warning("booking %s could not be compared: %s", booking_id, fault)
            return
        self._faults = 0
        self._answer.looked += 1
        if seen:
            await self._compare(booking, seen)
        await asyncio.sleep(LOOK_SECONDS - (asyncio.get_running_loop().time() - began))

    async def _compare(self, booking: Booking, seen: list[PaymentView]) -> None:
        async with self._sessions.begin() as session:
            await cases_of_payments(session, booking, seen)
        found = differences(booking, seen)
        if not found:
            return
        now = await self._at_rest(booking.id)
        if now is None or now.version != booking.version:
            return  # it has moved on while we looked
        await self._settle(booking, "; ".join(found))

    async def _stray(self, booking_id: str, payment: Payment) -> None:
        """Have a payment given back that is not the one on record, if we asked for it.

        Money that we do not know is never moved: it is a case.
        Only when the one on record is as recorded and pays for the booking. Else the record may be
        what is wrong (a restored database), and a person must say which payment is the right one:
        the invariants ask.
        """
        booking, payment_id = await self._at_rest(booking_id), payment.id
        if booking is None:
            return
        if not await self._payments.asked_for(booking_id, payment):
            if has_money(payment):
                await self._note(
                    self._unexplained.unknown_payment(booking, payment, self._made_since)
                )
            return
        if not booking.adds_up:
            return
        try:
            seen = await self._payments.look(booking_id)
            sound = not differences(booking, seen)
            if sound and await self._payments.is_stray(booking_id, payment_id):
                why = f"{payment_id} is not the payment on record"
                await self._settle(booking, why, payment_id)
        except InvalidRequest:
            return  # the gateway does not know the one on record

    async def _settle(self, booking: Booking, why: str, stray: str | None = None) -> None:
        self._answer.differing += 1
        async with self._sessions() as session:
            owner = await load_identity(session, booking.id)
        began = await begin_settling(
            self._client,
            self._patience,
            booking,
            f"{WHY}: {why}"[:500],
            caller_id=owner.caller_id if owner else "",
            stray=stray,
        )
        if began:
            self._progress.started[booking.id] = stray
        else:
            self._unsettled(booking.id)

    async def _note(self, opening: Awaitable[bool]) -> None:
        """Count a difference that a person must settle."""
        self._answer.differing += 1
        self._answer.cases += await opening

    async def _is_a_persons(self, booking_id: str) -> bool:
        """Tell whether settling has ended with a case about the money."""
        booking = await self._at_rest(booking_id)
        return booking is not None and booking.has_payment_case

    async def _agrees(self, booking_id: str, stray: str | None) -> bool:
        booking = await self._at_rest(booking_id)
        if booking is None or (stray and await self._payments.is_stray(booking_id, stray)):
            return False
        return not differences(booking, await self._payments.look(booking_id))

    async def _at_rest(self, booking_id: str) -> Booking | None:
        async with self._sessions() as session:
            booking = await load_booking(session, booking_id)
        return booking if booking and booking.state in SETTLED_STATES else None

    def _unsettled(self, *bookings: str) -> None:
        known = self._answer.unsettled
        known += [booking for booking in bookings if booking not in known]
        del known[MOST_NAMED:]

    async def _ended(self, booking_id: str) -> bool:
        try:
            await self._client.get_workflow_handle(booking_id).result()
        except (WorkflowFailureError, RPCError):
            return False
        return True


def _disagrees(row: Paid, payment: Payment) -> bool:
    """Whether a payment is worth a closer look: the list tells less than a look does."""
    return (
        (payment.captured, payment.refunded) != (row.captured, row.refunded)
        or (payment.state in HOLDING) != (row.status in OPEN_STATUSES)
        or (payment.disputed and not row.disputed)
    )
