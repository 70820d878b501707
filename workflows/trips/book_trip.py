"""BookTrip: book a whole trip, or nothing.

Read ``run`` from top to bottom: it is the story. Every step registers its compensation before it
calls anybody; whatever stops the trip leads through ``undo_booking``.
"""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.bookings.booking import Booking, Item
    from models.bookings.lifecycle import BookingState, SagaState
    from models.bookings.messages import BookingRef
    from models.bookings.problems import Code, Problem
    from models.trips.messages import BookTripRequest, OpenBooking
    from workflows.core import policies
    from workflows.core.activity_calls import perform_local
    from workflows.core.compensations import Compensations, ignore_cancel, shielded
    from workflows.core.fence import fence
    from workflows.core.opening import open_booking
    from workflows.core.outcomes import (
        TripFailedError,
        ends_the_trip,
        expect_chargeable,
        unanswered_read,
    )
    from workflows.core.record import SETTLE, UNDO, BookingRecord, without_details
    from workflows.core.requests import Requests, end_run
    from workflows.core.stops import Stops
    from workflows.core.undoing import undo_booking
    from workflows.payments.payment_steps import PaymentSteps
    from workflows.payments.refunds import Refunds
    from workflows.suppliers.item_steps import ItemSteps
    from workflows.trips.plan import plan

Unavailable = Sequence[tuple[Item, Problem | None]]


