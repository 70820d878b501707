"""Cancelling items of a booking that stands: at their suppliers, by the terms stored with them."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.bookings.booking import Item
    from models.bookings.lifecycle import CancelledBy, ItemStatus, SagaState
    from models.bookings.problems import Problem
    from models.core.money import Money
    from models.suppliers.messages import CancelledItem
    from workflows.core.narration import supplier_name
    from workflows.core.record import BookingRecord
    from workflows.suppliers.item_steps import cancel_item, item_gone, item_stays
    from workflows.trips.plan import plan


class Cancellation:
    """Cancels items, by the terms that counted at a moment."""

    def __init__(
        self,
        record: BookingRecord,
        requested_at: datetime,
        by: CancelledBy = CancelledBy.GUEST,
    ) -> None:
        """Prepare; ``requested_at`` is the moment whose terms count (UTC)."""
        self._record = record
        self._requested_at = requested_at
        self._by = by

    def fee(self, items: Iterable[Item]) -> int:
        """Return what cancelling items keeps, minor units."""
        return sum(item.fee_at(self._requested_at, self._by) for item in items)

    async def cancel(
        self, items: Sequence[Item], *, operation: str, supplier_id: str | None = None
    ) -> list[Problem]:
        """Cancel items at their suppliers, last booked first; answers what was not possible."""
        problems = []
        for stage in reversed(plan(items)):
            for item in reversed(stage):
                outcome = await cancel_item(
                    self._record, item, operation=operation, supplier_id=supplier_id
                )
                if isinstance(outcome, Problem):
                    problems.append(item_stays(item, outcome))
                else:
                    self.cancelled(item, outcome)
                    self._record.close_cases_of(
                        item, by="supplier", resolution="it was cancelled after all"
                    )
        return problems

    def cancelled(self, item: Item, outcome: CancelledItem | None = None) -> None:
        """Note an item as cancelled, keeping what its terms say; None: a person has done it."""
        item.fee = item.fee_at(self._requested_at, self._by)
        item.problem = None
        if outcome is not None:
            self.compare_fees(item, outcome)
        item_gone(self._record, item)

    def give_up(self, item: Item) -> None:
        """Note an item as cancelled for the traveller, though its supplier has yet to let it go."""
        item.fee = item.fee_at(self._requested_at, self._by)
        item.status = ItemStatus.CANCELLED
        item.saga_state = SagaState.UNDO_FAILED
        item.cancelled_at = workflow.now()

    def compare_fees(self, item: Item, outcome: CancelledItem) -> None:
        """Report when the supplier keeps another fee than the stored terms say; in its currency."""
        quote, supplier_fee = item.quote, outcome.supplier_fee
        if quote is None or supplier_fee is None:
            return
        price = quote.price
        keeps = Money(amount=supplier_fee, currency=outcome.supplier_fee_currency or price.currency)
        fee = 0
        if self._by.pays_fee:
            fee = quote.terms.fee_at(self._requested_at, price.amount)
        agreed = Money(amount=fee, currency=price.currency)
        if keeps == agreed:
            return
        self._record.note_fee(
            item,
            keeps,
            f"for cancelling {item.title}, the terms stored with the booking say {agreed}. The"
            " traveller was treated by the stored terms; settle the difference with"
            f" {supplier_name(item)}.",
            termsSay=agreed.model_dump(),
        )
