"""FollowBooking: look at the suppliers of a booking at rest, and put the record right.

Begun when a supplier has said something afterwards: yes or no to what was pending, a cancellation
or other times of its own accord, a booking that was done late and that nobody wants any more.
"""

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.bookings.booking import Booking, Item, PaymentView
    from models.bookings.lifecycle import SETTLED_STATES, BookingState, CancelledBy
    from models.bookings.messages import CANCEL_UPDATE, BookingRef, CancelOutcome, CancelRequest
    from models.bookings.problems import Code, Problem
    from models.core.keys import operation_key
    from models.core.money import Money
    from models.core.search_attributes import BOOKING_REFERENCE
    from models.payments.messages import PaymentCall
    from models.suppliers.following import ON_ITS_WAY, FollowRequest, LookAgain, News, news_about
    from models.suppliers.messages import ItemCall
    from workflows.core import policies
    from workflows.core.narration import supplier_name
    from workflows.core.outcomes import fault
    from workflows.core.perform import perform_at, perform_local
    from workflows.core.saga import finish
    from workflows.suppliers.news import SupplierNews


@workflow.defn(name="FollowBooking")
class FollowBooking(SupplierNews):
    """Runs under the booking's id, so that nothing else changes the booking meanwhile."""

    @workflow.init
    def __init__(self, request: FollowRequest) -> None:
        super().__init__(request.patience)
        self._request = request

    @workflow.run
    async def run(self, request: FollowRequest) -> Booking:
        """Look, and act on what differs; returns the booking as it stands then.

        A booking that is not at rest is returned as it is. What is begun is finished: a cancel of
        the workflow changes nothing.
        """
        self._held = await perform_local(
            calls.LOAD_BOOKING,
            BookingRef(booking_id=request.booking_id),
            policies.record(),
            "Read the booking",
        )
        self._rests_in = self._booking.state
        if self._rests_in in SETTLED_STATES:
            await finish(self._follow(), on_cancel=self._ignore)
        return await self._end()

    @workflow.update(name=CANCEL_UPDATE)
    async def cancel(self, request: CancelRequest) -> CancelOutcome:  # noqa: ARG002
        """Let a wish to cancel wait for the end of this, and be put again then."""
        await workflow.wait_condition(lambda: self._ended)
        return CancelOutcome(booking=self._booking, too_late=True)

    # -- the story ------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Look, note what is news, undo and give back; what cannot be done waits for a person."""
        booking = self._booking
        workflow.upsert_search_attributes([BOOKING_REFERENCE.value_set(booking.reference)])
        unanswered = await self._look()
        problems = await self._undo_left_over()
        problems += await self._refund()
        while problems:
            resolution = await self._ask_operator(problems)
            if resolution.decision == "retry":
                problems = await self._undo_left_over()
                problems += await self._refund()
            else:
                # About reservations a person is believed; about the money the gateway is asked.
                for item in self._left_over:
                    self._item_gone(item)
                self._left_over = []
                problems = await self._refund(paid_by_hand=resolution.paid_by_hand)
            self._close_case(resolution)
        await self._close()
        for case in self._cases:
            await perform_local(
                calls.OPEN_SUPPLIER_CASE, case, policies.record(), "Ask an operator to look after"
            )
        if unanswered:
            again = LookAgain(booking_id=booking.id, items=unanswered, why=self._request.why)
            await perform_local(
                calls.LOOK_AGAIN, again, policies.record(), "Look again in the next round"
            )

    async def _look(self) -> list[int]:
        """Ask the suppliers of the items; answers which of them gave no answer."""
        unanswered = []
        for item in self._asked():
            call = ItemCall(
                booking_id=self._booking.id,
                item=item.number,
                key=operation_key(self._booking.id, item.number, "follow"),
            )
            try:
                looked = await perform_at(
                    item.supplier,
                    self._patience,
                    calls.LOOK_AT_ITEM,
                    call,
                    policies.reading(self._patience, [item.supplier]),
                    f"What does {supplier_name(item)} have of {item.title or item.type}?",
                )
            except FailureError as error:
                told = fault(error, step=item.type.lower(), code=Code.SUPPLIER_DOWN).message
                self._tell(item.type.lower(), "unanswered", f"{supplier_name(item)}: {told}")
                unanswered.append(item.number)
                continue
            news = news_about(self._booking, item, looked.reservation)
            if news is not None and looked.reservation is not None:
                self._note(item, news, looked.reservation)
        return unanswered

    def _asked(self) -> list[Item]:
        named = set(self._request.items)
        return [item for item in self._booking.items if not named or item.number in named]

    # -- what nobody wants ----------------------------------------------------------------

    async def _undo_left_over(self) -> list[Problem]:
        """Cancel what stands at a supplier for nobody; answers what was not possible."""
        problems = []
        for item in list(self._left_over):
            try:
                # The version keeps one finding's key apart from that of an earlier one.
                operation = f"follow-{self._booking.version}"
                outcome = await self._cancel_item(item, operation=operation)
            except FailureError as error:
                problem = fault(error, step="undo", code=Code.SUPPLIER_DOWN, item=item.number)
                problems.append(self._item_stays(item, problem))
                continue
            if outcome.refused is not None:
                problems.append(self._item_stays(item, outcome.refused))
                continue
            self._left_over.remove(item)
            self._item_gone(item)
            self._told.append(f"{item.title} stood at {supplier_name(item)}, and was cancelled")
            if outcome.supplier_fee:
                currency = outcome.supplier_fee_currency or item.currency
                kept = Money(amount=outcome.supplier_fee, currency=currency)
                what = f"it stood there for nobody; cancelling it costs the house {kept}"
                self._ask_for_help(item, News.LEFT_OVER, what)
        return problems

    # -- the money ------------------------------------------------------------------------

    async def _refund(self, *, paid_by_hand: bool = False) -> list[Problem]:
        """Give back the prices of what is lost; answers what was not possible.

        ``paid_by_hand``: a person has. Then the gateway is only asked what has gone back.
        """
        booking = self._booking
        if not self._lost:
            return []
        # More than everything cannot be given back: what is refunded now is no goodwill any more.
        booking.goodwill = min(booking.goodwill, booking.due)
        owed = booking.owed
        if owed <= 0:
            return []
        wanted = booking.to_refund(booking.keep)
        if paid_by_hand:
            wanted = [(payment, payment.captured) for payment in booking.payments[::-1]]
        for payment, keep in wanted:
            problem = await self._refund_of(payment, keep, owed)
            if problem is not None:
                return [problem]
        if paid_by_hand:
            booking.paid_by_hand += max(booking.owed, 0)
        if booking.owed > 0:
            told = f"{self._money(booking.owed)} could not be given back"
            return [Problem(code=Code.PAYMENT_DOWN, step="refund", message=told)]
        self._tell("refund", "done", f"{self._money(owed)} is on its way back")
        return []

    async def _refund_of(self, payment: PaymentView, keep: int, owed: int) -> Problem | None:
        """Give back what was taken with one payment, but ``keep``; answers what kept it from it."""
        message = PaymentCall(
            booking_id=self._booking.id,
            # A round's key is its own: what an earlier round was refused must be asked again.
            key=self._payment_key(payment, "follow-refund", self._booking.version),
            keep=keep,
            payment=payment.number,
            hold=payment.hold,
            reason="; ".join(self._told),
            items={item.number: item.price for item in self._lost},
        )
        try:
            outcome = await perform_at(
                self._gateway,
                self._patience,
                calls.REFUND,
                message,
                policies.undoing(self._patience, self._gateway),
                f"Refund {self._money(owed)}",
            )
        except FailureError as error:
            return fault(error, step="refund", code=Code.PAYMENT_DOWN)
        if outcome.payment is None:
            nothing = Problem(code=Code.INTERNAL, step="refund", message="no answer to the refund")
            return outcome.refused or nothing
        self._payment_is(outcome.payment)
        return None

    # -- the end --------------------------------------------------------------------------

    async def _close(self) -> None:
        """Record what was found, if anything: as it was, or CANCELLED when nothing is left."""
        booking = self._booking
        if not self._told and booking.state is self._rests_in:
            return
        why = "; ".join(self._told) or self._request.why
        if self._rests_in not in ON_ITS_WAY or booking.live_items:
            await self._record(self._rests_in, why, who="supplier")
            return
        booking.cancelled_by = CancelledBy.PROVIDER
        booking.cancel_reason = why
        booking.cancelled_at = workflow.now()
        await self._record(BookingState.CANCELLED, why, who="supplier")
