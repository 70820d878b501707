"""SettlePayment: put the money of a booking at rest right, and write down what the gateway says.

Begun when the gateway and the record differ: a payment that succeeded too late, a refund that came
back, a dispute, a refund somebody made elsewhere; or when an operator gives back more than the
terms ask for. What stands of the trip is not touched.
"""

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.bookings.booking import Booking, PaymentView
    from models.bookings.lifecycle import CLOSED_STATES, SETTLED_STATES, BookingState, PaymentStatus
    from models.bookings.messages import CANCEL_UPDATE, BookingRef, CancelOutcome, CancelRequest
    from models.bookings.problems import Code, Problem
    from models.core.calls import Call, Input
    from models.core.keys import operation_key
    from models.core.search_attributes import BOOKING_REFERENCE
    from models.payments.messages import (
        PaymentCall,
        PaymentOutcome,
        SettlePaymentRequest,
        StrayPayment,
    )
    from workflows.core import policies
    from workflows.core.base import BookingWorkflow
    from workflows.core.outcomes import fault
    from workflows.core.perform import perform_at, perform_local
    from workflows.core.saga import finish

OPEN_STATUSES = frozenset({PaymentStatus.PENDING, PaymentStatus.AUTHORISED})
GOODWILL = "goodwill"


@workflow.defn(name="SettlePayment")
class SettlePayment(BookingWorkflow):
    """Runs under the booking's id, so that nothing else changes the booking meanwhile."""

    _changes_trip = False

    @workflow.init
    def __init__(self, request: SettlePaymentRequest) -> None:
        super().__init__(None, request.patience)
        self._request = request
        self._rests_in = BookingState.FAILED

    @workflow.run
    async def run(self, request: SettlePaymentRequest) -> Booking:
        """Settle; returns the booking in the state it was in, its payment up to date.

        A booking that is not at rest, or has no payment, is returned as it is. What is begun is
        finished: a cancel of the workflow changes nothing.
        """
        self._held = await perform_local(
            calls.LOAD_BOOKING,
            BookingRef(booking_id=request.booking_id),
            policies.record(),
            "Read the booking",
        )
        booking = self._booking
        self._rests_in = booking.state
        # One left in NEEDS_ATTENTION by a workflow that was cut off is taken up where it rests.
        has_money = any(payment.id for payment in booking.payments) or request.stray is not None
        if booking.state in SETTLED_STATES and has_money:
            await finish(self._settle(), on_cancel=self._ignore)
        return await self._end()

    @workflow.update(name=CANCEL_UPDATE)
    async def cancel(self, request: CancelRequest) -> CancelOutcome:  # noqa: ARG002
        """Let a wish to cancel wait for the end of this, and be put again then."""
        await workflow.wait_condition(lambda: self._ended)
        return CancelOutcome(booking=self._booking, too_late=True)

    # -- the story ------------------------------------------------------------------------

    async def _settle(self) -> None:
        """Look, give back what is owed, record; what does not add up waits for an operator."""
        request = self._request
        workflow.upsert_search_attributes([BOOKING_REFERENCE.value_set(self._booking.reference)])
        before = self._money_of_record()
        who, why = "gateway", request.why
        # What was wrong before is settled before anything is granted: a refund that somebody has
        # made elsewhere is not taken for the one that is asked for now.
        problems = await self._look() or await self._put_right()
        while problems or self._grant():
            if not problems:
                assert request.refund is not None
                who, why = request.refund.who, request.why
                problems = await self._give_back(calls.REFUND, GOODWILL, self._booking.keep)
                continue
            resolution = await self._ask_operator(problems)
            problems = await self._look()
            if not problems and resolution.decision == "resolved":
                self._settled_elsewhere()
            if not problems:
                problems = await self._put_right(operator_asks=True)
            self._close_case(resolution)
            who = resolution.who
            why = f"the case is settled ({resolution.decision})"
        changed = self._money_of_record() != before or request.stray is not None
        if changed or self._booking.state is not self._rests_in:
            await self._record(self._rests_in, why, who=who)

    async def _look(self) -> list[Problem]:
        """Read the whole payment at the gateway."""
        outcome = await self._ask(
            calls.LOOK, BookingRef(booking_id=self._booking.id), "What does the gateway say?"
        )
        if isinstance(outcome, Problem):
            return [outcome]
        for seen in outcome.payments:
            self._payment_is(seen)
        for payment in self._booking.payments:
            payment.waits_until = None
        return []

    def _money_of_record(self) -> object:
        """Return all that a settling may change, to be compared with later."""
        booking = self._booking.model_copy(deep=True)
        return booking.payments, booking.paid_by_hand, booking.goodwill, booking.grants

    def _grant(self) -> bool:
        """Promise the traveller more than the terms do; never more than is left, and once."""
        refund, booking = self._request.refund, self._booking
        left = booking.captured - booking.refunded - booking.paid_by_hand
        if refund is None or refund.key in booking.grants:
            return False
        if refund.amount > left:
            self._tell("refund", "refused", f"only {self._money(left)} is left to give back")
            return False
        booking.goodwill += refund.amount
        booking.grants = [*booking.grants, refund.key]
        self._tell("refund", "granted", f"{self._money(refund.amount)}: {refund.reason}")
        return True

    async def _put_right(self, *, operator_asks: bool = False) -> list[Problem]:
        """Release and refund what must not be kept; answers what a person must look at."""
        problems = await self._put_recorded_right(operator_asks=operator_asks)
        if problems or self._request.stray is None:
            return problems
        # Only when the payment on record is what is due can the other one be nobody's.
        return await self._return_stray()

    async def _put_recorded_right(self, *, operator_asks: bool) -> list[Problem]:
        booking = self._booking
        if self._rests_in in CLOSED_STATES and booking.payment.status in OPEN_STATUSES:
            problems = await self._give_back(calls.RETURN_PAYMENT, "return", 0)
            if problems:
                return problems
        for payment in booking.payments[1:]:
            # Of a booking at rest no change is under way that could want it.
            if payment.status in OPEN_STATUSES and payment.id is not None:
                problem = await self._give_back_of(
                    payment, calls.RETURN_PAYMENT, "return", 0
                ) or self._still_open(payment.number)
                if problem is not None:
                    return [problem]
        if booking.owed < 0:
            return [self._problem(f"{self._money(-booking.owed)} more than due was given back")]
        if booking.owed == 0 and not (operator_asks and booking.captured):
            return []
        refunds = [refund for payment in booking.payments for refund in payment.refunds]
        came_back = [refund for refund in refunds if not refund.gives_back]
        if came_back and not operator_asks:
            reasons = ", ".join(refund.failure_reason or refund.status for refund in came_back)
            return [
                self._problem(
                    f"a refund came back ({reasons}): the traveller is owed"
                    f" {self._money(booking.owed)}"
                )
            ]
        if self._rests_in not in CLOSED_STATES and not operator_asks:
            return [self._problem(f"the traveller is owed {self._money(booking.owed)}")]
        return await self._give_back(calls.REFUND, "refund", booking.keep)

    async def _give_back(
        self, call: Call[PaymentCall, PaymentOutcome], operation: str, keep: int
    ) -> list[Problem]:
        """Have the gateway give back all but ``keep`` (minor units), newest payment first."""
        booking = self._booking
        owed = booking.owed
        returns = call is calls.RETURN_PAYMENT
        for payment, left in [(booking.payment, keep)] if returns else booking.to_refund(keep):
            problem = await self._give_back_of(payment, call, operation, left)
            if problem is not None:
                return [problem]
        if booking.payment.status is PaymentStatus.AUTHORISED or booking.owed > 0:
            return [self._problem(f"{self._money(booking.owed)} could not be given back")]
        if owed > 0:
            self._tell("refund", "done", f"{self._money(owed)} is on its way back")
        return []

    async def _give_back_of(
        self,
        payment: PaymentView,
        call: Call[PaymentCall, PaymentOutcome],
        operation: str,
        keep: int,
    ) -> Problem | None:
        """Have the gateway give back all but ``keep`` of one payment."""
        booking = self._booking
        refund = self._request.refund if operation == GOODWILL else None
        message = PaymentCall(
            booking_id=booking.id,
            # Each round has a key of its own: what an earlier one was refused is asked again.
            key=self._payment_key(
                payment, f"settle-{operation}-{self._undo_rounds}", booking.version
            ),
            keep=keep,
            payment=payment.number,
            hold=payment.hold,
            reason=refund.reason if refund else self._request.why,
            items={refund.item: refund.amount} if refund and refund.item is not None else {},
        )
        outcome = await self._ask(call, message, "Give back what is not due")
        if isinstance(outcome, Problem):
            return outcome
        if outcome.payment is not None:
            self._payment_is(outcome.payment)
        return None

    def _still_open(self, number: int) -> Problem | None:
        for payment in self._booking.payments:
            if payment.number == number and payment.status in OPEN_STATUSES:
                return self._problem(f"the payment {payment.id} could not be given back")
        return None

    async def _return_stray(self) -> list[Problem]:
        """Give back a payment that is not the booking's; of it nothing is ever on record."""
        stray = self._request.stray
        assert stray is not None
        key = operation_key(self._booking.id, "payment", f"stray-{stray}", self._undo_rounds + 1)
        outcome = await self._ask(
            calls.RETURN_STRAY,
            StrayPayment(booking_id=self._booking.id, payment_id=stray, key=key),
            f"Give back {stray}",
        )
        if isinstance(outcome, Problem):
            return [outcome]
        left = outcome.payment
        if left is not None and (left.status in OPEN_STATUSES or left.captured > left.refunded):
            return [self._problem(f"the payment {stray} could not be given back")]
        self._tell("payment", "undone", f"{stray} was not this booking's payment: given back")
        return []

    def _settled_elsewhere(self) -> None:
        """Believe an operator: what was owed is paid otherwise, what was too much is let go."""
        booking = self._booking
        if booking.owed > 0:
            booking.paid_by_hand += booking.owed
        elif booking.owed < 0:
            booking.goodwill -= booking.owed

    # -- small things ---------------------------------------------------------------------

    async def _ask(
        self, call: Call[Input, PaymentOutcome], message: Input, summary: str
    ) -> PaymentOutcome | Problem:
        """Ask the gateway, patiently; a refusal or a fault that lasts comes back as a problem."""
        try:
            outcome = await perform_at(
                self._gateway,
                self._patience,
                call,
                message,
                policies.undoing(self._patience, self._gateway),
                summary,
            )
        except FailureError as error:
            return fault(error, step="refund", code=Code.PAYMENT_DOWN)
        return outcome.refused or outcome

    def _problem(self, message: str) -> Problem:
        return Problem(code=Code.PAYMENT_DOWN, step="refund", message=message)
