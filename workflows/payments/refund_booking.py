"""RefundBooking: give back more than the terms ask for, because an operator grants it."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.bookings.booking import Booking
    from models.bookings.lifecycle import SETTLED_STATES
    from models.bookings.messages import BookingRequest, RequestKind, RequestsRun
    from models.bookings.problems import Code, Problem
    from models.payments.messages import GoodwillRefund
    from workflows.core.activity_calls import end_task
    from workflows.core.record import SETTLE, BookingRecord
    from workflows.core.requests import Requests, carry_out
    from workflows.payments.refunds import Refunds
    from workflows.payments.settling import put_right

STEP = "refund"


@workflow.defn(name="RefundBooking")
class RefundBooking:
    """Runs under the booking's id, so that nothing else changes the booking meanwhile."""

    @workflow.init
    def __init__(self, run: RequestsRun) -> None:
        self._record = BookingRecord(run.patience)
        self._requests = Requests(run.waiting)
        self._refunds = Refunds(self._record)

    @workflow.run
    async def run(self, run: RequestsRun) -> Booking:
        """Refund; returns the booking in the state it was in.

        A grant that was carried out before is not made again.
        """
        return await carry_out(
            self._record, self._requests, RequestKind.REFUND, run.booking_id, self._refund
        )

    async def _refund(self, request: BookingRequest) -> None:
        booking, grant = self._record.booking, GoodwillRefund.model_validate(request.body)
        if grant.key in booking.grants:
            self._record.end_request(request)
            await self._record.write_ended_requests()
            return
        # What was wrong before is settled before anything is granted: a refund that somebody has
        # made elsewhere is not taken for the one that is asked for now.
        problem = await self._refunds.look()
        if problem is None and booking.state in SETTLED_STATES:
            problem = await put_right(self._record, self._refunds, grant.reason)
            if problem is not None:
                self._record.open_case(problem, details=SETTLE)
        problem = problem or self._refusal(booking, grant)
        if problem is None:
            booking.goodwill += grant.amount
            booking.grants = [*booking.grants, grant.key]
            # A successor that decided again would find the money gone.
            await end_task()
            problem = await self._refunds.give_back(grant.reason, operation="goodwill")
            if problem is not None:  # it is granted, and owed from now on
                self._record.open_case(problem, details=SETTLE)
                problem = None
        self._record.end_request(request, problem)
        # A refusal is written too: looking and putting right may have changed what is on record.
        why = f"a refund is refused: {problem.message}" if problem else f"goodwill: {grant.reason}"
        await self._record.write(booking.state, why, who=request.who)

    def _refusal(self, booking: Booking, grant: GoodwillRefund) -> Problem | None:
        """Return why nothing is granted: never more than is left is given back."""
        left = booking.still_there
        if booking.state not in SETTLED_STATES or grant.amount > left:
            return Problem(
                code=Code.NOT_REFUNDABLE,
                step=STEP,
                message=f"only {self._record.money(left)} is left to give back",
                details={"left": left, "currency": booking.currency},
            )
        return None
