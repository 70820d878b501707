"""How one payment of a booking is made: hold the money, wait for the traveller, take it, undo it.

The traveller may have to prove who they are (3-D Secure) or send another card; both are waited
for as long as suppliers hold what is booked. A hold that would lapse is made anew.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.bookings.booking import PaymentView
    from models.bookings.lifecycle import BookingState, PaymentStatus, SagaState
    from models.bookings.messages import PAYMENT_SIGNAL
    from models.bookings.problems import Code, Problem
    from models.core.calls import Call
    from models.core.keys import payment_key
    from models.payments.messages import (
        CARD_IN_USE,
        NO_CARD,
        PAYMENT_METHOD_UPDATE,
        RUN_BEHIND,
        Advice,
        NewCard,
        PaymentCall,
        PaymentOutcome,
    )
    from workflows.core import policies
    from workflows.core.activity_calls import end_task, perform_at, perform_ordinary
    from workflows.core.compensations import Compensations
    from workflows.core.outcomes import TripFailedError, fault
    from workflows.core.policies import HOLD_RESERVE
    from workflows.core.record import BookingRecord
    from workflows.core.stops import Stops

MOST_CARDS = 5
"""So many authorisations are asked for one payment at most: it is not for trying cards out."""

LAPSED = "authorisation_expired"
"""The gateway's code when the hold has ended by itself."""


