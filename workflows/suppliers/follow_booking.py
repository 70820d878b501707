"""FollowBooking: look at the suppliers of a booking at rest, and put the record right.

Begun when a supplier has news afterwards: yes or no to what was pending, a cancellation
or other times of its own accord, a booking that was done late and that nobody wants any more.
"""

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.bookings.booking import Booking, Item
    from models.bookings.lifecycle import SETTLED_STATES, BookingState, CancelledBy
    from models.bookings.problems import Problem
    from models.core.keys import operation_key
    from models.core.money import Money
    from models.suppliers.following import ON_ITS_WAY, FollowRequest, LookAgain, News, news_about
    from models.suppliers.messages import ItemCall
    from workflows.core import policies
    from workflows.core.activity_calls import perform_at, perform_local
    from workflows.core.compensations import ignore_cancel, shielded
    from workflows.core.narration import supplier_name
    from workflows.core.record import SETTLE, UNDO, BookingRecord
    from workflows.core.requests import Requests, end_run
    from workflows.payments.refunds import Refunds
    from workflows.suppliers.item_steps import cancel_item, item_gone, item_stays
    from workflows.suppliers.news import SupplierNews


@workflow.defn(name="FollowBooking")
class FollowBooking:
    """Runs under the booking's id, so that nothing else changes the booking meanwhile."""

    @workflow.init
    def __init__(self, request: FollowRequest) -> None:
        self._request = request
        self._record = BookingRecord(request.patience)
        self._requests = Requests()
        self._refunds = Refunds(self._record)
        self._news = SupplierNews(self._record)

    @workflow.run
    async def run(self, request: FollowRequest) -> Booking:
        """Look, and act on what differs; returns the booking as it stands then.

        A booking that is not at rest is returned as it is. What is begun is finished: a cancel of
        the workflow changes nothing.
        """
        await shielded(self._carry_out(request), on_cancel=ignore_cancel)
        return self._record.booking

    async def _carry_out(self, request: FollowRequest) -> None:
        booking = await self._record.load(request.booking_id)
        if booking.state in SETTLED_STATES:
            await self._follow(booking)
        await end_run(self._record, self._requests)

    # -- steps --------------------------------------------------------------------------------

    async def _follow(self, booking: Booking) -> None:
        """Look, note what is news, undo and give back; what cannot be done becomes a case."""
        unanswered = await self._look(booking)
        for problem in await self._undo_left_over(booking):
            self._record.open_case(problem, details=UNDO)
        if self._news.lost:
            unpaid = await self._refunds.give_back("; ".join(self._news.told))
            if unpaid is not None:
                self._record.open_case(unpaid, details=SETTLE)
        await self._close(booking)
        if unanswered:
            again = LookAgain(booking_id=booking.id, items=unanswered, why=self._request.why)
            await perform_local(
                calls.LOOK_AGAIN, again, policies.record(), "Look again in the next round"
            )

    async def _look(self, booking: Booking) -> list[int]:
        """Ask the suppliers of the items; answers which of them gave no answer."""
        patience = self._record.patience
        unanswered = []
        for item in self._asked(booking):
            call = ItemCall(
                booking_id=booking.id,
                item=item.number,
                key=operation_key(booking.id, item.number, "follow"),
            )
            try:
                looked = await perform_at(
                    item.supplier,
                    patience,
                    calls.LOOK_AT_ITEM,
                    call,
                    policies.reading(patience, [item.supplier]),
                    f"What does {supplier_name(item)} have of {item.title or item.type}?",
                )
            except FailureError:
                unanswered.append(item.number)
                continue
            news = news_about(booking, item, looked.reservation)
            if news is not None and looked.reservation is not None:
                self._news.note(item, news, looked.reservation)
        return unanswered

    def _asked(self, booking: Booking) -> list[Item]:
        named = set(self._request.items)
        return [item for item in booking.items if not named or item.number in named]

    async def _undo_left_over(self, booking: Booking) -> list[Problem]:
        """Cancel what is left over at a supplier; answers what was not possible."""
        problems = []
        for item in self._news.left_over:
            # The version keeps one finding's key apart from that of an earlier one.
            outcome = await cancel_item(self._record, item, operation=f"follow-{booking.version}")
            if isinstance(outcome, Problem):
                problems.append(item_stays(item, outcome))
                continue
            item_gone(self._record, item)
            self._record.close_cases_of(
                item, by="supplier", resolution="it was found and cancelled"
            )
            self._news.told.append(
                f"{item.title} stood at {supplier_name(item)}, and was cancelled"
            )
            if outcome.supplier_fee:
                currency = outcome.supplier_fee_currency or item.currency
                kept = Money(amount=outcome.supplier_fee, currency=currency)
                what = f"it stood there for nobody; cancelling it costs us {kept}"
                self._news.ask_for_help(item, News.LEFT_OVER, what)
        return problems

    async def _close(self, booking: Booking) -> None:
        """Record what was found, if anything: as it was, or CANCELLED when nothing is left."""
        if not self._news.told and not self._record.has_notes:
            return
        why = "; ".join(self._news.told) or self._request.why
        state = booking.state
        if state in ON_ITS_WAY and not booking.live_items:
            state = BookingState.CANCELLED
            booking.cancelled_by = CancelledBy.PROVIDER
            booking.cancel_reason = why
            booking.cancelled_at = workflow.now()
        await self._record.write(state, why, who="supplier")
