"""CancelBooking: cancel a confirmed booking, some of its components, or one that is HELD.

What is kept comes from the terms stored at validation, at the moment of the request, and is nothing
where the provider cancels; everything else goes back to the traveller. What a supplier does not let
go stays the traveller's, with a case.
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.bookings.booking import Booking, Item
    from models.bookings.lifecycle import BookingState
    from models.bookings.messages import (
        BookingRequest,
        CancelRequest,
        RequestKind,
        RequestsRun,
    )
    from models.bookings.problems import Code, Problem
    from workflows.core.outcomes import TripCancelledError
    from workflows.core.record import BookingRecord
    from workflows.core.requests import Requests, carry_out
    from workflows.payments.refunds import Refunds
    from workflows.suppliers.held import Held
    from workflows.trips.cancellation import Cancellation

CANCELLABLE = frozenset({BookingState.CONFIRMED, BookingState.CHECKED_IN})
STEP = "cancel"


@workflow.defn(name="CancelBooking")
class CancelBooking:
    """Runs under the booking's id once another workflow has ended: one change runs at a time."""

    @workflow.init
    def __init__(self, run: RequestsRun) -> None:
        self._record = BookingRecord(run.patience)
        self._requests = Requests(run.waiting)
        self._refunds = Refunds(self._record)

    @workflow.run
    async def run(self, run: RequestsRun) -> Booking:
        """Cancel; returns the booking CANCELLED, or CONFIRMED with what is left of it.

        A booking that cannot be cancelled any more is returned as it is: cancelling twice is the
        same answer.
        """
        return await carry_out(
            self._record, self._requests, RequestKind.CANCEL, run.booking_id, self._cancel
        )

    # -- steps --------------------------------------------------------------------------------

    async def _cancel(self, request: BookingRequest) -> None:
        """Cancel at the suppliers in reverse order, refund, and record what is left."""
        booking, cancel = self._record.booking, CancelRequest.model_validate(request.body)
        if booking.state is BookingState.HELD:  # nothing is confirmed: nothing is kept
            held = Held(self._record, self._requests)
            reason = TripCancelledError(request, cancel)
            await held.give_back(reason, who=request.who, why=_why(cancel))
            return
        cancellation = Cancellation(self._record, request.requested_at, cancel.by)
        items = self._named(booking, cancel)
        refusal = self._refusal(booking, cancel, items, cancellation.fee(items))
        if refusal is not None or not items:
            self._record.end_request(request, refusal)
            await self._record.write_ended_requests()
            return
        context = {
            "operation": STEP,
            "requestedAt": request.requested_at.isoformat(),
            "by": cancel.by,
            "reason": cancel.reason,
        }
        for problem in await cancellation.cancel(items, operation=f"{STEP}-{booking.version}"):
            self._record.open_case(problem, details=context)
        unpaid = await self._refunds.give_back(cancel.reason or "cancelled")
        if unpaid is not None:
            self._record.open_case(unpaid, details=context)
        elif booking.owed == 0:
            self._record.close_cases_of_money("nothing is owed any more")
        self._record.end_request(request)
        await self._close(request, cancel)

    async def _close(self, request: BookingRequest, cancel: CancelRequest) -> None:
        """Record what is left: nothing (CANCELLED), or a smaller trip (CONFIRMED)."""
        booking = self._record.booking
        state, why = booking.state, _why(cancel)
        if booking.live_items and not cancel.components:
            why = f"to be {why}: it could not be done yet"
        if not booking.live_items:
            state = BookingState.CANCELLED
            booking.cancelled_by = cancel.by
            booking.cancel_reason = cancel.reason or None
            booking.cancelled_at = workflow.now()
        await self._record.write(state, why, who=request.who)

    def _named(self, booking: Booking, cancel: CancelRequest) -> list[Item]:
        """The live items the request is about: those named, or all."""
        named = set(cancel.components)
        return [item for item in booking.live_items if not named or item.component_id in named]

    def _refusal(
        self, booking: Booking, cancel: CancelRequest, items: list[Item], fee: int
    ) -> Problem | None:
        """Return why the request cannot be carried out; None when it can, or has nothing to do."""
        if booking.state not in CANCELLABLE and booking.state is not BookingState.CANCELLED:
            return Problem(
                code=Code.NOT_CANCELLABLE, step=STEP, message=f"the booking is {booking.state}"
            )
        if items and cancel.accepted_fee is not None and fee > cancel.accepted_fee:
            accepted = self._record.money(cancel.accepted_fee)
            return Problem(
                code=Code.FEE_CHANGED,
                step=STEP,
                message=f"cancelling keeps {self._record.money(fee)}, not {accepted}",
                details={"acceptedFee": cancel.accepted_fee, "fee": fee},
            )
        return None


def _why(cancel: CancelRequest) -> str:
    by = f"cancelled by {cancel.by.lower()}"
    return f"{by}: {cancel.reason}" if cancel.reason else by