class PaymentSteps:
    """Makes one payment, with its compensation."""

    def __init__(
        self,
        record: BookingRecord,
        compensations: Compensations,
        stops: Stops,
        *,
        waits_in: BookingState,
        goes_on_in: BookingState = BookingState.PROCESSING,
        asked_before: int = 0,
    ) -> None:
        """Prepare.

        Args:
            record: of the booking.
            compensations: where the payment's own is registered.
            stops: asked while the traveller is waited for.
            waits_in: the state in which the traveller is waited for.
            goes_on_in: the one that follows when the money is held then.
            asked_before: how often earlier workflows of the booking may have asked for money to
                be held: keys must differ from theirs.
        """
        self._record = record
        self._compensations = compensations
        self._stops = stops
        self._waits_in = waits_in
        self._goes_on_in = goes_on_in
        self._number = 1
        self._authorisations = asked_before
        """How often the gateway has been asked to hold money."""
        self._returns = 0
        self._wants_card = False
        self._card: NewCard | None = None
        self._changed = False
        workflow.set_update_handler(
            PAYMENT_METHOD_UPDATE, self._use_card, validator=self._may_send_card
        )
        workflow.set_signal_handler(PAYMENT_SIGNAL, self._hear)

    def register(self, number: int = 1) -> None:
        """Register the compensation of making the payment of that number."""
        self._number = number
        self._compensations.register(f"payment {number}", self._return)

    def register_if_local(self) -> None:
        """Register the compensation of paying from the start, where that is a local activity.

        Its effect is older than its place in the history: when a worker dies before its workflow
        task ends, the successor begins that task anew, and may decide otherwise (a cancel has
        come, a price has changed) without ever reaching the step again.
        """
        if self._gateway in self._record.patience.local:
            self.register()

    @property
    def _payment(self) -> PaymentView:
        return self._record.booking.payment_numbered(self._number)

    @property
    def _gateway(self) -> str:
        return self._record.patience.gateway

    # -- updates and signals ------------------------------------------------------------------

    async def _use_card(self, card: NewCard) -> str | None:
        """Go on with another card; what came of it is the booking's next transition.

        Answers which change is paid with it; None: the booking itself is.
        """
        self._card = card
        return self._payment.change

    def _may_send_card(self, card: NewCard) -> None:
        booking = self._record.booking
        if not self._wants_card and card.version > booking.version:
            raise ApplicationError("this run is behind the record", type=RUN_BEHIND)
        if self._card is not None:
            raise ApplicationError("another card is being asked this moment", type=CARD_IN_USE)
        if not self._wants_card or 0 < card.version < booking.version:
            raise ApplicationError(f"the booking is {booking.state}", type=NO_CARD)

    def _hear(self) -> None:
        """Note that the payment has changed at the gateway; a waiting step reads it at once."""
        self._changed = True

    # -- hold ---------------------------------------------------------------------------------

    async def hold(self, amount: int) -> None:
        """Have ``amount`` (minor units) held, waiting for the traveller where that is necessary.

        Raises:
            TripFailedError: no card that may be tried is accepted, or time is up.
            TripCancelledError: somebody cancelled while the traveller was waited for.
        """
        outcome = await self._ask_for_hold(amount)
        until: datetime | None = None
        while True:
            if outcome.payment is not None:
                self._record.booking.payment_seen(outcome.payment)
            payment = self._payment
            if outcome.refused is None and payment.status is PaymentStatus.AUTHORISED:
                break
            until = until or self._traveller_has_until()
            if outcome.refused is not None:
                self._give_up_unless_a_card_helps(outcome)
                if outcome.refused.provider_code == LAPSED:
                    payment.hold = self._record.booking.next_hold  # ended at the gateway meanwhile
                else:
                    await self._wait_for_card(outcome.refused, until)
                try:
                    outcome = await self._ask_for_hold(amount)
                finally:
                    self._card = None
            else:
                outcome = await self._wait_for_proof(until)
        payment.waits_until = None
        self._record.booking.problem = None
        if self._record.booking.state is BookingState.PAYMENT_PENDING:
            await self._record.write(self._goes_on_in, "the money is held")

    async def _ask_for_hold(self, amount: int) -> PaymentOutcome:
        """Ask the gateway once more, under a key of its own.

        From the second time on the decision is durable before it is carried out: the compensation
        must know how many authorisations there were.
        """
        self._authorisations += 1
        return await self._ask(
            calls.AUTHORISE,
            self._key("confirm", self._authorisations),
            amount,
            f"Hold {self._record.money(amount)}",
            step="authorise",
            decided=self._authorisations > 1,
        )

    def _give_up_unless_a_card_helps(self, outcome: PaymentOutcome) -> None:
        assert outcome.refused is not None
        if outcome.payment is None and self._payment.id is None:
            self._payment.status = PaymentStatus.FAILED  # there is nothing to go on with
        if outcome.advice is not Advice.OTHER_CARD or self._authorisations >= MOST_CARDS:
            raise TripFailedError(outcome.refused)

    def _traveller_has_until(self) -> datetime:
        """Return how long the traveller may take: no longer than what is offered is honoured."""
        booking = self._record.booking
        longest = timedelta(seconds=self._record.patience.authentication_deadline)
        ends = [
            item.quote.expires_at
            for item in booking.items
            if item.saga_state is SagaState.QUOTED and item.quote and item.quote.expires_at
        ]
        if booking.held_until is not None:
            ends.append(booking.held_until - HOLD_RESERVE)
        return min([workflow.now() + longest, *ends])

    async def _wait_for_card(self, problem: Problem, until: datetime) -> None:
        """Wait for another card; the booking says why, and until when."""
        self._record.booking.problem = problem
        payment = self._payment
        payment.waits_until = until
        payment.client_secret = payment.next_action = None
        self._wants_card = True
        try:
            await self._record.write(
                self._waits_in, f"another card is asked for: {problem.message}"
            )
            await self._waited(lambda: self._card is not None, until)
        finally:
            self._wants_card = False
        card = self._card
        if card is None:
            raise TripFailedError(problem)
        self._payment.payment_method_id = card.payment_method_id

    async def _wait_for_proof(self, until: datetime) -> PaymentOutcome:
        """Wait for the traveller's 3-D Secure: for the gateway's event, or by asking at intervals.

        Answers what the gateway says then: held, refused, or yet another proof.
        """
        self._record.booking.problem = None
        self._payment.waits_until = until
        await self._record.write(self._waits_in, "the card holder's bank asks for authentication")
        pause = timedelta(seconds=1)
        while True:
            left = until - workflow.now()
            if left <= timedelta(0):
                raise TripFailedError(
                    Problem(
                        code=Code.AUTHENTICATION_REQUIRED,
                        step="authorise",
                        message="the payment was not authenticated in time",
                    )
                )
            await self._waited(lambda: self._changed, workflow.now() + min(pause, left))
            self._changed = False
            pause = min(pause * 1.5, timedelta(seconds=30))
            outcome = await self._ask(
                calls.READ_PAYMENT,
                self._key("read", 1),
                0,
                "Has the traveller authenticated?",
                step="authorise",
            )
            if outcome.payment is None or outcome.payment.status is not PaymentStatus.PENDING:
                return self._ended_early(outcome)

    def _ended_early(self, outcome: PaymentOutcome) -> PaymentOutcome:
        """Refuse what is neither held nor refused: cancelled at the gateway."""
        payment = outcome.payment
        if payment is None or payment.status is PaymentStatus.AUTHORISED:
            return outcome
        self._record.booking.payment_seen(payment)
        raise TripFailedError(
            Problem(
                code=Code.PAYMENT_DECLINED,
                step="authorise",
                message="the payment was ended before it was authenticated",
            )
        )

    # -- renew a hold -------------------------------------------------------------------------

    async def keep_hold(self, amount: int, steps_left: int) -> None:
        """Hold the money anew when the hold may lapse before the steps that are left are done.

        Source of the time: Stripe's ``capture_before`` (providers.md §1).
        """
        lapses = self._payment.capture_before
        needed = timedelta(seconds=self._record.patience.step_deadline * steps_left)
        if lapses is not None and workflow.now() + needed > lapses:
            await self._hold_anew(amount)

    async def _hold_anew(self, amount: int) -> None:
        """Release the hold and ask for another; there are never two at once."""
        problem = await self._return()
        if problem is not None:
            raise TripFailedError(problem)
        self._payment.hold = self._record.booking.next_hold
        self._stops.stop_if_cancelled()
        await self.hold(amount)

    # -- capture ------------------------------------------------------------------------------

    async def capture(self, amount: int) -> None:
        """Capture ``amount`` (minor units). A lapsed hold is made anew, once."""
        outcome = await self._capture_once(amount)
        if outcome.refused is not None and outcome.refused.provider_code == LAPSED:
            await self._hold_anew(amount)
            outcome = await self._capture_once(amount)
        if outcome.payment is None:
            raise TripFailedError(
                outcome.refused or Problem(code=Code.INTERNAL, step="capture", message="no payment")
            )
        self._record.booking.payment_seen(outcome.payment)

    async def _capture_once(self, amount: int) -> PaymentOutcome:
        return await self._ask(
            calls.CAPTURE,
            self._key("capture", self._payment.hold),
            amount,
            f"Capture {self._record.money(amount)}",
            step="capture",
            decided=True,
        )

    # -- compensation -------------------------------------------------------------------------

    async def _return(self) -> Problem | None:
        """Give everything back: release what is held, refund what was taken."""
        self._returns += 1
        patience = self._record.patience
        try:
            outcome = await perform_at(
                self._gateway,
                patience,
                calls.RETURN_PAYMENT,
                PaymentCall(
                    booking_id=self._record.booking.id,
                    key=self._key("return", self._returns),
                    payment=self._number,
                    hold=self._payment.hold,
                    authorisations=max(self._authorisations, 1),
                ),
                policies.undoing(patience, self._gateway),
                "Give the money back",
            )
        except FailureError as error:
            return fault(error, step="undo", code=Code.PAYMENT_DOWN)
        if outcome.refused is not None:
            return outcome.refused
        if outcome.payment is None:
            self._payment.status = PaymentStatus.FAILED  # it was never made
        else:
            self._record.booking.payment_seen(outcome.payment)
        payment = self._payment
        payment.waits_until = None
        if payment.status is PaymentStatus.AUTHORISED or payment.left > 0:
            return Problem(
                code=Code.PAYMENT_DOWN, step="undo", message="the money is not given back yet"
            )
        return None

    # -- helpers ------------------------------------------------------------------------------

    async def _ask(
        self,
        call: Call[PaymentCall, PaymentOutcome],
        key: str,
        amount: int,
        summary: str,
        *,
        step: str,
        decided: bool = False,
    ) -> PaymentOutcome:
        """Ask the gateway. ``decided``: the decision must be durable before it is carried out."""
        perform = perform_ordinary if decided else perform_at
        patience = self._record.patience
        message = PaymentCall(
            booking_id=self._record.booking.id,
            key=key,
            amount=amount,
            payment=self._number,
            hold=self._payment.hold,
            payment_id=self._payment.id,
            payment_method_id=self._payment.payment_method_id,
        )
        policy = policies.forward(patience, self._gateway)
        try:
            return await perform(self._gateway, patience, call, message, policy, summary)
        except FailureError as error:
            raise TripFailedError(fault(error, step=step, code=Code.PAYMENT_DOWN)) from error

    async def _waited(self, condition: Callable[[], bool], until: datetime) -> None:
        """Wait for ``condition`` until a time; a cancellation ends the waiting at once."""
        left = max(until - workflow.now(), timedelta(0))
        try:
            await workflow.wait_condition(
                lambda: condition() or self._stops.cancelled, timeout=left
            )
        except TimeoutError:
            return
        if self._stops.cancelled:
            # The request must be in the history before it is acted upon: a signal that arrives
            # while this very task undoes and records everything has Temporal drop the task.
            await end_task()
        self._stops.stop_if_cancelled()

    def _key(self, operation: str, version: int) -> str:
        return payment_key(self._record.booking.id, self._number, operation, version)
