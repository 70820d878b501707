"""What a booking that is HELD has: places at suppliers, and perhaps money on a card.

No workflow runs while somebody decides. Whoever decides, or the end of the hold, starts one: it
completes the booking with :attr:`Held.payment`, or gives everything back.
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.bookings.lifecycle import BookingState
    from workflows.core.compensations import Compensations
    from workflows.core.record import BookingRecord
    from workflows.core.requests import Requests
    from workflows.core.stops import Stops
    from workflows.core.undoing import undo_booking
    from workflows.payments.payment_steps import MOST_CARDS, PaymentSteps
    from workflows.suppliers.item_steps import ItemSteps


class Held:
    """Completes what is held, or gives it back. The booking must have been read."""

    def __init__(self, record: BookingRecord, requests: Requests) -> None:
        self._record = record
        self._compensations = Compensations()
        self.payment = PaymentSteps(
            record,
            self._compensations,
            Stops(record, requests),
            waits_in=BookingState.PAYMENT_PENDING,
            # by the workflow that made the booking; how often it did is not on record
            asked_before=MOST_CARDS,
        )
        items = ItemSteps(record, self._compensations)
        for item in record.booking.items:
            items.register(item)
        if record.booking.payment.payment_method_id is not None:
            self.payment.register()

    async def give_back(
        self,
        reason: BaseException,
        *,
        ends: BookingState | None = None,
        who: str,
        why: str | None = None,
    ) -> None:
        """Release money and places, and record the end (``undo_booking``): nothing is kept.

        The gateway is asked first: what was taken by anybody meanwhile is refunded.
        """
        await undo_booking(self._record, self._compensations, reason, ends=ends, who=who, why=why)
