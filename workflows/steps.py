"""The steps of a trip, each with its undo: one item, the payment. ``booking`` tells the story."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.booking import Code, Item, PaymentView, Problem
    from models.keys import operation_key
    from models.lifecycle import BookingState, ItemStatus, PaymentStatus, SagaState
    from models.messages import (
        BookTripRequest,
        CancelRequest,
        ItemCall,
        PaymentCall,
        PaymentOutcome,
    )
    from models.money import Money
    from models.supply import Reservation, ReservationStatus
    from workflows import policies
    from workflows.base import STRIPE, BookingWorkflow
    from workflows.narration import supplier_name
    from workflows.outcomes import TripCancelledError, TripFailedError, fault
    from workflows.perform import perform_at, perform_on_queue
    from workflows.plan import plan
    from workflows.saga import Saga


class TripSteps(BookingWorkflow):
    """What ``BookTrip`` is made of."""

    def __init__(self, request: BookTripRequest) -> None:
        super().__init__(request.new_booking(workflow.now()), request.patience)
        self._request = request
        self._saga = Saga()
        self._cancel_wish: CancelRequest | None = None
        self._hurry = False
        """Whether an undo keeps the rest of the trip waiting."""
        self._register_what_is_local()

    def _register_what_is_local(self) -> None:
        """Register the undo of every step that runs as a local activity, from the start.

        Its effect is older than its place in the history: when a worker dies before its workflow
        task ends, the successor begins that task anew, and may decide otherwise (a cancel has
        come, a price has changed) without ever reaching the step again.
        """
        if STRIPE in self._patience.local:
            self._register_payment()
        for stage in plan(self._booking.items):
            for item in stage:
                if item.supplier in self._patience.local:
                    self._register_item(item)

    def _register_payment(self) -> None:
        self._saga.register("payment", self._return_payment)

    def _register_item(self, item: Item) -> None:
        self._saga.register(_name(item), lambda: self._undo_item(item))

    # -- one item -------------------------------------------------------------------------

    async def _book_item(self, item: Item) -> Problem | None:
        """Book one item; its undo is registered first. Answers why it was not booked."""
        step = item.type.lower()
        item.saga_state = SagaState.BOOKING
        self._register_item(item)
        self._tell(step, "started", f"booking {item.title} at {supplier_name(item)}")
        try:
            outcome = await perform_at(
                item.supplier,
                self._patience,
                calls.BOOK_ITEM,
                ItemCall(
                    booking_id=self._booking.id,
                    item=item.number,
                    key=operation_key(self._booking.id, item.number, "book"),
                ),
                policies.forward(self._patience, item.supplier),
                f"Book {item.title or item.type} at {supplier_name(item)}",
            )
        except FailureError as error:
            problem = fault(error, step=step, code=Code.SUPPLIER_DOWN, item=item.number)
            item.saga_state = SagaState.UNKNOWN
            return self._not_booked(item, problem)
        if outcome.reservation is None:
            # Refused now, but an earlier, unanswered attempt may have got it, or get it yet.
            item.saga_state = SagaState.UNKNOWN if outcome.doubtful else SagaState.REFUSED
            return self._not_booked(item, outcome.refused or _no_answer(item))
        if outcome.reservation.status is not ReservationStatus.CONFIRMED:
            item.saga_state = SagaState.UNKNOWN
            return self._not_booked(item, _not_confirmed(item))
        self._booked(item, outcome.reservation)
        return None

    def _booked(self, item: Item, reservation: Reservation) -> None:
        item.reservation = reservation
        item.status = ItemStatus.CONFIRMED
        item.saga_state = SagaState.BOOKED
        item.booked_at = workflow.now()
        self._tell(
            item.type.lower(), "done", f"{item.title} booked: {reservation.confirmation_code}"
        )

    def _not_booked(self, item: Item, problem: Problem) -> Problem:
        item.status = ItemStatus.FAILED
        item.problem = problem
        told = (
            "is not known to be booked" if item.saga_state is SagaState.UNKNOWN else "was refused"
        )
        self._tell(item.type.lower(), "failed", f"{item.title} {told} at {supplier_name(item)}")
        return problem

    async def _drop(self, item: Item) -> None:
        """Go on without an experience: nothing of it may stay behind, and it is not paid for.

        What cannot be settled within a step's deadline is tried again once the trip stands.
        """
        self._hurry = True
        await self._saga.undo_one(_name(item))
        self._hurry = False
        item.status = ItemStatus.FAILED
        self._tell(item.type.lower(), "dropped", f"the trip goes on without {item.title}")
        self._booking.warnings.append(
            f"{item.title} could not be booked and is not part of the trip; you do not pay for it."
        )

    async def _settled_by_hand(self) -> None:
        """Believe an operator about reservations; about the money, ask the gateway once more."""
        for item in self._booking.items:
            if item.saga_state is SagaState.UNDO_FAILED:
                self._saga.settle(_name(item))
                self._item_gone(item)
        await self._saga.undo()

    async def _undo_item(self, item: Item) -> Problem | None:
        if item.saga_state is SagaState.REFUSED:
            return None  # a definite no: there is nothing to cancel
        item.saga_state = SagaState.UNDOING
        try:
            within = self._patience.step_deadline if self._hurry else None
            outcome = await self._cancel_item(item, operation="undo", within=within)
        except FailureError as error:
            return self._item_stays(
                item, fault(error, step="undo", code=Code.SUPPLIER_DOWN, item=item.number)
            )
        if outcome.refused is not None:
            return self._item_stays(item, outcome.refused)
        self._item_gone(item)
        return None

    # -- the payment ----------------------------------------------------------------------

    async def _return_payment(self) -> Problem | None:
        booking = self._booking
        key = operation_key(booking.id, "payment", "return", self._undo_rounds + 1)
        try:
            outcome = await perform_at(
                STRIPE,
                self._patience,
                calls.RETURN_PAYMENT,
                PaymentCall(booking_id=booking.id, key=key),
                policies.undoing(self._patience, STRIPE),
                "Give the money back",
            )
        except FailureError as error:
            return fault(error, step="undo", code=Code.PAYMENT_DOWN)
        if outcome.refused is not None:
            return outcome.refused
        if outcome.payment is None:
            booking.payment.status = PaymentStatus.FAILED  # it was never made
        else:
            booking.payment = outcome.payment
        if booking.payment.status is PaymentStatus.AUTHORISED or (
            booking.payment.captured > booking.payment.refunded
        ):
            return Problem(
                code=Code.PAYMENT_DOWN, step="undo", message="the money is not given back yet"
            )
        self._tell("payment", "undone", "no money is held or taken")
        return None

    async def _pay(
        self,
        call: calls.Call[PaymentCall, PaymentOutcome],
        operation: str,
        amount: int,
        summary: str,
        *,
        decided: bool = False,
    ) -> PaymentOutcome:
        """Ask the gateway. ``decided``: the decision must be durable first (the pivot)."""
        perform = perform_on_queue if decided else perform_at
        key = operation_key(self._booking.id, "payment", operation)
        message = PaymentCall(booking_id=self._booking.id, key=key, amount=amount)
        policy = policies.forward(self._patience, STRIPE)
        try:
            return await perform(STRIPE, self._patience, call, message, policy, summary)
        except FailureError as error:
            step = "capture" if operation == "capture" else "authorise"
            raise TripFailedError(fault(error, step=step, code=Code.PAYMENT_DOWN)) from error

    def _accept_payment(self, outcome: PaymentOutcome) -> PaymentView:
        if outcome.payment is None:
            self._booking.payment.status = PaymentStatus.FAILED
            raise TripFailedError(
                outcome.refused
                or Problem(code=Code.INTERNAL, step="authorise", message="no payment")
            )
        self._booking.payment = outcome.payment
        return outcome.payment

    async def _authenticated(self) -> PaymentView:
        """Wait for the traveller's 3-D Secure, asking the gateway less and less often."""
        await self._record(
            BookingState.PAYMENT_PENDING, "the card holder's bank asks for authentication"
        )
        deadline = workflow.now() + timedelta(seconds=self._patience.authentication_deadline)
        pause = timedelta(seconds=1)
        while self._booking.payment.status is PaymentStatus.PENDING:
            left = deadline - workflow.now()
            if left <= timedelta(0):
                raise TripFailedError(
                    Problem(
                        code=Code.AUTHENTICATION_REQUIRED,
                        step="authorise",
                        message="the payment was not authenticated in time",
                    )
                )
            await self._cancelled_within(min(pause, left))
            self._stop_if_cancelled()
            pause = min(pause * 1.5, timedelta(seconds=30))
            outcome = await self._pay(
                calls.READ_PAYMENT, "read", 0, "Has the traveller authenticated?"
            )
            self._accept_payment(outcome)
        if self._booking.payment.status is not PaymentStatus.AUTHORISED:
            raise TripFailedError(
                Problem(
                    code=Code.PAYMENT_DECLINED,
                    step="authorise",
                    message="the payment was ended before it was authenticated",
                )
            )
        await self._record(BookingState.PROCESSING, "the payment is authenticated")
        return self._booking.payment

    # -- small things ---------------------------------------------------------------------

    def _stop_if_cancelled(self) -> None:
        if self._cancel_wish is not None:
            raise TripCancelledError(self._cancel_wish)

    async def _cancelled_within(self, pause: timedelta) -> None:
        try:
            await workflow.wait_condition(lambda: self._cancel_wish is not None, timeout=pause)
        except TimeoutError:
            return

    def _money(self, amount: int) -> str:
        return str(Money(amount=amount, currency=self._booking.currency))


def _name(item: Item) -> str:
    return f"item {item.number}"


def _no_answer(item: Item) -> Problem:
    return Problem(
        code=Code.INTERNAL, step=item.type.lower(), message="no answer", item=item.number
    )


def _not_confirmed(item: Item) -> Problem:
    return Problem(
        code=Code.UNAVAILABLE,
        step=item.type.lower(),
        message=f"{item.supplier} did not confirm {item.title} at once",
        item=item.number,
    )
