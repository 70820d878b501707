"""CancelBooking: cancel a confirmed booking, or some of its components.

What is kept comes from the terms stored at validation, at the moment of the wish; everything else
goes back to the traveller.
"""

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.bookings.booking import Booking, Item, PaymentView
    from models.bookings.lifecycle import BookingState
    from models.bookings.messages import CANCEL_UPDATE, BookingRef, CancelOutcome, CancelRequest
    from models.bookings.problems import Code, Problem
    from models.core.money import Money
    from models.core.patience import Patience
    from models.core.search_attributes import BOOKING_REFERENCE
    from models.payments.messages import PaymentCall
    from models.suppliers.messages import CancelledItem
    from models.trips.messages import CancelBookingRequest
    from workflows.core import policies
    from workflows.core.base import BookingWorkflow
    from workflows.core.narration import supplier_name
    from workflows.core.outcomes import fault
    from workflows.core.perform import perform_at, perform_local
    from workflows.core.saga import finish
    from workflows.trips.plan import plan

CANCELLABLE = frozenset({BookingState.CONFIRMED, BookingState.CHECKED_IN})


class LettingGo(BookingWorkflow):
    """How items of a booking that stands are cancelled, and their money given back."""

    def __init__(self, booking: Booking | None, patience: Patience) -> None:
        super().__init__(booking, patience)
        self._reason = "cancelled"
        """Why money goes back; kept with the refund."""
        self._requested_at = workflow.info().workflow_start_time
        """The moment whose terms count."""
        self._cancelled_now: list[Item] = []

    async def _let_go(self, items: list[Item]) -> None:
        """Cancel items and give back what is owed; what is not possible a person settles."""
        problems = await self._cancel_items(items)
        problems += await self._refund()
        while problems:
            resolution = await self._ask_operator(problems)
            if resolution.decision == "retry":
                problems = await self._cancel_items([i for i in items if i.live])
                problems += await self._refund()
            else:
                # About reservations a person is believed; about the money the gateway is asked.
                for item in items:
                    if item.live:
                        self._cancelled(item)
                problems = await self._refund(paid_by_hand=resolution.paid_by_hand)
            self._close_case(resolution)

    async def _cancel_items(self, items: list[Item]) -> list[Problem]:
        """Cancel items at their suppliers, last booked first; answers what was not possible."""
        problems = []
        for stage in reversed(plan(items)):
            for item in reversed(stage):
                try:
                    outcome = await self._cancel_item(item, operation="cancel")
                except FailureError as error:
                    problem = fault(error, step="cancel", code=Code.SUPPLIER_DOWN, item=item.number)
                    problems.append(self._item_stays(item, problem))
                    continue
                if outcome.refused is not None:
                    problems.append(self._item_stays(item, outcome.refused))
                else:
                    self._cancelled(item, outcome)
        return problems

    def _cancelled(self, item: Item, outcome: CancelledItem | None = None) -> None:
        """Note an item as cancelled, keeping what its stored terms say at the time of the wish."""
        item.fee = item.fee_at(self._requested_at)
        if outcome is not None:
            self._compare_fees(item, outcome)
        self._item_gone(item)
        self._cancelled_now.append(item)

    def _compare_fees(self, item: Item, outcome: CancelledItem) -> None:
        """Tell when the supplier keeps something else than it had said; in its own currency."""
        quote, said = item.quote, outcome.supplier_fee
        if quote is None or said is None:
            return
        price = quote.price
        currency = outcome.supplier_fee_currency or price.currency
        keeps = Money(amount=said, currency=currency)
        fee = quote.terms.fee_at(self._requested_at, price.amount)
        agreed = Money(amount=fee, currency=price.currency)
        if keeps == agreed:
            return
        title = supplier_name(item)
        self._note_fee(
            item,
            keeps,
            f"{item.supplier} keeps {keeps}, our terms say {agreed}",
            f"for cancelling {item.title}, the terms stored with the booking say {agreed}. The"
            " traveller was treated by the stored terms; settle the difference with"
            f" {title}.",
            termsSay=agreed.model_dump(),
        )

    async def _refund(self, *, paid_by_hand: bool = False) -> list[Problem]:
        """Give back what is neither kept as a fee nor the price of what still stands.

        ``paid_by_hand``: a person has. Then the gateway is only asked what has gone back, and a
        refund that was never answered is withdrawn.
        """
        booking = self._booking
        # More than everything cannot be given back: what is refunded now is no goodwill any more.
        booking.goodwill = min(booking.goodwill, booking.due)
        amount = booking.owed
        if amount <= 0:
            return []
        items = {
            item.number: item.price - item.fee
            for item in self._cancelled_now
            if item.price > item.fee
        }
        wanted = booking.to_refund(booking.keep)
        if paid_by_hand:
            wanted = [(payment, payment.captured) for payment in booking.payments[::-1]]
        for payment, keep in wanted:
            problem = await self._refund_of(payment, keep, items)
            if problem is not None:
                return [problem]
        if paid_by_hand:
            booking.paid_by_hand += max(booking.owed, 0)
            return []
        if booking.owed > 0:
            return [
                Problem(
                    code=Code.PAYMENT_DOWN,
                    step="refund",
                    message=f"{self._money(booking.owed)} could not be given back",
                )
            ]
        self._tell("refund", "done", f"{self._money(amount)} is on its way back")
        return []

    async def _refund_of(
        self, payment: PaymentView, keep: int, items: dict[int, int]
    ) -> Problem | None:
        """Give back what was taken with one payment, but ``keep``; answers what kept it from it."""
        amount = max(payment.left - keep, 0)
        message = PaymentCall(
            booking_id=self._booking.id,
            # A round's key is its own: what an earlier round was refused must be asked again.
            key=self._payment_key(payment, "refund-wish", self._booking.version),
            keep=keep,
            payment=payment.number,
            hold=payment.hold,
            reason=self._reason,
            items=items,
        )
        try:
            outcome = await perform_at(
                self._gateway,
                self._patience,
                calls.REFUND,
                message,
                policies.undoing(self._patience, self._gateway),
                f"Refund {self._money(amount)}",
            )
        except FailureError as error:
            return fault(error, step="refund", code=Code.PAYMENT_DOWN)
        if outcome.payment is None:
            return outcome.refused or Problem(
                code=Code.INTERNAL, step="refund", message="no answer to the refund"
            )
        self._payment_is(outcome.payment)
        return None


