"""Giving money back of a booking that has ended, stands, or has become smaller."""

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.bookings.booking import DisputeView, PaymentView
    from models.bookings.lifecycle import OPEN_STATUSES
    from models.bookings.messages import BookingRef
    from models.bookings.problems import Code, Problem
    from models.core.calls import Call, Input
    from models.core.keys import payment_key
    from models.payments.messages import PaymentCall, PaymentOutcome, StrayPayment
    from workflows.core import policies
    from workflows.core.activity_calls import perform_at
    from workflows.core.outcomes import fault
    from workflows.core.record import BookingRecord


class Refunds:
    """Has the gateway give back what is not due; answers a problem where it does not."""

    def __init__(self, record: BookingRecord) -> None:
        self._record = record
        self.freed = 0
        """What disputes held on record that the last look found to be won (minor units)."""

    async def look(self) -> Problem | None:
        """Read all payments of the booking at the gateway, refunds and disputes included."""
        held = {one.id for one in self._disputes() if one.status == "open"}
        outcome = await self._ask(
            calls.LOOK,
            BookingRef(booking_id=self._record.booking.id),
            "What does the gateway say?",
        )
        if isinstance(outcome, Problem):
            return outcome
        for seen in outcome.payments:
            self._record.booking.payment_seen(seen).waits_until = None
        won = [one for one in self._disputes() if one.status == "won" and one.id in held]
        self.freed = sum(one.amount for one in won)
        return None

    async def give_back(self, reason: str, *, operation: str = "refund") -> Problem | None:
        """Refund what is neither kept as a fee nor the price of what stands.

        ``operation`` is part of the key: the same one asked again in the same version of the
        booking refunds nothing a second time.
        """
        booking = self._record.booking
        # More than everything cannot be given back: what is refunded now is no goodwill any more.
        booking.goodwill = min(booking.goodwill, booking.due)
        if booking.refundable <= 0:
            return None
        for payment, keep in booking.to_refund(booking.keep):
            problem = await self._refund(payment, keep, reason, operation)
            if problem is not None:
                return problem
        if booking.refundable > 0:
            left = self._record.money(booking.refundable)
            return self._problem(f"{left} could not be given back")
        return None

    async def given_by_hand(self, reason: str) -> Problem | None:
        """Count what is to be given back as paid out otherwise, once the gateway has been asked.

        A refund that was never answered is withdrawn there, or counted if it was made.
        """
        booking = self._record.booking
        for payment in reversed(booking.payments):
            if payment.captured:
                problem = await self._refund(payment, payment.captured, reason, "by-hand")
                if problem is not None:
                    return problem
        booking.paid_by_hand += booking.refundable
        return None

    async def release(self, payment: PaymentView, reason: str) -> Problem | None:
        """Give a whole payment back: release what is held, refund what was taken."""
        outcome = await self._ask(
            calls.RETURN_PAYMENT,
            self._call(payment, "return", reason),
            "Give back what is not due",
        )
        if isinstance(outcome, Problem):
            return outcome
        if outcome.payment is not None:
            payment = self._record.booking.payment_seen(outcome.payment)
        if payment.status in OPEN_STATUSES and payment.id is not None:
            return self._problem(f"the payment {payment.id} could not be given back")
        return None

    async def return_stray(self, payment_id: str) -> Problem | None:
        """Give back a payment that is not the booking's; it is not recorded."""
        booking = self._record.booking
        key = payment_key(booking.id, 1, f"stray-{payment_id}", max(booking.version, 1))
        outcome = await self._ask(
            calls.RETURN_STRAY,
            StrayPayment(booking_id=booking.id, payment_id=payment_id, key=key),
            f"Give back {payment_id}",
        )
        if isinstance(outcome, Problem):
            return outcome
        left = outcome.payment
        if left is not None and (left.status in OPEN_STATUSES or left.left > 0):
            return self._problem(f"the payment {payment_id} could not be given back")
        return None

    async def _refund(
        self, payment: PaymentView, keep: int, reason: str, operation: str
    ) -> Problem | None:
        """Give back what was taken with one payment, but ``keep``."""
        message = self._call(payment, f"{operation}-request", reason, keep=keep)
        amount = self._record.money(max(payment.left - keep, 0))
        outcome = await self._ask(calls.REFUND, message, f"Refund {amount}")
        if isinstance(outcome, Problem):
            return outcome
        if outcome.payment is None:
            return self._problem("no answer to the refund")
        self._record.booking.payment_seen(outcome.payment)
        return None

    def _call(
        self, payment: PaymentView, operation: str, reason: str, *, keep: int = 0
    ) -> PaymentCall:
        booking = self._record.booking
        return PaymentCall(
            booking_id=booking.id,
            # The version keeps a request apart from that of an earlier change of the booking.
            key=payment_key(booking.id, payment.number, operation, booking.version),
            payment=payment.number,
            keep=keep,
            hold=payment.hold,
            reason=reason,
        )

    async def _ask(
        self, call: Call[Input, PaymentOutcome], message: Input, summary: str
    ) -> PaymentOutcome | Problem:
        """Ask the gateway, patiently; a refusal or a fault that lasts comes back as a problem."""
        patience = self._record.patience
        try:
            outcome = await perform_at(
                patience.gateway,
                patience,
                call,
                message,
                policies.undoing(patience, patience.gateway),
                summary,
            )
        except FailureError as error:
            return fault(error, step="refund", code=Code.PAYMENT_DOWN)
        return outcome.refused or outcome

    def _disputes(self) -> list[DisputeView]:
        return [one for payment in self._record.booking.payments for one in payment.disputes]

    def _problem(self, message: str) -> Problem:
        return Problem(code=Code.PAYMENT_DOWN, step="refund", message=message)
