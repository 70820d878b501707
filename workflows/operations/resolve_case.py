"""ResolveCase: carry out what an operator has decided about one case of a booking.

The case names what it is about: an item that could not be cancelled or undone, or the money. A
decision about a case that is not open any more decides nothing.
"""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.bookings.booking import Booking, Item, OpenCase
    from models.bookings.lifecycle import BookingState, CancelledBy, ItemStatus
    from models.bookings.messages import (
        UNSETTLED_CASE,
        BookingRequest,
        RequestKind,
        RequestsRun,
        Resolution,
    )
    from models.bookings.problems import Code, Problem
    from models.suppliers.messages import CancelledItem
    from workflows.core.record import SETTLE, BookingRecord
    from workflows.core.requests import Requests, carry_out
    from workflows.payments.refunds import Refunds
    from workflows.payments.settling import put_right
    from workflows.suppliers.item_steps import cancel_item, item_gone, item_stays, note_undo_fee
    from workflows.trips.cancel_booking import CANCELLABLE
    from workflows.trips.cancellation import Cancellation

STEP = "resolve"


@workflow.defn(name="ResolveCase")
class ResolveCase:
    """Runs under the booking's id, so that nothing else changes the booking meanwhile."""

    @workflow.init
    def __init__(self, run: RequestsRun) -> None:
        self._record = BookingRecord(run.patience)
        self._requests = Requests(run.waiting)
        self._refunds = Refunds(self._record)

    @workflow.run
    async def run(self, run: RequestsRun) -> Booking:
        """Carry the decision out; returns the booking."""
        return await carry_out(
            self._record, self._requests, RequestKind.RESOLVE, run.booking_id, self._resolve
        )

    # -- steps --------------------------------------------------------------------------------

    async def _resolve(self, request: BookingRequest) -> None:
        """Do what was decided; the case stays open when that does not settle it."""
        booking, resolution = self._record.booking, Resolution.model_validate(request.body)
        case = next((one for one in booking.cases if one.id == resolution.case_id), None)
        if case is None or case.kind != UNSETTLED_CASE:
            self._record.end_request(request, _settled_before(resolution))
            await self._record.write_ended_requests()
            return
        if case.item is not None:
            problem = await self._settle_item(booking, booking.item(case.item), case, resolution)
        else:
            problem = await self._settle_money(case, resolution)
        decided = f"{resolution.decision}: {resolution.note}"
        if problem is None:
            self._record.close_case(case, by=request.who, resolution=decided)
        elif case.item is None:
            self._record.open_case(problem, details=case.details, payment=case.payment or 1)
        self._record.end_request(request, problem)
        why = decided if problem is None else f"{decided}; not settled: {problem.message}"
        await self._record.write(self._state(booking, case), why, who=request.who)

    async def _settle_item(
        self, booking: Booking, item: Item, case: OpenCase, resolution: Resolution
    ) -> Problem | None:
        """Cancel the item once more, or note that a person has; then give back what is owed."""
        asked = case.details.get("requestedAt")
        cancellation = Cancellation(
            self._record, datetime.fromisoformat(asked) if asked else workflow.now(), _by(case)
        )
        outcome: CancelledItem | None = None
        if resolution.decision == "retry":
            answer = await cancel_item(
                self._record,
                item,
                operation=f"{STEP}-{booking.version}",
                supplier_id=resolution.supplier_id,
            )
            if isinstance(answer, Problem):
                return item_stays(item, answer)
            outcome = answer
        if item.live and booking.state in CANCELLABLE:
            cancellation.cancelled(item, outcome)
        else:
            item.problem = None
            if outcome is not None and case.details.get("operation") == "cancel":
                cancellation.compare_fees(item, outcome)
            elif outcome is not None:
                note_undo_fee(self._record, item, outcome)
            failed = item.status is ItemStatus.FAILED
            item_gone(self._record, item)
            item.status = ItemStatus.FAILED if failed else item.status
        reason = case.details.get("reason") or "the case is settled"
        unpaid = await self._give_back(str(reason), resolution)
        if unpaid is not None:
            self._record.open_case(unpaid, details=SETTLE)
        return None

    async def _settle_money(self, case: OpenCase, resolution: Resolution) -> Problem | None:
        """Ask the gateway, then give back what is owed, or count it as paid out by hand.

        About the money the gateway is asked, whatever was decided: only what was paid out
        otherwise is believed, and more than was due is let go when a person says so.
        """
        problem = await self._refunds.look()
        booking = self._record.booking
        if problem is None and resolution.paid_by_hand:
            problem = await self._refunds.given_by_hand(resolution.note)
        if problem is None and resolution.decision == "resolved" and booking.owed < 0:
            booking.goodwill -= booking.owed
        if problem is None:
            problem = await put_right(
                self._record, self._refunds, resolution.note, operator_asks=True
            )
        stray = case.details.get("stray")
        if problem is None and stray is not None:  # it was left alone while the rest was in doubt
            problem = await self._refunds.return_stray(stray)
        return problem

    async def _give_back(self, reason: str, resolution: Resolution) -> Problem | None:
        if resolution.paid_by_hand:
            return await self._refunds.given_by_hand(reason)
        return await self._refunds.give_back(reason)

    def _state(self, booking: Booking, case: OpenCase) -> BookingState:
        """Return what the booking is then: CANCELLED once its last item is cancelled."""
        if booking.state not in CANCELLABLE or booking.live_items:
            return booking.state
        booking.cancelled_by = _by(case)
        booking.cancel_reason = case.details.get("reason") or None
        booking.cancelled_at = workflow.now()
        return BookingState.CANCELLED


def _by(case: OpenCase) -> CancelledBy:
    """Return who cancelled what the case is about."""
    return CancelledBy(case.details.get("by", CancelledBy.OPERATOR))


def _settled_before(resolution: Resolution) -> Problem:
    return Problem(
        code=Code.CASE_SETTLED,
        step=STEP,
        message=f"the case {resolution.case_id} is not open for a decision",
    )
