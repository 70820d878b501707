"""The steps of a trip, each with its undo. ``booking`` tells the story, ``paying`` pays for it."""

import contextlib
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.bookings.booking import Booking, Item
    from models.bookings.lifecycle import ItemStatus, SagaState
    from models.bookings.problems import Code, Problem
    from models.core.calls import Call
    from models.core.keys import operation_key
    from models.core.money import Money
    from models.core.patience import Patience
    from models.core.supply import GONE, Reservation, ReservationStatus
    from models.suppliers.messages import BookedItem, CancelledItem, ItemCall
    from workflows.core import policies
    from workflows.core.narration import supplier_name
    from workflows.core.outcomes import TripFailedError, fault
    from workflows.core.perform import perform_at
    from workflows.payments.trip_payment import HOLD_RESERVE, TripPayment
    from workflows.trips.plan import plan


class TripSteps(TripPayment):
    """What ``BookTrip`` is made of."""

    def __init__(self, booking: Booking | None, patience: Patience) -> None:
        super().__init__(booking, patience)
        self._hurry = False
        """Whether an undo keeps the rest of the trip waiting."""
        self._after_capture: set[int] = set()
        """Items whose suppliers are paid for good once the traveller has paid."""
        if booking is not None:
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
        item.saga_state = SagaState.BOOKING
        self._register_item(item)
        self._tell(item.type.lower(), "started", f"booking {item.title} at {supplier_name(item)}")
        return await self._ask_supplier(
            calls.BOOK_ITEM, item, "book", f"Book {item.title or item.type}", self._hold_left()
        )

    async def _complete_item(self, item: Item) -> Problem | None:
        """Make a held item ours. Answers why it could not be had."""
        within = self._hold_left()
        item.saga_state = SagaState.BOOKING
        self._tell(item.type.lower(), "started", f"completing {item.title}")
        return await self._ask_supplier(
            calls.COMPLETE_ITEM, item, "complete", f"Complete {item.title or item.type}", within
        )

    async def _ask_supplier(
        self,
        call: Call[ItemCall, BookedItem],
        item: Item,
        operation: str,
        summary: str,
        within: float | None,
    ) -> Problem | None:
        try:
            outcome = await perform_at(
                item.supplier,
                self._patience,
                call,
                self._call(item, operation),
                policies.forward(self._patience, item.supplier, within=within),
                f"{summary} at {supplier_name(item)}",
            )
        except FailureError as error:
            problem = fault(
                error, step=item.type.lower(), code=Code.SUPPLIER_DOWN, item=item.number
            )
            item.saga_state = SagaState.UNKNOWN
            return self._not_booked(item, problem)
        if outcome.reservation is None:
            # Refused now, but an earlier, unanswered attempt may have got it, or get it yet; and
            # what could not be completed is still held.
            definite = not outcome.doubtful and operation == "book"
            item.saga_state = SagaState.REFUSED if definite else SagaState.UNKNOWN
            return self._not_booked(item, outcome.refused or _no_answer(item))
        if outcome.after_capture:
            self._after_capture.add(item.number)
        return await self._reserved(item, outcome.reservation)

    def _call(self, item: Item, operation: str) -> ItemCall:
        return ItemCall(
            booking_id=self._booking.id,
            item=item.number,
            key=operation_key(self._booking.id, item.number, operation),
        )

    def _holds_end(self) -> datetime | None:
        """Return until when what we hold may be relied on; None without a hold that ends."""
        ends = [
            item.reservation.held_until
            for item in self._booking.items
            if item.held and item.reservation and item.reservation.held_until
        ]
        return min(ends) - HOLD_RESERVE if ends else None

    def _hold_left(self) -> float | None:
        """Return how many seconds a step may take: the saga ends before what it holds does."""
        end = self._holds_end()
        return None if end is None else max((end - workflow.now()).total_seconds(), 1.0)

    def _stop_if_holds_end(self) -> None:
        end = self._holds_end()
        if end is not None and workflow.now() >= end:
            raise TripFailedError(
                Problem(
                    code=Code.HOLD_EXPIRED,
                    step="hold",
                    message="a part of the trip was not held long enough to book the rest",
                )
            )

    async def _reserved(self, item: Item, reservation: Reservation) -> Problem | None:
        """Note what the supplier gave us; wait for its yes where that comes soon."""
        item.reservation = reservation
        match reservation.status:
            case ReservationStatus.CONFIRMED:
                self._booked(item, reservation)
            case ReservationStatus.HELD:
                item.saga_state = SagaState.HELD
                until = reservation.held_until
                told = f" until {until:%d %b %H:%M} UTC" if until else ""
                self._tell(item.type.lower(), "held", f"{item.title} is held{told}")
            case ReservationStatus.PENDING if item.required or self._says_soon(reservation):
                return await self._wait_for_supplier(item, reservation)
            case ReservationStatus.PENDING:
                self._awaited(item)
            case _:
                item.saga_state = SagaState.UNKNOWN
                return self._not_booked(item, _not_confirmed(item))
        return None

    def _says_soon(self, reservation: Reservation) -> bool:
        by = reservation.settles_by
        return by is not None and by <= workflow.now() + timedelta(minutes=10)

    def _awaited(self, item: Item) -> None:
        """Let the trip stand while an experience is confirmed by hand (decision 17)."""
        item.saga_state = SagaState.AWAITED
        self._tell(item.type.lower(), "awaited", f"{item.title} is yet to be confirmed")
        self._booking.warnings.append(
            f"{item.title} is yet to be confirmed by {supplier_name(item)}, which can take up to"
            " three days. If it is not, you get its price back."
        )

    async def _wait_for_supplier(self, item: Item, reservation: Reservation) -> Problem | None:
        """Ask a supplier that has only taken note until it has said yes or no.

        Its webhook wakes us; asking at intervals is the second line.
        """
        self._tell(
            item.type.lower(), "waiting", f"{supplier_name(item)} is confirming {item.title}"
        )
        longest = workflow.now() + timedelta(seconds=self._patience.step_deadline)
        until = reservation.settles_by or longest
        pause = timedelta(seconds=0.5)
        while True:
            await self._supplier_tells(reservation.look_after, pause)
            pause = min(pause * 1.5, timedelta(seconds=5))
            last = workflow.now() >= until  # one more look at the very end
            try:
                looked = await perform_at(
                    item.supplier,
                    self._patience,
                    calls.LOOK_AT_ITEM,
                    self._call(item, "look"),
                    policies.forward(self._patience, item.supplier, within=self._hold_left()),
                    f"Has {supplier_name(item)} confirmed {item.title or item.type}?",
                )
            except FailureError as error:
                item.saga_state = SagaState.UNKNOWN
                step = item.type.lower()
                problem = fault(error, step=step, code=Code.SUPPLIER_DOWN, item=item.number)
                return self._not_booked(item, problem)
            reservation = looked.reservation or reservation
            status = reservation.status
            if status in (ReservationStatus.CONFIRMED, ReservationStatus.HELD):
                return await self._reserved(item, reservation)
            if status in GONE:
                item.saga_state = SagaState.REFUSED
                return self._not_booked(item, _not_confirmed(item))
            if last:
                item.saga_state = SagaState.UNKNOWN
                return self._not_booked(item, _no_answer(item))

    async def _supplier_tells(self, look_after: datetime | None, pause: timedelta) -> None:
        """Wait for news of any supplier, or for the next look at a reservation."""
        heard = self._supplier_news
        if look_after is not None:
            pause = max(pause, min(look_after - workflow.now(), timedelta(seconds=60)))
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._supplier_news > heard, timeout=pause)

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
        self._bear(item, outcome)
        self._item_gone(item)
        return None

    def _bear(self, item: Item, outcome: CancelledItem) -> None:
        """Tell operators of a fee for undoing: the traveller pays nothing, so the house does."""
        if not outcome.supplier_fee:
            return
        currency = outcome.supplier_fee_currency or item.currency
        keeps = Money(amount=outcome.supplier_fee, currency=currency)
        self._note_fee(
            item,
            keeps,
            f"{supplier_name(item)} keeps {keeps} for undoing {item.title}",
            f"for {item.title}, which was booked and had to be undone. The traveller paid nothing"
            " for it: the house bears this.",
        )


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
        message=f"{supplier_name(item)} did not confirm {item.title}",
        item=item.number,
    )
