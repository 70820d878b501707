"""BookTrip: book a whole trip, or nothing.

Read ``run`` from top to bottom: it is the story. Every step registers its undo before it calls
anybody; whatever stops the trip leads through ``_put_everything_back``.
"""

import asyncio

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.bookings.booking import Booking, Item
    from models.bookings.lifecycle import BookingState, ItemStatus, SagaState
    from models.bookings.messages import CANCEL_UPDATE, BookingRef, CancelOutcome, CancelRequest
    from models.bookings.problems import Code, Problem
    from models.trips.messages import BookTripRequest, OpenBooking
    from workflows.core import policies
    from workflows.core.outcomes import TripFailedError, end_of, ends_the_trip, unanswered_read
    from workflows.core.perform import perform_local
    from workflows.trips.plan import plan
    from workflows.trips.trip import Trip


@workflow.defn(name="BookTrip")
class BookTrip(Trip):
    """One booking's way from PENDING to CONFIRMED, FAILED or CANCELLED.

    With a wait in NEEDS_ATTENTION where only a person can tell what is left outside.
    """

    @workflow.init
    def __init__(self, request: BookTripRequest) -> None:
        super().__init__(request.new_booking(workflow.now()), request.patience)
        self._request = request

    @workflow.run
    async def run(self, _request: BookTripRequest) -> Booking:
        """Book the trip; returns the booking CONFIRMED, FAILED or CANCELLED.

        A booking that an earlier workflow of this id has made is returned as it is.
        """
        try:
            if not await self._whole(self._open()):
                return await self._end()
            await self._whole(self._validate())
            await self._whole(self._authorise())
            stages = plan(self._booking.items, self._patience.order, now=workflow.now())
            for number, stage in enumerate(stages):
                await self._whole(self._book(stage, steps_left=len(stages) - number + 1))
            await self._whole(self._complete(after_capture=False))
            await self._whole(self._capture())
            await self._whole(self._complete(after_capture=True))
            await self._whole(self._confirm())
        except BaseException as reason:
            if not ends_the_trip(reason):
                raise
            await self._whole(self._put_everything_back(reason))
        return await self._end()

    @workflow.update(name=CANCEL_UPDATE)
    async def cancel(self, request: CancelRequest) -> CancelOutcome:
        """Cancel the booking while it is being made; answers when it has ended.

        Honoured before every step up to the capture. ``too_late`` says that the trip was
        confirmed all the same, or that only some components were to go: cancel the booking then.
        """
        if self._cancel_wish is None and not request.components:
            self._cancel_wish = request
        await workflow.wait_condition(lambda: self._ended)
        return CancelOutcome(
            booking=self._booking, too_late=self._booking.state is BookingState.CONFIRMED
        )

    # -- the story ------------------------------------------------------------------------

    async def _open(self) -> bool:
        """Write the booking down and lock the trip option. False: it was made long ago."""
        opened = await perform_local(
            calls.OPEN_BOOKING,
            OpenBooking(request=self._request, run=workflow.info().first_execution_run_id),
            policies.record(),
            "Write the booking down",
        )
        if opened.existing is not None:
            self._held = opened.existing
            return False
        self._held = self._booking.model_copy(
            update={"state": BookingState.VALIDATING, "version": opened.version}
        )
        self._tell("booking", BookingState.VALIDATING, "checking every item at its supplier")
        if opened.taken_by is not None:
            raise TripFailedError(
                Problem(
                    code=Code.TRIP_TAKEN,
                    step="validate",
                    message="this trip option is already booked or being booked",
                    details={"bookingId": opened.taken_by},
                )
            )
        return True

    async def _validate(self) -> None:
        """Quote and verify all items at once; no more than the traveller accepted, or nothing."""
        self._stop_if_cancelled()
        booking = self._booking
        suppliers = sorted({item.supplier for item in booking.items})
        try:
            quoted = await perform_local(
                calls.QUOTE_ITEMS,
                BookingRef(booking_id=booking.id),
                policies.reading(self._patience, suppliers),
                f"Quote {len(booking.items)} items",
            )
        except FailureError as error:
            raise TripFailedError(unanswered_read(error, step="validate")) from error
        if quoted.problems:
            raise TripFailedError(quoted.problems[0])
        for item in booking.items:
            item.quote = quoted.quotes[item.number]
            item.price = item.quote.payable.price.amount
            item.supplier_price = item.quote.price if item.quote.converted else None
            item.saga_state = SagaState.QUOTED
        total = sum(item.price for item in booking.items)
        if total > booking.accepted_total:
            raise TripFailedError(self._price_changed(total))
        self._tell("validate", "done", f"all items are available for {self._money(total)}")
        await self._record(BookingState.PROCESSING, "every item verified")

    async def _authorise(self) -> None:
        """Hold the money; take none of it yet."""
        self._stop_if_cancelled()
        self._register_payment()
        payment = await self._hold_money(sum(item.price for item in self._booking.items))
        self._tell("authorise", "done", f"{self._money(payment.authorised)} held on the card")

    async def _book(self, stage: list[Item], steps_left: int) -> None:
        """Book the items of one stage together. Flight and hotel are required."""
        self._stop_if_cancelled()
        self._stop_if_holds_end()
        await self._keep_hold(sum(item.price for item in self._booking.items), steps_left)
        problems = await asyncio.gather(*(self._book_item(item) for item in stage))
        await self._go_on_without(stage, problems)

    async def _go_on_without(self, items: list[Item], problems: list[Problem | None]) -> None:
        """Go on without experiences that could not be had; a flight or a hotel ends the trip."""
        for item, problem in zip(items, problems, strict=True):
            if problem is not None and item.required:
                raise TripFailedError(problem)
        for item, problem in zip(items, problems, strict=True):
            if problem is not None:
                await self._drop(item)

    async def _capture(self) -> None:
        """Take the money for exactly what was confirmed. A cancel that comes later is too late."""
        self._stop_if_cancelled()
        stands = [item for item in self._booking.items if item.live or item.held]
        amount = sum(item.price for item in stands)
        if amount == 0:
            raise TripFailedError(
                Problem(
                    code=Code.UNAVAILABLE,
                    step="activity",
                    message="nothing of this trip could be booked",
                )
            )
        await self._keep_hold(amount, steps_left=1)
        self._stop_if_holds_end()
        await self._take(amount)

    async def _confirm(self) -> None:
        """Write the confirmation down; then nothing is left to undo but what is unsettled."""
        self._booking.confirmed_at = workflow.now()
        await self._record(BookingState.CONFIRMED, "what is booked is paid")
        self._saga.accept()
        await self._saga.undo()
        decided_by = await self._settle_with_operator()
        if decided_by is not None:
            await self._record(BookingState.CONFIRMED, "the case is settled", who=decided_by)

    # -- the way back ---------------------------------------------------------------------

    async def _put_everything_back(self, reason: BaseException) -> None:
        """Undo every step taken, last first; what cannot be undone waits for an operator."""
        state, problem = end_of(reason)
        booking = self._booking
        booking.problem = problem
        if state is BookingState.CANCELLED and self._cancel_wish is not None:
            booking.cancelled_by = self._cancel_wish.by
            booking.cancel_reason = self._cancel_wish.reason or None
        if problem.item is None:  # of an item it was told when it was not booked
            self._tell(problem.step, "failed", problem.message)
        await self._saga.undo()
        decided_by = await self._settle_with_operator()
        for item in self._booking.items:
            if item.status is ItemStatus.PENDING:
                item.status = ItemStatus.CANCELLED  # its turn never came
        if state is BookingState.CANCELLED:
            self._booking.cancelled_at = workflow.now()
        why = f"{problem.code} at {problem.step}: everything is put back"
        if self._booking.case is not None and self._booking.case.resolution:
            why += f" (operator: {self._booking.case.resolution})"
        await self._record(state, why, who=decided_by or "saga")

    def _price_changed(self, total: int) -> Problem:
        accepted = self._booking.accepted_total
        return Problem(
            code=Code.PRICE_CHANGED,
            step="validate",
            message=f"the trip now costs {self._money(total)}, not {self._money(accepted)}",
            details={
                "oldPrice": accepted,
                "newPrice": total,
                "currency": self._booking.currency,
                "items": [
                    {"componentId": item.component_id, "newPrice": item.price}
                    for item in self._booking.items
                ],
            },
        )
