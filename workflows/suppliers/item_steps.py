"""What is done about one item at its supplier: book, complete, wait for a yes, cancel."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.bookings.booking import Item
    from models.bookings.lifecycle import ItemStatus, SagaState
    from models.bookings.messages import SUPPLIER_SIGNAL
    from models.bookings.problems import Code, Problem
    from models.core.calls import Call
    from models.core.keys import operation_key
    from models.core.money import Money
    from models.core.supply import GONE, HOUSE, Reservation, ReservationStatus
    from models.suppliers.messages import BookedItem, CancelledItem, ItemCall
    from workflows.core import policies
    from workflows.core.activity_calls import perform_at
    from workflows.core.compensations import Compensations
    from workflows.core.narration import supplier_name
    from workflows.core.outcomes import fault
    from workflows.core.record import BookingRecord

SAYS_SOON = timedelta(minutes=10)
"""A supplier that will have accepted or refused within this time is waited for."""


class ItemSteps:
    """Books items, each with its compensation."""

    def __init__(
        self, record: BookingRecord, compensations: Compensations, *, provisional: bool = False
    ) -> None:
        """Prepare. ``provisional``: what is booked is the booking's only once ``settle`` says so.

        Until then it is PENDING, and what its supplier will confirm later counts as booked.
        """
        self._record = record
        self._compensations = compensations
        self._provisional = provisional
        self._hurry = False
        """Whether a compensation keeps the rest of the trip waiting."""
        self._after_capture: set[int] = set()
        """Items whose suppliers are paid for good once the traveller has paid."""
        self._awaited: set[int] = set()
        self._news = 0
        """How often a supplier has told that something has changed."""
        workflow.set_signal_handler(SUPPLIER_SIGNAL, self._hear)

    def register(self, item: Item) -> None:
        """Register the compensation of booking an item."""
        number = item.number  # the item itself is replaced when the booking is recorded

        async def undo() -> Problem | None:
            return await self._undo(self._record.booking.item(number))

        self._compensations.register(_name(item), undo)

    def register_local(self, items: Sequence[Item]) -> None:
        """Register from the start what is booked by local activities.

        ``PaymentSteps.register_if_local`` says why.
        """
        for item in items:
            if item.supplier in self._record.patience.local:
                self.register(item)

    def settle(self, items: Sequence[Item]) -> None:
        """Let what was booked provisionally be the booking's own."""
        for item in items:
            if item.number in self._awaited:
                item.saga_state = SagaState.AWAITED
            else:
                item.status = ItemStatus.CONFIRMED

    # -- book and complete --------------------------------------------------------------------

    async def book(self, items: Sequence[Item]) -> list[Problem | None]:
        """Book items together, each registered first; answers why each was not booked."""
        return list(await asyncio.gather(*(self._book(item) for item in items)))

    async def complete(
        self, items: Sequence[Item], *, after_capture: bool
    ) -> list[tuple[Item, Problem | None]]:
        """Complete what is only held: what costs for good is paid once the money is taken."""
        held = [
            item
            for item in items
            if item.held and (item.number in self._after_capture) is after_capture
        ]
        problems = await asyncio.gather(*(self._complete(item) for item in held))
        return list(zip(held, problems, strict=True))

    async def drop(self, item: Item) -> None:
        """Go on without an experience: it is cancelled where it was booked, and not paid for.

        What cannot be settled within a step's deadline is tried again at the end.
        """
        self._hurry = True
        await self._compensations.run_one(_name(item))
        self._hurry = False
        item.status = ItemStatus.FAILED
        self._record.booking.warnings.append(
            f"{item.title} could not be booked and is not part of the trip; you do not pay for it."
        )

    async def _book(self, item: Item) -> Problem | None:
        item.saga_state = SagaState.BOOKING
        self.register(item)
        self._record.show()
        return await self._ask(
            calls.BOOK_ITEM,
            item,
            "book",
            f"Book {item.title or item.type}",
            self._record.hold_left(),
        )

    async def _complete(self, item: Item) -> Problem | None:
        within = self._record.hold_left()
        item.saga_state = SagaState.BOOKING
        return await self._ask(
            calls.COMPLETE_ITEM, item, "complete", f"Complete {item.title or item.type}", within
        )

    async def _ask(
        self,
        call: Call[ItemCall, BookedItem],
        item: Item,
        operation: str,
        summary: str,
        within: float | None,
    ) -> Problem | None:
        patience = self._record.patience
        try:
            outcome = await perform_at(
                item.supplier,
                patience,
                call,
                self._call(item, operation),
                policies.forward(patience, item.supplier, within=within),
                f"{summary} at {supplier_name(item)}",
            )
        except FailureError as error:
            item.saga_state = SagaState.UNKNOWN
            return self._not_booked(item, _fault(item, error))
        if outcome.reservation is None:
            # Refused now, but an earlier, unanswered attempt may have got it, or get it yet; and
            # what could not be completed is still held.
            definite = not outcome.doubtful and operation == "book"
            item.saga_state = SagaState.REFUSED if definite else SagaState.UNKNOWN
            return self._not_booked(item, outcome.refused or _no_answer(item))
        if outcome.after_capture:
            self._after_capture.add(item.number)
        return await self._take(item, outcome.reservation)

    async def _take(self, item: Item, reservation: Reservation) -> Problem | None:
        """Note what the supplier answered; wait for its confirmation where that comes soon."""
        item.reservation = reservation
        match reservation.status:
            case ReservationStatus.CONFIRMED:
                self._booked(item, reservation)
            case ReservationStatus.HELD:
                item.saga_state = SagaState.HELD
                self._record.show()
            case ReservationStatus.PENDING if item.required or _says_soon(reservation):
                return await self._wait_for_supplier(item, reservation)
            case ReservationStatus.PENDING:
                self._await(item)
            case _:
                item.saga_state = SagaState.UNKNOWN
                return self._not_booked(item, _not_confirmed(item))
        return None

    def _await(self, item: Item) -> None:
        """Let the trip stand while an experience is confirmed by hand (decision 17)."""
        self._awaited.add(item.number)
        item.saga_state = SagaState.BOOKED if self._provisional else SagaState.AWAITED
        self._record.booking.warnings.append(
            f"{item.title} is yet to be confirmed by {supplier_name(item)}, which can take up to"
            " three days. If it is not, you get its price back."
        )

    async def _wait_for_supplier(self, item: Item, reservation: Reservation) -> Problem | None:
        """Ask a supplier that has only taken note until it has accepted or refused.

        Its webhook wakes us; asking at intervals is the second line.
        """
        patience = self._record.patience
        longest = workflow.now() + timedelta(seconds=patience.step_deadline)
        until = reservation.settles_by or longest
        pause = timedelta(seconds=0.5)
        while True:
            await self._supplier_tells(reservation.look_after, pause)
            pause = min(pause * 1.5, timedelta(seconds=5))
            last = workflow.now() >= until  # one more look at the very end
            try:
                looked = await perform_at(
                    item.supplier,
                    patience,
                    calls.LOOK_AT_ITEM,
                    self._call(item, "look"),
                    policies.forward(patience, item.supplier, within=self._record.hold_left()),
                    f"Has {supplier_name(item)} confirmed {item.title or item.type}?",
                )
            except FailureError as error:
                item.saga_state = SagaState.UNKNOWN
                return self._not_booked(item, _fault(item, error))
            reservation = looked.reservation or reservation
            status = reservation.status
            if status in (ReservationStatus.CONFIRMED, ReservationStatus.HELD):
                return await self._take(item, reservation)
            if status in GONE:
                item.saga_state = SagaState.REFUSED
                return self._not_booked(item, _not_confirmed(item))
            if last:
                item.saga_state = SagaState.UNKNOWN
                return self._not_booked(item, _no_answer(item))

    async def _supplier_tells(self, look_after: datetime | None, pause: timedelta) -> None:
        """Wait for news of any supplier, or for the next look at a reservation."""
        heard = self._news
        if look_after is not None:
            pause = max(pause, min(look_after - workflow.now(), timedelta(seconds=60)))
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._news > heard, timeout=pause)

    def _hear(self) -> None:
        """Note that a reservation has changed at its supplier; a waiting step looks at once."""
        self._news += 1

    def _booked(self, item: Item, reservation: Reservation) -> None:
        item.reservation = reservation
        item.status = ItemStatus.PENDING if self._provisional else ItemStatus.CONFIRMED
        item.saga_state = SagaState.BOOKED
        item.booked_at = workflow.now()
        self._record.show()

    def _not_booked(self, item: Item, problem: Problem) -> Problem:
        item.status = ItemStatus.FAILED
        item.problem = problem
        self._record.show()
        return problem

    # -- undo -----------------------------------------------------------------------------------

    async def _undo(self, item: Item) -> Problem | None:
        """Undo the booking of an item: the traveller pays nothing for it."""
        if item.saga_state is SagaState.REFUSED:
            return None  # a definite no: there is nothing to cancel
        item.saga_state = SagaState.UNDOING
        within = self._record.patience.step_deadline if self._hurry else None
        # Tried again by ``run`` after ``drop`` has failed: under a key of its own.
        operation = "drop" if self._hurry else "undo"
        outcome = await cancel_item(self._record, item, operation=operation, within=within)
        if isinstance(outcome, Problem):
            return item_stays(item, outcome)
        note_undo_fee(self._record, item, outcome)
        item_gone(self._record, item)
        return None

    # -- helpers --------------------------------------------------------------------------------

    def _call(self, item: Item, operation: str) -> ItemCall:
        booking_id = self._record.booking.id
        return ItemCall(
            booking_id=booking_id,
            item=item.number,
            key=operation_key(booking_id, item.number, operation),
        )


