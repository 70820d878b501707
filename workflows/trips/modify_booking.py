"""ModifyBooking: change a trip that stands, or leave it exactly as it was.

New items are booked and what they cost more is taken before anything old is cancelled. Up to that
point everything can be undone, and on any failure it is; from there on the change stands, and what
cannot be cancelled waits for a person. Decision 19.
"""

import asyncio

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.bookings.booking import Booking, Item, PaymentView
    from models.bookings.lifecycle import BookingState, ItemStatus, PaymentStatus, SagaState
    from models.bookings.messages import CANCEL_UPDATE, CancelOutcome, CancelRequest
    from models.bookings.problems import Code, Problem
    from models.core.search_attributes import BOOKING_REFERENCE
    from models.core.supply import Reservation
    from models.trips.changes import (
        STEP,
        ChangeNote,
        ChangeOutcome,
        ChangeQuote,
        ChangeRequest,
        payment_for,
        refusal,
    )
    from models.trips.messages import MODIFY_UPDATE, CancelBookingRequest, ModifyBookingRequest
    from workflows.core import policies
    from workflows.core.outcomes import TripFailedError, end_of, ends_the_trip
    from workflows.core.perform import perform_local
    from workflows.core.saga import finish
    from workflows.trips.cancel_booking import CancelBooking, LettingGo
    from workflows.trips.plan import plan
    from workflows.trips.quote_change import quoted
    from workflows.trips.trip import Trip

CONFIRMED = BookingState.CONFIRMED