@workflow.defn(name="CancelBooking")
class CancelBooking(LettingGo):
    """Runs under the booking's id once BookTrip has ended, so that one change runs at a time."""

    @workflow.init
    def __init__(self, request: CancelBookingRequest) -> None:
        super().__init__(None, request.patience)
        self._request = request
        self._reason = request.cancel.reason or "cancelled"

    @workflow.run
    async def run(self, request: CancelBookingRequest) -> Booking:
        """Cancel; returns the booking CANCELLED, or CONFIRMED with what is left of it.

        A booking that cannot be cancelled any more is returned as it is: cancelling twice is the
        same answer. Once begun there is no way back, so a cancel of the workflow changes nothing.
        """
        self._held = await perform_local(
            calls.LOAD_BOOKING,
            BookingRef(booking_id=request.booking_id),
            policies.record(),
            "Read the booking",
        )
        if self._may_be_cancelled() and self._wanted():
            await finish(self._cancel_and_refund(), on_cancel=self._ignore)
        return await self._end()

    @workflow.update(name=CANCEL_UPDATE)
    async def cancel(self, request: CancelRequest) -> CancelOutcome:
        """Answer how the cancelling under way ends; a second wish gets the same answer.

        ``too_late`` says that the second wish named other components: ask again.
        """
        await workflow.wait_condition(lambda: self._ended)
        live = {item.component_id for item in self._booking.live_items}
        wanted = set(request.components) or live
        return CancelOutcome(booking=self._booking, too_late=bool(live & wanted))

    # -- the story ------------------------------------------------------------------------

    async def _cancel_and_refund(self) -> None:
        """Cancel at the suppliers in reverse order, refund, and record what is left."""
        cancel = self._request.cancel
        workflow.upsert_search_attributes([BOOKING_REFERENCE.value_set(self._booking.reference)])
        by = f"cancelled by {cancel.by.lower()}"
        why = f"{by}: {cancel.reason}" if cancel.reason else by
        await self._let_go(self._wanted())
        await self._close(why)

    async def _close(self, why: str) -> None:
        """Record what is left: nothing (CANCELLED), or a smaller trip (CONFIRMED)."""
        booking = self._booking
        cancel = self._request.cancel
        if booking.live_items:
            await self._record(BookingState.CONFIRMED, why, who=cancel.who)
            return
        booking.cancelled_by = cancel.by
        booking.cancel_reason = cancel.reason or None
        booking.cancelled_at = workflow.now()
        await self._record(BookingState.CANCELLED, why, who=cancel.who)

    def _may_be_cancelled(self) -> bool:
        booking = self._booking
        # One left in NEEDS_ATTENTION by a cancelling that was cut off is taken up again.
        left_behind = booking.state is BookingState.NEEDS_ATTENTION and booking.confirmed_at
        return booking.state in CANCELLABLE or bool(left_behind)

    def _wanted(self) -> list[Item]:
        """The live items the wish is about: those named, or all."""
        named = set(self._request.cancel.components)
        return [
            item for item in self._booking.live_items if not named or item.component_id in named
        ]
