"""What every workflow of a booking has: the booking, its record, its events and its case."""

from collections.abc import Callable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.bookings.booking import Booking, Case, Event, Item, PaymentView
    from models.bookings.lifecycle import BookingState, ItemStatus, SagaState
    from models.bookings.messages import (
        BOOKING_QUERY,
        EVENTS_QUERY,
        FEE_CASE,
        PAYMENT_SIGNAL,
        RESOLVE_UPDATE,
        SUPPLIER_SIGNAL,
        CaseNote,
        Resolution,
        Transition,
    )
    from models.bookings.problems import Problem
    from models.core.keys import operation_key, payment_key
    from models.core.money import Money
    from models.core.patience import Patience
    from models.core.search_attributes import BOOKING_STATE, FAILED_STEP
    from models.suppliers.messages import CancelledItem, ItemCall
    from models.trips.changes import ChangeNote
    from workflows.core import policies
    from workflows.core.narration import describe, supplier_name
    from workflows.core.perform import perform_at, perform_local
    from workflows.core.saga import finish


class BookingWorkflow:
    """Holds one booking, writes down its transitions and lets people follow and settle it."""

    _changes_trip = True
    """Whether what it records is news for the trip planner."""
    _change_note: ChangeNote | None = None
    """What the next transition means for a change that is under way."""

    def __init__(self, booking: Booking | None, patience: Patience) -> None:
        self._held = booking
        self._patience = patience
        self._events: list[Event] = []
        self._resolution: Resolution | None = None
        self._parked = False
        self._ended = False
        self._undo_rounds = 0
        self._payment_changed = False
        self._supplier_news = 0
        """How often a supplier has told that something has changed."""
        self._case_notes: list[CaseNote] = []
        """What a person must settle; written with the next transition."""

    @property
    def _booking(self) -> Booking:
        assert self._held is not None, "read before it was loaded"
        return self._held

    # -- what people ask and say ----------------------------------------------------------

    @workflow.query(name=BOOKING_QUERY)
    def booking(self) -> Booking | None:
        """Return the booking as it stands this moment; None before it is loaded."""
        return self._held

    @workflow.query(name=EVENTS_QUERY)
    def events(self) -> list[Event]:
        """Return what has happened so far, oldest first."""
        return self._events

    @workflow.update(name=RESOLVE_UPDATE)
    async def resolve(self, resolution: Resolution) -> Booking:
        """Take an operator's decision about the open case; answer the booking after it."""
        self._resolution = resolution
        await workflow.wait_condition(lambda: self._resolution is None or self._ended)
        return self._booking

    @resolve.validator
    def _may_resolve(self, resolution: Resolution) -> None:
        if not self._parked:
            raise ValueError(f"nothing to resolve: the booking is {self._booking.state}")
        if self._resolution is not None:
            raise ValueError("another decision is being carried out")
        unknown = set(resolution.supplier_ids) - {item.number for item in self._booking.items}
        if unknown:
            raise ValueError(f"no such items: {sorted(unknown)}")

    @workflow.signal(name=PAYMENT_SIGNAL)
    def payment_changed(self) -> None:
        """Hear that the payment has changed at the gateway; whoever waits for it looks at once."""
        self._payment_changed = True

    @workflow.signal(name=SUPPLIER_SIGNAL)
    def supplier_changed(self) -> None:
        """Hear that a reservation has changed at its supplier; whoever waits looks at once."""
        self._supplier_news += 1

    # -- what workflows do ----------------------------------------------------------------

    async def _record(self, state: BookingState, why: str, *, who: str = "saga") -> None:
        """Write a transition down, then let it be seen: nothing is shown that is not committed."""
        current = self._booking
        following = current.model_copy(update={"state": state, "updated_at": workflow.now()})
        transition = Transition(
            booking=following,
            from_state=current.state,
            who=who,
            why=why,
            tell_planner=self._changes_trip,
            cases=self._case_notes,
            change=self._change_note,
        )
        self._change_note = None
        self._case_notes = []
        recorded = await perform_local(
            calls.RECORD, transition, policies.record(), f"{current.state} → {state}"
        )
        self._held = following.model_copy(update={"version": recorded.version})
        failed_step = following.problem.step if following.problem else None
        workflow.upsert_search_attributes(
            [BOOKING_STATE.value_set(state)]
            + ([FAILED_STEP.value_set(failed_step)] if failed_step else [])
        )
        self._tell("booking", state, why)
        if not recorded.planner_told:
            self._tell("planner", "failed", "the trip planner could not be told")

    def _tell(self, step: str, status: str, message: str) -> None:
        """Let watchers know: events for the traveller, details for the Temporal Web UI."""
        self._events.append(Event(at=workflow.now(), step=step, status=status, message=message))
        workflow.set_current_details(describe(self._booking))

    async def _cancel_item(
        self, item: Item, *, operation: str, within: float | None = None
    ) -> CancelledItem:
        """Cancel an item at its supplier, if present there; give up after ``within`` seconds.

        The key names the round, so that an operator's retry asks again instead of being answered
        with the stored refusal.
        """
        supplier_ids = self._resolution.supplier_ids if self._resolution else {}
        return await perform_at(
            item.supplier,
            self._patience,
            calls.CANCEL_ITEM,
            ItemCall(
                booking_id=self._booking.id,
                item=item.number,
                key=operation_key(self._booking.id, item.number, operation, self._undo_rounds + 1),
                supplier_id=supplier_ids.get(item.number),
            ),
            policies.undoing(self._patience, item.supplier, within=within),
            f"Cancel {item.title or item.type} at {supplier_name(item)}",
        )

    def _note_fee(
        self, item: Item, keeps: Money, told: str, summary: str, **details: object
    ) -> None:
        """Tell watchers that a supplier keeps something, and operators what to do about it."""
        self._tell(item.type.lower(), "fee", told)
        self._case_notes.append(
            CaseNote(
                kind=FEE_CASE,
                source=f"fee:{self._booking.id}:{item.number}",
                summary=f"{self._booking.reference}: {supplier_name(item)} keeps {keeps} {summary}",
                details={
                    "item": item.number,
                    "supplier": item.supplier,
                    "reference": item.reference,
                    "supplierKeeps": keeps.model_dump(),
                    **details,
                },
            )
        )

    @property
    def _gateway(self) -> str:
        return self._patience.gateway

    def _payment_is(self, seen: PaymentView) -> PaymentView:
        """Note a payment as the gateway has it; what only the record knows of it stays."""
        return self._booking.payment_seen(seen)

    def _payment_key(self, payment: PaymentView, operation: str, version: int) -> str:
        """Return the key of an operation on one of the booking's payments."""
        return payment_key(self._booking.id, payment.number, operation, version)

    def _money(self, amount: int) -> str:
        return str(Money(amount=amount, currency=self._booking.currency))

    def _item_gone(self, item: Item) -> None:
        """Note that nothing is left of an item that may have been booked."""
        if item.status is ItemStatus.CONFIRMED:
            item.status = ItemStatus.CANCELLED
            item.cancelled_at = workflow.now()
        elif item.status is ItemStatus.PENDING:
            item.status = ItemStatus.CANCELLED
        item.saga_state = SagaState.UNDONE
        self._tell(item.type.lower(), "undone", f"{item.title}: nothing is held any more")

    def _item_stays(self, item: Item, problem: Problem) -> Problem:
        """Note that an item could not be cancelled, and why."""
        if not item.awaited:  # that stays what the traveller counts on, and is paid for
            item.saga_state = SagaState.UNDO_FAILED
        item.problem = problem
        self._tell(item.type.lower(), "stuck", f"{item.title} could not be cancelled yet")
        return problem

    async def _ask_operator(self, problems: list[Problem]) -> Resolution:
        """Park the booking in NEEDS_ATTENTION until an operator decides. No timeout: a person must.

        Temporal's cancel does not end the waiting: what is unsettled stays unsettled.
        """
        booking = self._booking
        booking.case = Case(
            summary="; ".join(problem.message for problem in problems),
            items=sorted({p.item for p in problems if p.item is not None}),
            payment=any(problem.item is None for problem in problems),
            opened_at=workflow.now(),
        )
        await self._record(BookingState.NEEDS_ATTENTION, booking.case.summary)
        self._parked = True
        await workflow.wait_condition(lambda: self._resolution is not None)
        assert self._resolution is not None
        self._parked = False
        self._undo_rounds += 1
        resolution = self._resolution
        self._tell("case", resolution.decision, f"{resolution.who}: {resolution.note}")
        return resolution

    def _close_case(self, resolution: Resolution) -> None:
        """Note the decision, now that it is carried out; the next one may come."""
        self._resolution = None
        case = self._booking.case
        if case is not None:
            case.resolved_at = workflow.now()
            case.resolved_by = resolution.who
            case.resolution = f"{resolution.decision}: {resolution.note}".rstrip(": ")

    async def _end(self) -> Booking:
        """Answer everybody who waits, then return: an update must not outlive its workflow."""
        self._ended = True
        await finish(_until(workflow.all_handlers_finished), on_cancel=self._ignore)
        return self._booking

    def _ignore(self) -> None:
        """Let a cancel of the workflow pass: there is nothing left that it could stop."""


async def _until(condition: Callable[[], bool]) -> None:
    await workflow.wait_condition(condition)