@workflow.defn(name="ModifyBooking")
class ModifyBooking(Trip, LettingGo):
    """Runs under the booking's id, so that one change runs at a time. The state stays CONFIRMED."""

    _waits_in = CONFIRMED

    @workflow.init
    def __init__(self, request: ModifyBookingRequest) -> None:
        # Nothing with an effect runs locally: what is decided is durable before it is done.
        super().__init__(None, request.patience.model_copy(update={"local": []}))
        self._change = request.change
        self._reason = "the trip was changed"
        self._quote: ChangeQuote | None = None
        self._outcome = ChangeOutcome(change_id=request.change.change_id)
        self._new: list[Item] = []
        self._gone: list[Item] = []
        self._to_be_awaited: set[int] = set()
        """New items whose suppliers will say yes or no later."""
        self._cancel_next: CancelRequest | None = None

    @workflow.run
    async def run(self, request: ModifyBookingRequest) -> Booking:
        """Change the booking; returns it CONFIRMED, changed or as it was.

        A change that has ended before is not made again. A wish to cancel ends a change that can
        still be undone, and is carried out after it in any case.
        """
        opened = await perform_local(
            calls.OPEN_CHANGE, request.change, policies.record(), "Write the change down"
        )
        self._held = opened.booking
        workflow.upsert_search_attributes([BOOKING_REFERENCE.value_set(self._booking.reference)])
        if opened.outcome is not None:
            self._outcome = opened.outcome
        elif await self._is_accepted() and await self._is_booked():
            await finish(self._carry_out(), on_cancel=self._ignore)
        await self._end()
        if self._cancel_next is not None and self._booking.state is CONFIRMED:
            workflow.continue_as_new(
                CancelBookingRequest(
                    booking_id=self._booking.id,
                    cancel=self._cancel_next,
                    patience=request.patience,
                ),
                workflow=CancelBooking.run,
            )
        return self._booking

    @workflow.update(name=MODIFY_UPDATE)
    async def modify(self, change: ChangeRequest) -> ChangeOutcome:  # noqa: ARG002
        """Answer how this change ends; the same request twice gets the same answer."""
        await workflow.wait_condition(lambda: self._ended)
        return self._outcome

    @modify.validator
    def _may_modify(self, change: ChangeRequest) -> None:
        if change.change_id != self._change.change_id:
            raise ValueError("another change of the booking is under way")
        if change.fingerprint != self._change.fingerprint:
            raise ValueError("the key was used before")

    @workflow.update(name=CANCEL_UPDATE)
    async def cancel(self, request: CancelRequest) -> CancelOutcome:
        """Give the change up, while that is possible; what is to be cancelled is cancelled next."""
        if self._cancel_next is None:
            self._cancel_next = self._cancel_wish = request
        await workflow.wait_condition(lambda: self._ended)
        return CancelOutcome(booking=self._booking, too_late=True)

    # -- the story ------------------------------------------------------------------------

    async def _is_accepted(self) -> bool:
        """Verify and price what comes; nothing is touched. False: it is refused."""
        try:
            await self._whole(self._verify())
        except BaseException as reason:
            if not ends_the_trip(reason):
                raise
            self._refused(reason)
            await self._whole(self._note_end())
            return False
        return True

    async def _is_booked(self) -> bool:
        """Book and pay what comes. False: it is all undone, and the booking as it was."""
        warnings = list(self._booking.warnings)
        try:
            await self._whole(self._begin())
            if self._quote is not None and self._quote.difference > 0:
                await self._whole(self._authorise())
            stages = plan(self._new, self._patience.order, now=workflow.now())
            for number, stage in enumerate(stages):
                await self._whole(self._book(stage, steps_left=len(stages) - number + 1))
            await self._whole(self._complete(after_capture=False))
            await self._whole(self._capture())
            await self._whole(self._complete(after_capture=True))
        except BaseException as reason:
            if not ends_the_trip(reason):
                raise
            await self._whole(self._put_back(reason, warnings))
            return False
        return True

    async def _verify(self) -> None:
        change, booking = self._change, self._booking
        problem = refusal(booking, change.wish)
        if problem is not None:
            raise TripFailedError(problem)
        quote, self._gone, self._new = await quoted(
            booking, change.wish, self._patience, change.change_id
        )
        self._quote = self._outcome.quote = quote
        self._requested_at = quote.quoted_at
        if quote.new_total > change.accepted_total:
            raise TripFailedError(self._dearer(quote))
        self._stop_if_cancelled()

    async def _begin(self) -> None:
        """Write down what comes and what it is paid with, before anything is done."""
        assert self._quote is not None
        booking = self._booking
        booking.items = [*booking.items, *self._new]
        if self._quote.difference > 0:
            payment = payment_for(
                booking,
                self._quote.difference,
                self._change.payment_method_id,
                self._change.change_id,
            )
            booking.payments = [*booking.payments, payment]
            for item in self._new:
                item.payment = payment.number
        self._change_note = ChangeNote(change_id=self._change.change_id, begins=True)
        await self._record(CONFIRMED, f"a change begins: {self._words()}", who=self._change.who)
        self._new = [booking.item(item.number) for item in self._new]

    async def _authorise(self) -> None:
        """Hold what it costs more; take none of it yet."""
        self._stop_if_cancelled()
        self._register_payment()
        payment = await self._hold_money(self._more)
        self._tell("authorise", "done", f"{self._money(payment.authorised)} held on the card")
        await self._record(CONFIRMED, "what the change costs more is held")

    async def _book(self, stage: list[Item], steps_left: int) -> None:
        self._stop_if_cancelled()
        self._stop_if_holds_end()
        if self._more:
            await self._keep_hold(self._more, steps_left)
        problems = await asyncio.gather(*(self._book_item(item) for item in stage))
        await self._go_on_without(stage, problems)

    async def _go_on_without(self, items: list[Item], problems: list[Problem | None]) -> None:
        """End it: the traveller has accepted this change, not a part of it."""
        del items
        for problem in problems:
            if problem is not None:
                raise TripFailedError(problem)

    async def _capture(self) -> None:
        """Take what it costs more. A cancel that comes later does not end the change."""
        self._stop_if_cancelled()
        self._stop_if_holds_end()
        if self._more:
            await self._keep_hold(self._more, steps_left=1)
            await self._take(self._more)

    async def _carry_out(self) -> None:
        """Let the change stand: cancel what goes, give back what it costs less, record."""
        assert self._quote is not None
        self._saga.accept()
        for item in self._new:
            if item.number in self._to_be_awaited:
                item.saga_state = SagaState.AWAITED
            else:
                item.status = ItemStatus.CONFIRMED
        self._booking.accepted_total = self._quote.new_total
        await self._let_go(self._gone)
        self._outcome.carried_out = True
        self._change_note = ChangeNote(
            change_id=self._change.change_id,
            outcome=self._outcome,
            travelers=self._change.wish.travelers,
        )
        await self._record(CONFIRMED, f"changed: {self._words()}", who=self._change.who)

    # -- the way back ---------------------------------------------------------------------

    def _refused(self, reason: BaseException) -> Problem:
        _, problem = end_of(reason)
        self._outcome.problem = problem
        if problem.item is None:
            self._tell(problem.step, "failed", problem.message)
        return problem

    async def _note_end(self) -> None:
        note = ChangeNote(change_id=self._change.change_id, outcome=self._outcome)
        await perform_local(
            calls.END_CHANGE, note, policies.record(), "Note that nothing is changed"
        )

    async def _put_back(self, reason: BaseException, warnings: list[str]) -> None:
        """Undo what is new, last first; what cannot be undone waits for an operator."""
        problem = self._refused(reason)
        await self._saga.undo()
        decided_by = await self._settle_with_operator()
        booking = self._booking
        for item in self._new:
            item.status = ItemStatus.FAILED  # it was never a part of the trip
        for payment in booking.payments[-1:] if self._more else []:
            payment.waits_until = payment.client_secret = payment.next_action = None
            if payment.id is None:
                payment.status = PaymentStatus.FAILED  # its turn never came
        booking.problem = None
        booking.warnings = warnings
        self._change_note = ChangeNote(change_id=self._change.change_id, outcome=self._outcome)
        why = f"{problem.code} at {problem.step}: the change is undone, the booking is as it was"
        if booking.case is not None and decided_by is not None:
            why += f" (operator: {booking.case.resolution})"
        await self._record(CONFIRMED, why, who=decided_by or "saga")

    def _operator_cancels(self) -> None:
        """Temporal's cancel ends the change, not the booking."""
        if self._cancel_wish is None:
            super()._operator_cancels()

    # -- what is different from booking a trip ---------------------------------------------

    @property
    def _more(self) -> int:
        """What the change costs more, minor units; 0 when it does not."""
        return max(self._quote.difference, 0) if self._quote else 0

    @property
    def _paid(self) -> PaymentView:
        return self._booking.payments[-1]

    @property
    def _is_kept(self) -> bool:
        return self._paid.left > 0

    def _booked(self, item: Item, reservation: Reservation) -> None:
        super()._booked(item, reservation)
        item.status = ItemStatus.PENDING  # the trip's only once the change stands

    def _awaited(self, item: Item) -> None:
        super()._awaited(item)
        item.saga_state = SagaState.BOOKED  # the same
        self._to_be_awaited.add(item.number)

    def _words(self) -> str:
        """Say what is different, by component ids: no personal data."""
        wish = self._change.wish
        parts = [f"{one.component_id} becomes {one.component.component_id}" for one in wish.swap]
        parts += [f"{one} goes" for one in wish.drop]
        parts += [f"{one.component_id} comes" for one in wish.add]
        return "; ".join(parts) or "other travellers"

    def _dearer(self, quote: ChangeQuote) -> Problem:
        accepted = self._change.accepted_total
        return Problem(
            code=Code.PRICE_CHANGED,
            step=STEP,
            message=f"the trip would cost {self._money(quote.new_total)} then, not"
            f" {self._money(accepted)}",
            details={
                "oldPrice": accepted,
                "newPrice": quote.new_total,
                "currency": quote.currency,
            },
        )
