"""ConfirmHeld: the venue has approved a reservation that is HELD.

The claim is sold first, then the money that is held is taken; what cannot be had any more is
given back, whatever was approved.
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.bookings.booking import Booking
    from models.bookings.lifecycle import BookingState
    from models.bookings.messages import BookingRequest, RequestKind, RequestsRun
    from models.bookings.problems import Code, Problem
    from models.reservations.messages import APPROVE, ApproveRequest
    from workflows.core.activity_calls import end_task
    from workflows.core.outcomes import TripFailedError, end_of, ends_the_trip
    from workflows.core.record import BookingRecord
    from workflows.core.requests import Requests, carry_out
    from workflows.core.selling import confirm, selling
    from workflows.suppliers.held import Held

LATE = Problem(
    code=Code.NOT_APPROVED,
    step=APPROVE,
    message="it was approved when the place was not held any more",
)


@workflow.defn(name="ConfirmHeld")
class ConfirmHeld:
    """Runs under the booking's id: an approval, a refusal and the hold's end never overlap."""

    @workflow.init
    def __init__(self, run: RequestsRun) -> None:
        self._record = BookingRecord(run.patience)
        self._requests = Requests(run.waiting)

    @workflow.run
    async def run(self, run: RequestsRun) -> Booking:
        """Confirm; returns the booking CONFIRMED, or EXPIRED, FAILED or CANCELLED.

        One that was confirmed before is returned as it is: approving twice is the same answer.
        """
        return await carry_out(
            self._record, self._requests, RequestKind.APPROVE, run.booking_id, self._approve
        )

    async def _approve(self, request: BookingRequest) -> None:
        booking = self._record.booking
        if booking.state is not BookingState.HELD:
            self._record.end_request(request, _refusal(booking))
            await self._record.write_ended_requests()
            return
        await end_task()  # from here on it was HELD, whatever a worker that dies has recorded
        held = Held(self._record, self._requests)
        try:
            await self._confirm(request, held)
        except BaseException as reason:
            if not ends_the_trip(reason):
                raise
            self._record.end_request(request, end_of(reason)[1])
            await held.give_back(reason, ends=_end(reason), who="saga")

    async def _confirm(self, request: BookingRequest, held: Held) -> None:
        """Sell the place, take the money, and record it."""
        why = ApproveRequest.model_validate(request.body).reason or "approved"
        amount = self._record.booking.accepted_total
        if amount:
            with selling(LATE):
                await self._record.write(BookingState.PROCESSING, why, who=request.who)
            await held.payment.capture(amount)
            self._record.end_request(request)
            await confirm(self._record, why, who=request.who)
        else:
            self._record.end_request(request)
            await confirm(self._record, why, who=request.who, lost=LATE)


def _end(reason: BaseException) -> BookingState | None:
    """Return EXPIRED where it was approved too late; None where the reason tells the end."""
    late = isinstance(reason, TripFailedError) and reason.problem.code is Code.NOT_APPROVED
    return BookingState.EXPIRED if late else None


def _refusal(booking: Booking) -> Problem | None:
    """Return why there is nothing to approve; None for what has been confirmed."""
    if booking.state is BookingState.CONFIRMED:
        return None
    message = f"the booking is {booking.state}"
    return Problem(code=Code.NOT_CHANGEABLE, step=APPROVE, message=message)
