"""How a trip is paid: hold the money, wait for the traveller where it takes one, take it.

The traveller may have to prove who they are (3-D Secure) or send another card; both are waited
for in PAYMENT_PENDING, as long as the holds last. A hold that would lapse is made anew.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.bookings.booking import Booking, PaymentView
    from models.bookings.lifecycle import BookingState, PaymentStatus, SagaState
    from models.bookings.messages import CancelRequest
    from models.bookings.problems import Code, Problem
    from models.core.calls import Call
    from models.core.patience import Patience
    from models.payments.messages import (
        PAYMENT_METHOD_UPDATE,
        Advice,
        NewCard,
        PaymentCall,
        PaymentOutcome,
    )
    from workflows.core import policies
    from workflows.core.base import BookingWorkflow
    from workflows.core.outcomes import TripCancelledError, TripFailedError, fault
    from workflows.core.perform import perform_at, perform_on_queue
    from workflows.core.saga import Saga

MOST_CARDS = 5
"""So many authorisations are asked for one booking at most: it is not for trying cards out."""

TASK_END = timedelta(milliseconds=1)
"""A timer, however short, ends the workflow task: what was accepted in it is durable then."""

HOLD_RESERVE = timedelta(seconds=30)
"""Before a supplier's hold ends, so much is kept for what is still to be done with it."""

LAPSED = "authorisation_expired"
"""The gateway's code when the hold has ended by itself."""