async def cancel_item(
    record: BookingRecord,
    item: Item,
    *,
    operation: str,
    within: float | None = None,
    supplier_id: str | None = None,
) -> CancelledItem | Problem:
    """Cancel an item at its supplier, if present there; answers why it was not possible.

    ``operation`` makes the key: one that was refused is asked again under another. ``within``
    gives up after so many seconds; ``supplier_id`` is a reservation that an operator has found.
    """
    if item.supplier == HOUSE:
        return CancelledItem()  # our own stock: the claim follows the booking's next state
    booking_id, patience = record.booking.id, record.patience
    try:
        outcome = await perform_at(
            item.supplier,
            patience,
            calls.CANCEL_ITEM,
            ItemCall(
                booking_id=booking_id,
                item=item.number,
                key=operation_key(booking_id, item.number, operation),
                supplier_id=supplier_id,
            ),
            policies.undoing(patience, item.supplier, within=within),
            f"Cancel {item.title or item.type} at {supplier_name(item)}",
        )
    except FailureError as error:
        return fault(error, step="cancel", code=Code.SUPPLIER_DOWN, item=item.number)
    return outcome.refused or outcome


def item_gone(record: BookingRecord, item: Item) -> None:
    """Note that nothing is left of an item that may have been booked."""
    if item.status is ItemStatus.CONFIRMED:
        item.status = ItemStatus.CANCELLED
        item.cancelled_at = workflow.now()
    elif item.status is ItemStatus.PENDING:
        item.status = ItemStatus.CANCELLED
    item.saga_state = SagaState.UNDONE
    record.show()


def item_stays(item: Item, problem: Problem) -> Problem:
    """Note that an item could not be cancelled, and why."""
    if not item.awaited:  # that stays what the traveller counts on, and is paid for
        item.saga_state = SagaState.UNDO_FAILED
    item.problem = problem
    return problem


def note_undo_fee(record: BookingRecord, item: Item, outcome: CancelledItem) -> None:
    """Tell operators of a fee for undoing: the traveller pays nothing, so we do."""
    if not outcome.supplier_fee:
        return
    currency = outcome.supplier_fee_currency or item.currency
    keeps = Money(amount=outcome.supplier_fee, currency=currency)
    record.note_fee(
        item,
        keeps,
        f"for {item.title}, which was booked and had to be undone. The traveller paid nothing for"
        " it: we bear this.",
    )


def _says_soon(reservation: Reservation) -> bool:
    by = reservation.settles_by
    return by is not None and by <= workflow.now() + SAYS_SOON


def _name(item: Item) -> str:
    return f"item {item.number}"


def _fault(item: Item, error: FailureError) -> Problem:
    return fault(error, step=item.type.lower(), code=Code.SUPPLIER_DOWN, item=item.number)


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
