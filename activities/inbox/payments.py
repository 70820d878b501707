"""Handling the events of the gateway: each is a reason to look at one payment, nothing more.

The payment is read anew at the gateway and held against the record, so neither the order of events
nor their number can matter (reliability.md rule 6, I12). Who owns the booking's money meanwhile:

- its workflow, while it runs: it is told to look when it waits for the payment, else the event
  waits for its end;
- nobody, while it is at rest: what differs starts SettlePayment. While it is HELD nothing does:
  approving it and giving it up both ask the gateway first.
"""

from collections.abc import Sequence

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.inbox.verdicts import Verdict, later, unknown
from activities.payments.activities import PaymentActivities
from activities.payments.cases import cases_of_payments
from activities.payments.comparing import differences
from activities.payments.settling import begin_settling
from models.bookings.booking import Booking, PaymentView
from models.bookings.lifecycle import SETTLED_STATES, BookingState
from models.bookings.messages import PAYMENT_SIGNAL, UNSETTLED_CASE
from models.bookings.repository import load_booking, load_identity
from models.core.database import Sessions
from models.core.patience import Patience
from models.inbox.repository import ClaimedEvent, EventStatus, find_booking


class PaymentEvents:
    """Handles the events of the gateway that moves the money."""

    def __init__(
        self, sessions: Sessions, payments: PaymentActivities, client: Client, patience: Patience
    ) -> None:
        self._sessions = sessions
        self._payments = payments
        self._client = client
        self._patience = patience

    async def booking_of(self, events: Sequence[ClaimedEvent]) -> str | None:
        """Return the booking on record that events of one payment are about."""
        async with self._sessions() as session:
            return await find_booking(session, events[0].payment_id, events[0].booking_id)

    async def decide(self, events: Sequence[ClaimedEvent]) -> Verdict:
        """Look at the payment, and have what differs settled."""
        booking_id = await self._find_booking(events)
        async with self._sessions() as session:
            booking = await load_booking(session, booking_id) if booking_id else None
            owner = await load_identity(session, booking_id) if booking_id else None
        if booking is None or owner is None:
            return unknown(events)
        if booking.state is BookingState.PAYMENT_PENDING or booking.change_waits:
            return await self._tell_workflow(booking)
        if booking.state in SETTLED_STATES:
            return await self._look(booking, owner.caller_id, events)
        if booking.at_rest:  # HELD: nobody settles what is about to be taken or released
            return Verdict(EventStatus.DONE, "whoever decides about the booking asks the gateway")
        return later(f"the booking is {booking.state}: its workflow owns the money")

    async def _find_booking(self, events: Sequence[ClaimedEvent]) -> str | None:
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
        why = differences(booking, seen)
        named = events[0].payment_id
        stray = None
        if not why and named is not None and await self._payments.is_stray(booking.id, named):
            if any(case.kind == UNSETTLED_CASE for case in booking.cases):
                return later(
                    "a case of the booking is open: the payment on record is settled first"
                )
            if not booking.adds_up:
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
            return later("a workflow of the booking runs: it owns the money")
        if named not in (None, stray, *(payment.id for payment in booking.payments)):
            return later("the payment on record is settled first")
        settling = f"settling: {'; '.join(why)}"
        if stray is not None:
            # It is over when that payment is gone, not before: the workflow leaves it alone where
            # it finds the payment on record in doubt, and the case may be about another one.
            return later(settling)
        return Verdict(EventStatus.DONE, settling)

    async def _seen(self, booking: Booking) -> list[PaymentView]:
        """Return the payments as the gateway has them now; disputes are the operators' too."""
        seen = await self._payments.look(booking.id)
        if seen:
            async with self._sessions.begin() as session:
                await cases_of_payments(session, booking, seen)
        return seen

    async def _tell_workflow(self, booking: Booking) -> Verdict:
        try:
            await self._client.get_workflow_handle(booking.id).signal(PAYMENT_SIGNAL)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return later(f"the booking is {booking.state}, but no workflow of it runs")
        return Verdict(EventStatus.DONE, "the booking, which waited for its payment, was told")
