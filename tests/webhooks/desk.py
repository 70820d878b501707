"""Bookings at rest with real payments, and an inbox that nobody but the test empties."""

import datetime as dt
import time
import uuid
from dataclasses import dataclass

from psycopg.rows import DictRow
from sqlalchemy import func, update
from temporalio.client import Client

from activities.inbox.inbox import Inbox
from activities.payments.views import Terms, view
from activities.registry import Activities
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, ItemStatus
from models.bookings.messages import Transition
from models.bookings.repository import record_transition
from models.core.database import Sessions, create_sessions
from models.core.money import Money
from models.inbox.repository import INBOX, NewEvent, receive_event
from models.kinds import HOOKS
from models.trips.messages import OpenBooking
from models.trips.repository import insert_trip
from tests.support.money import Gateway
from tests.support.stack import Stack
from tests.webhooks.rows import Rows


@dataclass
class Desk:
    """One database, gateway and Temporal; no worker."""

    stack: Stack
    rows: Rows
    activities: Activities

    @property
    def elsewhere(self) -> Gateway:
        """The gateway, where people do things without us."""
        return Gateway(self.stack)

    @property
    def sessions(self) -> Sessions:
        return create_sessions(self.activities.engine)

    def inbox(self, client: Client | None = None) -> Inbox:
        return Inbox(
            self.sessions,
            self.activities.payments,
            self.activities.items,
            client or self.stack.client,
            self.stack.settings,
        )

    # -- bookings -------------------------------------------------------------------------

    async def booking(
        self, state: BookingState = BookingState.CONFIRMED, *, card: str = "pm_card_visa"
    ) -> Booking:
        """A booking on the way to ``state``, its payment captured if it is booked."""
        request = await self.stack.request(activities=0)
        now = dt.datetime.now(dt.UTC)
        async with self.sessions.begin() as session:
            version = await insert_trip(session, OpenBooking(request=request, run="test"), now)
        booking = request.new_booking(now).model_copy(
            update={"state": BookingState.VALIDATING, "version": version}
        )
        if state is BookingState.HELD:
            return await self._record(await self._held(booking, card), state)
        booking = await self._record(booking, BookingState.PROCESSING)
        if state is BookingState.PROCESSING:
            return booking
        if state is BookingState.PAYMENT_PENDING:
            return await self._record(await self._held(booking, card), state)
        booking = await self._taken(await self._held(booking, card))
        for item in booking.items:
            item.status = ItemStatus.CONFIRMED
        booking.confirmed_at = now
        booking = await self._record(booking, BookingState.CONFIRMED)
        if state is not BookingState.CONFIRMED:
            booking = await self._record(booking, state)
        return booking

    async def _held(self, booking: Booking, card: str) -> Booking:
        gateway = self.activities.gateway
        amount = Money(amount=booking.accepted_total, currency=booking.currency)
        made = await gateway.create(amount=amount, reference=booking.id, key=f"{booking.id}:create")
        held = await gateway.confirm(made.id, payment_method_id=card, key=f"{booking.id}:confirm")
        return booking.model_copy(update={"payments": [view(held, _terms(booking, made.id))]})

    async def _taken(self, booking: Booking) -> Booking:
        payment_id = paid(booking)
        taken = await self.activities.gateway.capture(
            payment_id,
            amount=Money(amount=booking.accepted_total, currency=booking.currency),
            key=f"{booking.id}:capture",
        )
        return booking.model_copy(update={"payments": [view(taken, _terms(booking, payment_id))]})

    async def _record(self, booking: Booking, state: BookingState) -> Booking:
        following = booking.model_copy(update={"state": state})
        transition = Transition(
            booking=following, from_state=booking.state, who="test", why="a test needs it so"
        )
        async with self.sessions.begin() as session:
            version = await record_transition(session, transition, HOOKS)
        return following.model_copy(update={"version": version})

    async def looks(self, booking: Booking) -> int:
        """How often the payment has been looked at: each look reads refunds and disputes too."""
        rows = await self.stack.sandbox.log(booking.id)
        reads: int = sum(row["operation"] == "retrieve" for row in rows)
        assert reads % 3 == 0
        return reads // 3

    # -- events ---------------------------------------------------------------------------

    async def event(
        self,
        booking: Booking | None = None,
        *,
        age: float = 0,
        attempts: int = 0,
        gateway: str = "stripe",
        payment: str | None = None,
        kept: str | None = None,
    ) -> str:
        """Put an event into the inbox, ``age`` seconds ago; about nobody unless told."""
        identity = f"evt_{uuid.uuid4().hex}"
        about = payment or (booking.payment.id if booking else None)
        new = NewEvent(
            gateway=gateway,
            event_id=identity,
            type="charge.refunded",
            livemode=False,
            payment_id=about or f"pi_{uuid.uuid4().hex}",
            booking_id=booking.id if booking else None,
            created_at=dt.datetime.now(dt.UTC),
            payload={},
            kept_because=kept,
        )
        async with self.sessions.begin() as session:
            assert await receive_event(session, new)
            await session.execute(
                update(INBOX)
                .where(INBOX.c.event_id == identity)
                .values(
                    received_at=func.now() - dt.timedelta(seconds=age),
                    attempts=attempts,
                )
            )
        return identity

    def row(self, event_id: str) -> DictRow:
        """The event, with ``due_in``: seconds until it is to be handled."""
        return self.rows.one(
            "SELECT *, extract(epoch FROM due_at - now())::float AS due_in"
            " FROM webhook_events WHERE event_id = %s",
            event_id,
        )

    def make_due(self, event_id: str) -> None:
        self.rows("UPDATE webhook_events SET due_at = now() WHERE event_id = %s", event_id)

    async def empty(self) -> None:
        """Handle all that is due."""
        inbox = self.inbox()
        end = time.monotonic() + 30
        while await handle_next(inbox):
            assert time.monotonic() < end

    async def close(self) -> None:
        await self.activities.close()
        await self.stack.close()


async def handle_next(inbox: Inbox) -> bool:
    """Handle what has been due longest; False when nothing is due."""
    events = await inbox.claim()
    if events:
        await inbox.handle(events)
    return bool(events)


def paid(booking: Booking) -> str:
    """The payment's id."""
    assert booking.payment.id is not None
    return booking.payment.id


def _terms(booking: Booking, payment_id: str) -> Terms:
    payment = booking.payment
    return Terms(
        booking_id=booking.id,
        payment_id=payment_id,
        payment_method_id=payment.payment_method_id or "",
        currency=booking.currency,
        amount=booking.accepted_total,
        hold=1,
    )
