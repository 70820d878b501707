"""Payments that no workflow can put right, for record or gateway know nothing of them: cases."""

import datetime as dt
from collections.abc import Mapping

from activities.operations.forgotten import ForgottenReservations
from activities.operations.listing import HOLDING, kept
from models.bookings.booking import Booking, Item
from models.core.cases import CaseKind, close_case, is_open, list_open_cases, open_case
from models.core.database import Sessions
from models.core.errors import InvalidRequest
from models.operations.messages import MOST_NAMED
from models.payments.recorded import recorded_payments
from payments.core.protocol import Gateway, Payment, PaymentState
from suppliers.core.protocol import Supplier

BY = "reconciliation"


def has_money(payment: Payment) -> bool:
    """Tell whether money is held or was taken, and not given back."""
    return payment.state in HOLDING - {PaymentState.ACTION_REQUIRED} or kept(payment) > 0


def _source(payment_id: str) -> str:
    return f"payment:{payment_id}"


def _code(item: Item) -> str | None:
    return item.reservation.confirmation_code if item.reservation else None


class Unexplained:
    """Opens such cases, and closes them when their reason is gone."""

    def __init__(
        self, sessions: Sessions, gateway: Gateway, suppliers: Mapping[str, Supplier]
    ) -> None:
        self._sessions = sessions
        self._gateway = gateway
        self._forgotten = ForgottenReservations(suppliers)

    async def unknown_booking(self, payment: Payment, since: dt.datetime) -> bool:
        """Have a person ask about money of a booking that is not on record; True if it is new.

        The payment was made after ``since`` (UTC).
        """
        assert payment.booking_id is not None
        if await self._is_open(payment.id):
            return False
        standing = await self._forgotten.standing(payment.booking_id, since)
        return await self._open(
            payment.id,
            f"The payment {payment.id} holds or took {payment.amount} for the booking"
            f" {payment.booking_id}, which is not on record. Live at suppliers under its"
            f" references: {standing}. Find out whose it is; release or refund it at the gateway.",
            None,
            {
                "bookingNamed": payment.booking_id,
                "live": standing.live,
                "state": payment.state,
                "captured": payment.captured,
                "refunded": payment.refunded,
                "currency": payment.amount.currency,
            },
        )

    async def unknown_payment(self, booking: Booking, payment: Payment, since: dt.datetime) -> bool:
        """Have a person ask about money of a booking that nobody here asked for; True if new.

        The payment was made after ``since`` (UTC).
        """
        if await self._is_open(payment.id):
            return False
        standing = await self._forgotten.standing(booking.id, since, known=len(booking.items))
        live = [
            " ".join(filter(None, [item.title or item.type, "at", item.supplier, _code(item)]))
            for item in booking.live_items
        ]
        return await self._open(
            payment.id,
            f"The payment {payment.id} holds or took {payment.amount} for {booking.reference}, and"
            " this database never asked for it: another system's on the same account, or from"
            " before a restored backup? What it pays for may be live at a supplier. Live on record:"
            f" {'; '.join(live) or 'nothing'}. At suppliers beside that: {standing}. Nothing was"
            " moved: find out what it paid for, then release or refund it at the gateway.",
            booking.id,
            {
                "state": payment.state,
                "captured": payment.captured,
                "refunded": payment.refunded,
                "currency": payment.amount.currency,
                "live": live + standing.live,
            },
        )

    async def missing(self, booking: Booking, answer: str) -> bool:
        """Have a person ask why the gateway does not know a payment on record; True if new."""
        payment_id = booking.payment.id
        if payment_id is None:
            return False
        return await self._open(
            payment_id,
            f"The payment {payment_id} of the booking {booking.reference} is on record, but the"
            " gateway does not know it. Is it another account's, or was the database restored?",
            booking.id,
            {"answer": answer},
        )

    async def close_explained(self) -> None:
        """Close the cases of earlier rounds whose reason is gone.

        Raises:
            ProviderError: the gateway does not answer.
        """
        async with self._sessions() as session:
            cases = await list_open_cases(session, CaseKind.RECONCILIATION, limit=MOST_NAMED)
        for case in cases:
            payment_id = case.source.removeprefix("payment:")
            if payment_id != case.source and await self._is_explained(payment_id):
                async with self._sessions.begin() as session:
                    await close_case(
                        session, source=case.source, by=BY, resolution="no longer found"
                    )

    async def _open(
        self, payment_id: str, summary: str, booking_id: str | None, details: dict[str, object]
    ) -> bool:
        async with self._sessions.begin() as session:
            return await open_case(
                session,
                kind=CaseKind.RECONCILIATION,
                source=_source(payment_id),
                summary=summary,
                booking_id=booking_id,
                details={"paymentId": payment_id, **details},
            )

    async def _is_open(self, payment_id: str) -> bool:
        async with self._sessions() as session:
            return await is_open(session, _source(payment_id))

    async def _is_explained(self, payment_id: str) -> bool:
        """Whether record and gateway both know a payment, or nothing of it is left."""
        async with self._sessions() as session:
            on_record = bool(await recorded_payments(session, payments=[payment_id]))
        try:
            payment = await self._gateway.retrieve(payment_id)
        except InvalidRequest:
            return not on_record
        return on_record or not has_money(payment)