class TripPayment(BookingWorkflow):
    """The payment of a trip, with its undo."""

    _waits_in = BookingState.PAYMENT_PENDING
    """The state in which the traveller is waited for."""

    def __init__(self, booking: Booking | None, patience: Patience) -> None:
        super().__init__(booking, patience)
        self._saga = Saga()
        self._cancel_wish: CancelRequest | None = None
        self._authorisations = 0
        """How often the gateway has been asked to hold money."""
        self._wants_card = False
        self._card: NewCard | None = None
        self._cards_answered = 0

    @workflow.update(name=PAYMENT_METHOD_UPDATE)
    async def payment_method(self, card: NewCard) -> Booking:
        """Go on with another card; answers the booking once that card has been asked."""
        self._card = card
        answered = self._cards_answered
        await workflow.wait_condition(lambda: self._cards_answered > answered or self._ended)
        return self._booking

    @payment_method.validator
    def _may_send_card(self, card: NewCard) -> None:  # noqa: ARG002
        if not self._wants_card:
            raise ValueError(f"no card is waited for: the booking is {self._booking.state}")
        if self._card is not None:
            raise ValueError("another card is being asked this moment")

    @property
    def _paid(self) -> PaymentView:
        """The payment that is being made."""
        return self._booking.payment

    # -- holding the money ----------------------------------------------------------------

    async def _hold_money(self, amount: int) -> PaymentView:
        """Have ``amount`` (minor units) held, whatever it takes of the traveller.

        Raises:
            TripFailedError: no card that may be tried is accepted, or time is up.
            TripCancelledError: somebody cancelled while the traveller was waited for.
        """
        outcome = await self._ask_for_hold(amount)
        until: datetime | None = None
        while True:
            if outcome.payment is not None:
                self._payment_is(outcome.payment)
            payment = self._paid
            if outcome.refused is None and payment.status is PaymentStatus.AUTHORISED:
                break
            until = until or self._traveller_has_until()
            if outcome.refused is not None:
                self._give_up_unless_a_card_helps(outcome)
                if outcome.refused.provider_code == LAPSED:
                    payment.hold = (
                        self._booking.next_hold
                    )  # cancelled at the gateway meanwhile: make another
                else:
                    await self._wait_for_card(outcome.refused, until)
                outcome = await self._ask_for_hold(amount)
            else:
                outcome = await self._wait_for_proof(until)
        payment.waits_until = None
        self._booking.problem = None
        if self._booking.state is BookingState.PAYMENT_PENDING:
            await self._record(BookingState.PROCESSING, "the money is held")
        self._cards_answered = self._authorisations
        return self._paid

    async def _ask_for_hold(self, amount: int) -> PaymentOutcome:
        """Ask the gateway once more, under a key of its own.

        From the second time on the decision is durable before it is carried out: an undo must
        know how many authorisations there were.
        """
        self._authorisations += 1
        key = self._payment_key(self._paid, "confirm", self._authorisations)
        return await self._pay(
            calls.AUTHORISE,
            key,
            amount,
            f"Authorise {self._money(amount)}",
            step="authorise",
            decided=self._authorisations > 1,
        )

    def _give_up_unless_a_card_helps(self, outcome: PaymentOutcome) -> None:
        assert outcome.refused is not None
        if outcome.payment is None and self._paid.id is None:
            self._paid.status = PaymentStatus.FAILED  # there is nothing to go on with
        if outcome.advice is not Advice.OTHER_CARD or self._authorisations >= MOST_CARDS:
            raise TripFailedError(outcome.refused)

    def _traveller_has_until(self) -> datetime:
        """Return how long the traveller may take: no longer than what is offered is honoured."""
        longest = workflow.now() + timedelta(seconds=self._patience.authentication_deadline)
        expiries = [
            item.quote.expires_at
            for item in self._booking.items
            if item.saga_state is SagaState.QUOTED and item.quote and item.quote.expires_at
        ]
        held = [
            item.reservation.held_until - HOLD_RESERVE
            for item in self._booking.items
            if item.held and item.reservation and item.reservation.held_until
        ]
        return min([longest, *expiries, *held])

    async def _wait_for_card(self, problem: Problem, until: datetime) -> None:
        """Wait for another card; the booking says why, and until when."""
        booking = self._booking
        booking.problem = problem
        self._paid.waits_until = until
        self._paid.client_secret = self._paid.next_action = None
        self._card = None
        self._wants_card = True
        await self._record(self._waits_in, f"another card is asked for: {problem.message}")
        self._cards_answered = self._authorisations
        await self._waited(lambda: self._card is not None, until)
        self._wants_card = False
        card = self._sent_card()
        if card is None:
            raise TripFailedError(problem)
        self._paid.payment_method_id = card.payment_method_id
        self._tell("authorise", "started", f"{card.who} sent another card")

    async def _wait_for_proof(self, until: datetime) -> PaymentOutcome:
        """Wait for the traveller's 3-D Secure: for the gateway's event, or by asking at intervals.

        Answers what the gateway says then: held, refused, or yet another proof.
        """
        booking = self._booking
        booking.problem = None
        self._paid.waits_until = until
        await self._record(self._waits_in, "the card holder's bank asks for authentication")
        self._cards_answered = self._authorisations
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
            await self._waited(lambda: self._payment_changed, workflow.now() + min(pause, left))
            self._payment_changed = False
            pause = min(pause * 1.5, timedelta(seconds=30))
            key = self._payment_key(self._paid, "read", 1)
            outcome = await self._pay(
                calls.READ_PAYMENT,
                key,
                0,
                "Has the traveller authenticated?",
                step="authorise",
            )
            if outcome.payment is None or outcome.payment.status is not PaymentStatus.PENDING:
                return self._ended_early(outcome)

    def _ended_early(self, outcome: PaymentOutcome) -> PaymentOutcome:
        """Refuse what is neither held nor refused: cancelled at the gateway, by whomever."""
        payment = outcome.payment
        if payment is None or payment.status is PaymentStatus.AUTHORISED:
            return outcome
        self._payment_is(payment)
        raise TripFailedError(
            Problem(
                code=Code.PAYMENT_DECLINED,
                step="authorise",
                message="the payment was ended before it was authenticated",
            )
        )

    def _sent_card(self) -> NewCard | None:
        return self._card

    # -- a hold that would lapse ----------------------------------------------------------

    async def _keep_hold(self, amount: int, steps_left: int) -> None:
        """Hold the money anew when the hold may lapse before the steps that are left are done.

        Source of the time: Stripe's ``capture_before`` (providers.md §1).
        """
        lapses = self._paid.capture_before
        needed = timedelta(seconds=self._patience.step_deadline * steps_left)
        if lapses is not None and workflow.now() + needed > lapses:
            await self._hold_anew(amount, f"the hold would lapse at {lapses:%H:%M} UTC")

    async def _hold_anew(self, amount: int, why: str) -> None:
        """Release the hold and ask for another: never are two held at once."""
        self._tell("authorise", "again", why)
        problem = await self._return_payment()
        if problem is not None:
            raise TripFailedError(problem)
        self._paid.hold = self._booking.next_hold
        self._undo_rounds += 1  # the new hold's undo has keys of its own
        self._stop_if_cancelled()
        payment = await self._hold_money(amount)
        self._tell("authorise", "done", f"{self._money(payment.authorised)} held on the card")

    # -- taking it ------------------------------------------------------------------------

    async def _take(self, amount: int) -> None:
        """Capture ``amount`` (minor units). A lapsed hold is made anew, once."""
        outcome = await self._capture_once(amount)
        if outcome.refused is not None and outcome.refused.provider_code == LAPSED:
            await self._hold_anew(amount, "the hold has lapsed")
            outcome = await self._capture_once(amount)
        if outcome.payment is None:
            raise TripFailedError(
                outcome.refused or Problem(code=Code.INTERNAL, step="capture", message="no payment")
            )
        payment = self._payment_is(outcome.payment)
        self._tell("capture", "done", f"{self._money(payment.captured)} paid")

    async def _capture_once(self, amount: int) -> PaymentOutcome:
        key = self._payment_key(self._paid, "capture", self._paid.hold)
        return await self._pay(
            calls.CAPTURE,
            key,
            amount,
            f"Capture {self._money(amount)}",
            step="capture",
            decided=True,
        )

    # -- the way back ---------------------------------------------------------------------

    def _register_payment(self) -> None:
        self._saga.register("payment", self._return_payment)

    async def _return_payment(self) -> Problem | None:
        booking = self._booking
        key = self._payment_key(self._paid, "return", self._undo_rounds + 1)
        try:
            outcome = await perform_at(
                self._gateway,
                self._patience,
                calls.RETURN_PAYMENT,
                PaymentCall(
                    booking_id=booking.id,
                    key=key,
                    payment=self._paid.number,
                    hold=self._paid.hold,
                    authorisations=max(self._authorisations, 1),
                ),
                policies.undoing(self._patience, self._gateway),
                "Give the money back",
            )
        except FailureError as error:
            return fault(error, step="undo", code=Code.PAYMENT_DOWN)
        if outcome.refused is not None:
            return outcome.refused
        if outcome.payment is None:
            self._paid.status = PaymentStatus.FAILED  # it was never made
        else:
            self._payment_is(outcome.payment)
        self._paid.waits_until = None
        if self._paid.status is PaymentStatus.AUTHORISED or self._is_kept:
            return Problem(
                code=Code.PAYMENT_DOWN, step="undo", message="the money is not given back yet"
            )
        self._tell("payment", "undone", "no money is held or taken")
        return None

    @property
    def _is_kept(self) -> bool:
        """Whether money that was taken has not all gone back."""
        return self._booking.owed > 0

    # -- small things ---------------------------------------------------------------------

    async def _pay(
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
        perform = perform_on_queue if decided else perform_at
        message = PaymentCall(
            booking_id=self._booking.id,
            key=key,
            amount=amount,
            payment=self._paid.number,
            hold=self._paid.hold,
            payment_method_id=self._paid.payment_method_id,
        )
        policy = policies.forward(self._patience, self._gateway)
        try:
            return await perform(self._gateway, self._patience, call, message, policy, summary)
        except FailureError as error:
            raise TripFailedError(fault(error, step=step, code=Code.PAYMENT_DOWN)) from error

    def _stop_if_cancelled(self) -> None:
        if self._cancel_wish is not None:
            raise TripCancelledError(self._cancel_wish)

    async def _waited(self, condition: Callable[[], bool], until: datetime) -> None:
        """Wait for ``condition`` until a time; a wish to cancel ends the trip at once."""
        left = max(until - workflow.now(), timedelta(0))
        try:
            await workflow.wait_condition(
                lambda: condition() or self._cancel_wish is not None, timeout=left
            )
        except TimeoutError:
            return
        if self._cancel_wish is not None:
            # The wish must be in the history before it is acted upon. A signal that arrives while
            # this very task undoes and records everything has Temporal drop the task, wish and all.
            await workflow.sleep(TASK_END)
        self._stop_if_cancelled()
