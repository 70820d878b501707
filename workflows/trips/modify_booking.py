"""ModifyBooking: change a confirmed trip, or leave it exactly as it was.

New items are booked and what they cost more is taken before anything old is cancelled. Up to that
point everything can be undone, and on any failure it is; from there on the change stands, and what
cannot be cancelled becomes a case (decision 19).
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.bookings.booking import Booking, Item
    from models.bookings.changes import end_payments, payment_for
    from models.bookings.lifecycle import BookingState, ItemStatus
    from models.bookings.messages import BookingRequest, RequestKind, RequestsRun
    from models.bookings.problems import Code, Problem
    from models.trips.changes import (
        STEP,
        ChangeNote,
        ChangeOutcome,
        ChangeQuote,
        ChangeRequest,
        refusal,
    )
    from workflows.core import policies
    from workflows.core.activity_calls import perform_local
    from workflows.core.compensations import Compensations, shielded
    from workflows.core.fence import fence
    from workflows.core.outcomes import (
        TripFailedError,
        end_of,
        ends_the_trip,
    )
    from workflows.core.record import UNDO, BookingRecord
    from workflows.core.requests import Requests, end_run
    from workflows.core.stops import Stops
    from workflows.payments.payment_steps import PaymentSteps
    from workflows.payments.refunds import Refunds
    from workflows.suppliers.item_steps import ItemSteps
    from workflows.trips.cancellation import Cancellation
    from workflows.trips.plan import plan
    from workflows.trips.quote_change import quoted

CONFIRMED = BookingState.CONFIRMED


@workflow.defn(name="ModifyBooking")
class ModifyBooking:
    """Runs under the booking's id, so that one change runs at a time. The state stays CONFIRMED."""

    @workflow.init
    def __init__(self, run: RequestsRun) -> None:
        # Nothing with an effect runs locally: what is decided is durable before it is done.
        self._record = BookingRecord(run.patience.model_copy(update={"local": []}))
        self._patience = run.patience
        self._requests = Requests(run.waiting)
        self._stops = Stops(self._record, self._requests, carried_out_next=True)
        self._compensations = Compensations()
        self._payment = PaymentSteps(
            self._record, self._compensations, self._stops, waits_in=CONFIRMED
        )
        self._items = ItemSteps(self._record, self._compensations, provisional=True)
        self._refunds = Refunds(self._record)
        self._gone: list[Item] = []
        self._new: list[Item] = []

    @workflow.run
    async def run(self, run: RequestsRun) -> Booking:
        """Change the booking; returns it CONFIRMED, changed or as it was.

        A change that has ended before is not made again. A request to cancel the booking ends a
        change that can still be undone, and is carried out after it in any case.
        """
        await shielded(self._carry_out(run), on_cancel=self._stops.cancel_by_operator)
        return self._record.booking

    async def _carry_out(self, run: RequestsRun) -> None:
        request = await self._requests.take(RequestKind.CHANGE)
        if request is None:
            await self._record.load(run.booking_id)
        else:
            await self._change(ChangeRequest.model_validate(request.body), request)
        self._record.patience = self._patience
        await end_run(self._record, self._requests)

    # -- steps --------------------------------------------------------------------------------

    async def _change(self, change: ChangeRequest, request: BookingRequest) -> None:
        opened = await perform_local(
            calls.OPEN_CHANGE, request, policies.record(), "Write the change down"
        )
        self._record.read(opened.booking)
        if opened.outcome is not None:  # it has ended before
            self._record.end_request(request, opened.outcome.problem)
            await self._record.write_ended_requests()
            return
        outcome = ChangeOutcome(change_id=change.change_id)
        try:
            quote = await self._verify(change, outcome)
        except BaseException as reason:
            if not ends_the_trip(reason):
                raise
            problem = self._note_refusal(reason, outcome)
            await perform_local(
                calls.END_CHANGE,
                ChangeNote(change_id=change.change_id, outcome=outcome, fence=fence()),
                policies.record(),
                "Note that nothing is changed",
            )
            self._record.end_request(request, problem)
            await self._record.write_ended_requests()
            return
        warnings = list(self._record.booking.warnings)
        try:
            await self._book(change, quote)
        except BaseException as reason:
            if not ends_the_trip(reason):
                raise
            await self._undo(reason, change, request, outcome, warnings)
            return
        await self._let_stand(change, request, quote, outcome)

    async def _verify(self, change: ChangeRequest, outcome: ChangeOutcome) -> ChangeQuote:
        """Verify and price what comes; nothing is touched."""
        booking = self._record.booking
        problem = refusal(booking, change.requested)
        if problem is not None:
            raise TripFailedError(problem)
        quote, self._gone, self._new = await quoted(
            booking, change.requested, self._record.patience, change.change_id
        )
        outcome.quote = quote
        if quote.new_total > change.accepted_total:
            raise TripFailedError(self._dearer(quote, change.accepted_total))
        self._stops.stop_if_cancelled()
        return quote

    async def _book(self, change: ChangeRequest, quote: ChangeQuote) -> None:
        """Book and pay what comes; nothing of the old trip is touched."""
        more = max(quote.difference, 0)
        await self._begin(change, quote)
        if more:
            self._stops.stop_if_cancelled()
            self._payment.register(self._record.booking.payments[-1].number)
            await self._payment.hold(more)
            await self._record.write(CONFIRMED, "what the change costs more is held")
            self._refresh()
        stages = plan(self._new, self._record.patience.order, now=workflow.now())
        for number, stage in enumerate(stages):
            self._stops.stop_if_cancelled()
            self._stops.stop_if_holds_end()
            if more:
                await self._payment.keep_hold(more, len(stages) - number + 1)
            for problem in await self._items.book(stage):
                _fail(problem)
        self._stops.stop_if_cancelled()
        self._stops.stop_if_holds_end()
        for _, problem in await self._items.complete(self._new, after_capture=False):
            _fail(problem)
        self._stops.stop_if_cancelled()
        self._stops.stop_if_holds_end()
        if more:
            await self._payment.keep_hold(more, steps_left=1)
            await self._payment.capture(more)
        for _, problem in await self._items.complete(self._new, after_capture=True):
            _fail(problem)

    async def _begin(self, change: ChangeRequest, quote: ChangeQuote) -> None:
        """Write down what comes and what it is paid with, before anything is done."""
        booking = self._record.booking
        if quote.difference > 0:
            payment = payment_for(
                booking, quote.difference, change.payment_method_id, change.change_id
            )
            booking.payments = [*booking.payments, payment]
            for item in self._new:
                item.payment = payment.number
        booking.items = [*booking.items, *self._new]
        booking.warn(self._new)
        await self._record.write(
            CONFIRMED,
            f"a change begins: {_words(change)}",
            who=change.who,
            change=ChangeNote(change_id=change.change_id, begins=True),
        )
        self._refresh()

    async def _let_stand(
        self,
        change: ChangeRequest,
        request: BookingRequest,
        quote: ChangeQuote,
        outcome: ChangeOutcome,
    ) -> None:
        """Complete the change: cancel what goes, give back what it costs less, record."""
        booking = self._record.booking
        self._items.settle(self._new)
        booking.accepted_total = quote.new_total
        cancellation = Cancellation(self._record, quote.quoted_at)
        context = {
            "operation": "cancel",
            "requestedAt": quote.quoted_at.isoformat(),
            "reason": "the trip was changed",
        }
        problems = await cancellation.cancel(self._gone, operation=f"cancel-{booking.version}")
        for problem in problems:
            assert problem.item is not None
            # The traveller has agreed to the new total: what the supplier keeps does not change it.
            cancellation.give_up(booking.item(problem.item))
            self._record.open_case(problem, details=context)
        before = booking.refunded
        unpaid = await self._refunds.give_back("the trip was changed")
        if unpaid is not None:
            self._record.open_case(unpaid, details=context)
        outcome.carried_out = True
        outcome.refunded = max(booking.refunded - before, 0)
        outcome.in_dispute = booking.in_dispute
        self._record.end_request(request)
        await self._record.write(
            CONFIRMED,
            f"changed: {_words(change)}",
            who=change.who,
            change=ChangeNote(
                change_id=change.change_id, outcome=outcome, travelers=change.requested.travelers
            ),
        )

    # -- undo ---------------------------------------------------------------------------------

    async def _undo(
        self,
        reason: BaseException,
        change: ChangeRequest,
        request: BookingRequest,
        outcome: ChangeOutcome,
        warnings: list[str],
    ) -> None:
        """Undo what is new, last first; what cannot be undone becomes a case."""
        problem = self._note_refusal(reason, outcome)
        left = await self._compensations.run()
        booking = self._record.booking
        for item in self._new:
            item.status = ItemStatus.FAILED  # it was never a part of the trip
        end_payments(booking, change.change_id)
        booking.problem = None
        booking.warnings = warnings
        number = booking.payments[-1].number
        for unsettled in left:
            self._record.open_case(unsettled, payment=number, details=UNDO)
        self._record.end_request(request, problem)
        await self._record.write(
            CONFIRMED,
            f"{problem.code} at {problem.step}: the change is undone, the booking is as it was",
            change=ChangeNote(change_id=change.change_id, outcome=outcome),
        )

    def _note_refusal(self, reason: BaseException, outcome: ChangeOutcome) -> Problem:
        _, problem = end_of(reason)
        outcome.problem = problem
        return problem

    # -- helpers ------------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Hold the items of the booking as it is recorded, not copies of them."""
        booking = self._record.booking
        self._new = [booking.item(item.number) for item in self._new]
        self._gone = [booking.item(item.number) for item in self._gone]

    def _dearer(self, quote: ChangeQuote, accepted: int) -> Problem:
        return Problem(
            code=Code.PRICE_CHANGED,
            step=STEP,
            message=f"the trip would cost {self._record.money(quote.new_total)} then, not"
            f" {self._record.money(accepted)}",
            details={
                "oldPrice": accepted,
                "newPrice": quote.new_total,
                "currency": quote.currency,
            },
        )


def _fail(problem: Problem | None) -> None:
    """End the change: the traveller has accepted this one, not a part of it."""
    if problem is not None:
        raise TripFailedError(problem)


def _words(change: ChangeRequest) -> str:
    """Say what is different, by component ids: no personal data."""
    requested = change.requested
    parts = [f"{one.component_id} becomes {one.component.component_id}" for one in requested.swap]
    parts += [f"{one} goes" for one in requested.drop]
    parts += [f"{one.component_id} comes" for one in requested.add]
    return "; ".join(parts) or "other travellers"