@workflow.defn(name="BookTrip")
class BookTrip:
    """Takes one booking from PENDING to CONFIRMED, FAILED or CANCELLED.

    What cannot be undone or settled becomes a case; the workflow ends all the same.
    """

    @workflow.init
    def __init__(self, request: BookTripRequest) -> None:
        self._request = request
        self._record = BookingRecord(request.patience, request.new_booking(workflow.now()))
        self._requests = Requests()
        self._stops = Stops(self._record, self._requests)
        self._compensations = Compensations()
        self._payment = PaymentSteps(
            self._record, self._compensations, self._stops, waits_in=BookingState.PAYMENT_PENDING
        )
        self._items = ItemSteps(self._record, self._compensations)
        self._refunds = Refunds(self._record)
        self._payment.register_if_local()
        for stage in plan(self._record.booking.items):
            self._items.register_local(stage)

    @workflow.run
    async def run(self, _request: BookTripRequest) -> Booking:
        """Book the trip; returns the booking CONFIRMED, FAILED or CANCELLED, without details.

        A booking that an earlier workflow of this id has made is returned as it is.
        """
        try:
            await shielded(self._book(), on_cancel=self._stops.cancel_by_operator)
        except BaseException as reason:
            if not ends_the_trip(reason):
                raise
            undoing = undo_booking(self._record, self._compensations, reason)
            await shielded(undoing, on_cancel=ignore_cancel)
        await shielded(end_run(self._record, self._requests), on_cancel=ignore_cancel)
        return without_details(self._record.booking)

    # -- steps --------------------------------------------------------------------------------

    async def _book(self) -> None:
        if not await self._open():
            return
        await self._validate()
        await self._authorise()
        booking = self._record.booking
        stages = plan(booking.items, self._record.patience.order, now=workflow.now())
        for number, stage in enumerate(stages):
            await self._book_stage(stage, steps_left=len(stages) - number + 1)
        await self._complete_what_is_held()
        await self._capture()
        await self._pay_what_is_held()
        await self._confirm()

    async def _open(self) -> bool:
        """Write the booking down and lock the trip option. False: it was made long ago."""
        opening = OpenBooking(
            request=self._request, run=workflow.info().first_execution_run_id, fence=fence()
        )
        return await open_booking(
            self._record, calls.OPEN_BOOKING, opening, "Write the booking down"
        )

    async def _validate(self) -> None:
        """Quote and verify all items at once; no more than the traveller accepted, or nothing."""
        self._stops.stop_if_cancelled()
        booking = self._record.booking
        suppliers = sorted({item.supplier for item in booking.items})
        try:
            quoted = await perform_local(
                calls.QUOTE_ITEMS,
                BookingRef(booking_id=booking.id, fence=fence()),
                policies.reading(self._record.patience, suppliers),
                "Ask every supplier for its price",
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
        booking.warn(booking.items)
        total = _total(booking.items)
        if total > booking.accepted_total:
            raise TripFailedError(self._price_changed(total))
        expect_chargeable(total, booking.currency, step="validate")
        await self._record.write(BookingState.PROCESSING, "every item verified")

    async def _authorise(self) -> None:
        """Hold the money; take none of it yet."""
        self._stops.stop_if_cancelled()
        self._payment.register()
        await self._payment.hold(_total(self._record.booking.items))

    async def _book_stage(self, stage: list[Item], steps_left: int) -> None:
        """Book the items of one stage together. Flight and hotel are required."""
        self._stops.stop_if_cancelled()
        self._stops.stop_if_holds_end()
        await self._payment.keep_hold(_total(self._record.booking.items), steps_left)
        problems = await self._items.book(stage)
        await self._go_on_without(list(zip(stage, problems, strict=True)))

    async def _complete_what_is_held(self) -> None:
        """Complete what costs nothing for good yet; a cancellation is still honoured."""
        self._stops.stop_if_cancelled()
        self._stops.stop_if_holds_end()
        booking = self._record.booking
        await self._go_on_without(await self._items.complete(booking.items, after_capture=False))

    async def _capture(self) -> None:
        """Take the money for exactly what was confirmed. A cancel that comes later is too late."""
        self._stops.stop_if_cancelled()
        amount = _total([item for item in self._record.booking.items if item.live or item.held])
        if amount == 0:
            raise TripFailedError(
                Problem(
                    code=Code.UNAVAILABLE,
                    step="activity",
                    message="nothing of this trip could be booked",
                )
            )
        expect_chargeable(amount, self._record.booking.currency, step="capture")
        await self._payment.keep_hold(amount, steps_left=1)
        self._stops.stop_if_holds_end()
        await self._payment.capture(amount)

    async def _pay_what_is_held(self) -> None:
        """Pay the suppliers that are paid for good, now that the traveller has paid."""
        booking = self._record.booking
        await self._go_on_without(await self._items.complete(booking.items, after_capture=True))

    async def _go_on_without(self, booked: Unavailable) -> None:
        """Go on without experiences that could not be had; a flight or a hotel ends the trip."""
        for item, problem in booked:
            if problem is not None and item.required:
                raise TripFailedError(problem)
        for item, problem in booked:
            if problem is not None:
                await self._items.drop(item)

    async def _confirm(self) -> None:
        """Write the confirmation down; what is left of a dropped experience becomes a case."""
        self._record.booking.confirmed_at = workflow.now()
        # Of what was taken for an experience that could not be had once it was paid.
        unpaid = await self._refunds.give_back("a part of the trip could not be had after all")
        if unpaid is not None:
            self._record.open_case(unpaid, details=SETTLE)
        await self._record.write(BookingState.CONFIRMED, "what is booked is paid")
        self._compensations.keep_failed()
        left = await self._compensations.run()
        if left:
            for problem in left:
                self._record.open_case(problem, details=UNDO)
            why = "what the trip goes without could not be undone"
            await self._record.write(BookingState.CONFIRMED, why)

    # -- helpers ------------------------------------------------------------------------------

    def _price_changed(self, total: int) -> Problem:
        booking = self._record.booking
        accepted = booking.accepted_total
        return Problem(
            code=Code.PRICE_CHANGED,
            step="validate",
            message=f"the trip now costs {self._record.money(total)}, not"
            f" {self._record.money(accepted)}",
            details={
                "oldPrice": accepted,
                "newPrice": total,
                "currency": booking.currency,
                "items": [
                    {"componentId": item.component_id, "newPrice": item.price}
                    for item in booking.items
                ],
            },
        )


def _total(items: Sequence[Item]) -> int:
    return sum(item.price for item in items)
