"""SettlePayment: put the money of a booking at rest right, and write down what the gateway says.

Begun when the gateway and the record differ: a payment that succeeded too late, a refund that came
back, a dispute, a refund somebody made elsewhere. What stands of the trip is not touched.
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.bookings.booking import Booking
    from models.bookings.lifecycle import SETTLED_STATES
    from models.bookings.messages import UNSETTLED_CASE
    from models.bookings.problems import Problem
    from models.payments.messages import SettlePaymentRequest
    from workflows.core.compensations import ignore_cancel, shielded
    from workflows.core.record import SETTLE, BookingRecord
    from workflows.core.requests import Requests, end_run
    from workflows.payments.refunds import Refunds
    from workflows.payments.settling import money_of, put_right


@workflow.defn(name="SettlePayment")
class SettlePayment:
    """Runs under the booking's id, so that nothing else changes the booking meanwhile."""

    @workflow.init
    def __init__(self, request: SettlePaymentRequest) -> None:
        self._request = request
        self._record = BookingRecord(request.patience)
        self._requests = Requests()
        self._refunds = Refunds(self._record)

    @workflow.run
    async def run(self, request: SettlePaymentRequest) -> Booking:
        """Settle; returns the booking in the state it was in, its payments up to date.

        A booking that is not at rest, or has no payment, is returned as it is. What is begun is
        finished: a cancel of the workflow changes nothing.
        """
        await shielded(self._carry_out(request), on_cancel=ignore_cancel)
        return self._record.booking

    async def _carry_out(self, request: SettlePaymentRequest) -> None:
        booking = await self._record.load(request.booking_id)
        has_money = any(payment.id for payment in booking.payments) or request.stray is not None
        if booking.state in SETTLED_STATES and has_money:
            await self._settle()
        await end_run(self._record, self._requests)

    async def _settle(self) -> None:
        """Look, give back what is owed, record; what does not add up becomes a case."""
        before = money_of(self._record)
        booking = self._record.booking
        problem = await self._put_right()
        if problem is not None:
            self._record.open_case(problem, details={**SETTLE, "stray": self._request.stray})
        else:
            for case in [case for case in booking.cases if case.payment is not None]:
                if case.kind == UNSETTLED_CASE:
                    self._record.close_case(case, by="gateway", resolution="the money adds up")
        changed = money_of(self._record) != before or self._request.stray is not None
        if changed or self._record.has_notes:
            await self._record.write(
                booking.state, self._request.why, who="gateway", tells_planner=False
            )

    async def _put_right(self) -> Problem | None:
        problem = await self._refunds.look()
        if problem is None:
            problem = await put_right(self._record, self._refunds, self._request.why)
        if problem is None and self._request.stray is not None:
            # Only when the payment on record is what is due can the other one be nobody's.
            problem = await self._refunds.return_stray(self._request.stray)
        return problem
