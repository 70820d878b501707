"""ExpireHeld: nobody has approved a reservation in time; place and money are given back."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.bookings.booking import Booking
    from models.bookings.lifecycle import BookingState
    from models.bookings.messages import BookingRequest, RequestKind, RequestsRun
    from models.bookings.problems import Code, Problem
    from models.reservations.messages import APPROVE, ExpireRequest
    from workflows.core.outcomes import TripFailedError
    from workflows.core.record import BookingRecord
    from workflows.core.requests import Requests, carry_out
    from workflows.suppliers.held import Held


@workflow.defn(name="ExpireHeld")
class ExpireHeld:
    """Runs under the booking's id: an approval, a refusal and the hold's end never overlap."""

    @workflow.init
    def __init__(self, run: RequestsRun) -> None:
        self._record = BookingRecord(run.patience)
        self._requests = Requests(run.waiting)

    @workflow.run
    async def run(self, run: RequestsRun) -> Booking:
        """Give the reservation up; returns the booking EXPIRED, or as it is if it was decided."""
        return await carry_out(
            self._record, self._requests, RequestKind.EXPIRE, run.booking_id, self._expire
        )

    async def _expire(self, request: BookingRequest) -> None:
        booking = self._record.booking
        self._record.end_request(request)
        ends = booking.hold_expires_at
        if booking.state is not BookingState.HELD or ends is None or workflow.now() < ends:
            await self._record.write_ended_requests()
            return
        rule = ExpireRequest.model_validate(request.body).rule
        reason = TripFailedError(Problem(code=Code.NOT_APPROVED, step=APPROVE, message=rule))
        held = Held(self._record, self._requests)
        await held.give_back(reason, ends=BookingState.EXPIRED, who=request.who, why=rule)
