"""The steps of a trip, each with its undo. ``booking`` tells the story, ``paying`` pays for it."""

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.booking import Code, Item, Problem
    from models.keys import operation_key
    from models.lifecycle import ItemStatus, SagaState
    from models.messages import BookTripRequest, ItemCall
    from models.supply import Reservation, ReservationStatus
    from workflows import policies
    from workflows.narration import supplier_name
    from workflows.outcomes import fault
    from workflows.paying import TripPayment
    from workflows.perform import perform_at
    from workflows.plan import plan


class TripSteps(TripPayment):
    """What ``BookTrip`` is made of."""

    def __init__(self, request: BookTripRequest) -> None:
        super().__init__(request)
        self._hurry = False
        """Whether an undo keeps the rest of the trip waiting."""
        self._register_what_is_local()

    def _register_what_is_local(self) -> None:
        """Register the undo of every step that runs as a local activity, from the start.

        Its effect is older than its place in the history: when a worker dies before its workflow
        task ends, the successor begins that task anew, and may decide otherwise (a cancel has
        come, a price has changed) without ever reaching the step again.
        """
        if self._gateway in self._patience.local:
            self._register_payment()
        for stage in plan(self._booking.items):
            for item in stage:
                if item.supplier in self._patience.local:
                    self._register_item(item)

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
