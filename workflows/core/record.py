"""A booking as its workflow knows it, and how what becomes of it is written down."""

from collections.abc import Mapping
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.bookings.booking import Booking, Item, OpenCase, PaymentView
    from models.bookings.lifecycle import OPEN_STATUSES, BookingState
    from models.bookings.messages import (
        FEE_CASE,
        UNSETTLED_CASE,
        BookingRef,
        BookingRequest,
        CaseClosing,
        CaseNote,
        EndedRequests,
        RequestOutcome,
        Transition,
    )
    from models.bookings.problems import Problem
    from models.core.money import Money
    from models.core.patience import Patience
    from models.core.search_attributes import BOOKING_REFERENCE, BOOKING_STATE, FAILED_STEP
    from models.trips.changes import ChangeNote
    from workflows.core import policies
    from workflows.core.activity_calls import perform_local
    from workflows.core.fence import fence
    from workflows.core.narration import describe, supplier_name


UNDO = {"operation": "undo"}
"""Details of a case about something that was to be undone: the traveller pays nothing for it."""
SETTLE = {"operation": "settle"}
"""Details of a case about money that is not where it belongs."""


class BookingRecord:
    """Holds one booking; every part of its workflow reads and changes it here.

    Notes (cases, ended requests) are collected and written with the next transition.
    """

    def __init__(self, patience: Patience, booking: Booking | None = None) -> None:
        self.patience = patience
        self._booking = booking
        self._cases: list[CaseNote] = []
        self._renewed: list[CaseNote] = []
        self._closings: list[CaseClosing] = []
        self._ended: list[RequestOutcome] = []

    @property
    def booking(self) -> Booking:
        """The booking as it stands this moment."""
        assert self._booking is not None, "read before it was loaded"
        return self._booking

    @booking.setter
    def booking(self, booking: Booking) -> None:
        self._booking = booking

    async def load(self, booking_id: str, request: BookingRequest | None = None) -> Booking:
        """Read the booking from the database; a request that begins is written down there."""
        booking = await perform_local(
            calls.LOAD_BOOKING,
            BookingRef(booking_id=booking_id, request=request),
            policies.record(),
            "Read the booking",
        )
        return self.read(booking)

    def read(self, booking: Booking) -> Booking:
        """Go on with the booking as it was read from the database."""
        self._booking = booking
        workflow.upsert_search_attributes([BOOKING_REFERENCE.value_set(booking.reference)])
        return booking

    # -- transitions ------------------------------------------------------------------------

    def show(self) -> None:
        """Let operators see in the Temporal Web UI how the booking stands this moment."""
        workflow.set_current_details(describe(self.booking))

    async def write(
        self,
        state: BookingState,
        why: str,
        *,
        who: str = "saga",
        change: ChangeNote | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a transition, then show it: nothing is shown that is not committed."""
        current = self.booking
        following = current.model_copy(update={"state": state, "updated_at": workflow.now()})
        transition = Transition(
            booking=following,
            from_state=current.state,
            who=who,
            why=why,
            fence=fence(),
            change=change,
            cases=[*self._cases, *self._renewed],
            settled_cases=self._closings,
            ended_requests=self._ended,
            details=None if details is None else dict(details),
        )
        self._cases, self._renewed, self._closings, self._ended = [], [], [], []
        recorded = await perform_local(calls.RECORD, transition, policies.record(), str(state))
        self._booking = following.model_copy(update={"version": recorded.version})
        failed_step = following.problem.step if following.problem else None
        workflow.upsert_search_attributes(
            [BOOKING_STATE.value_set(state)]
            + ([FAILED_STEP.value_set(failed_step)] if failed_step else [])
        )
        self.show()

    # -- requests ---------------------------------------------------------------------------

    def end_request(self, request: BookingRequest, problem: Problem | None = None) -> None:
        """Note how a request ended: whoever made it learns of it with what is written next."""
        self._ended.append(RequestOutcome(request=request, problem=problem))

    async def write_ended_requests(self) -> None:
        """Write down how requests ended that led to no transition."""
        if not self._ended:
            return
        ended = EndedRequests(booking_id=self.booking.id, outcomes=self._ended, fence=fence())
        self._ended = []
        await perform_local(
            calls.END_REQUESTS, ended, policies.record(), "Note how the request ended"
        )

    # -- cases --------------------------------------------------------------------------------

    def open_case(self, problem: Problem, *, details: Mapping[str, Any], payment: int = 1) -> None:
        """Have a person settle what could not be done; it keeps nobody from anything else.

        ``details`` is what carrying out the decision will need; ``payment`` the number of the
        payment it is about, where it is about no item. A case that is open says what is known now.
        """
        booking = self.booking
        if problem.item is not None:
            item = booking.item(problem.item)
            source = f"item:{item.reference}"
            summary = f"{item.title or item.type} at {supplier_name(item)}: {problem.message}"
            about: dict[str, Any] = {"item": item.number, "reference": item.reference}
        else:
            source = f"payment:{booking.id}:{payment}"
            summary = self._about_money(problem, booking.payments[payment - 1])
            about = {"payment": payment}
        note = CaseNote(
            kind=UNSETTLED_CASE,
            source=source,
            summary=f"{booking.reference}: {summary}",
            details={**about, **details, "code": problem.code, "step": problem.step},
        )
        same = next((case for case in booking.cases if case.source == source), None)
        if same is None:
            self._cases.append(note)
            opened = OpenCase(**note.model_dump(), opened_at=workflow.now())
            booking.cases = [*booking.cases, opened]
        elif same.details.get("stray") == details.get("stray"):  # else it is about other money
            renewed = same.renewed(note.summary, note.details)
            self._renewed.append(note.model_copy(update={"details": renewed.details}))
            booking.cases = [renewed if case is same else case for case in booking.cases]

    def _about_money(self, problem: Problem, payment: PaymentView) -> str:
        """Return what could not be done with the money, and how much of it is concerned."""
        owed = self.money(self.booking.refundable)
        if self.booking.refundable > 0 and owed not in problem.message:
            return f"the traveller is owed {owed}: {problem.message}"
        if problem.step == "undo" and payment.status in OPEN_STATUSES:
            held = self.money(payment.authorised or payment.amount)
            return f"up to {held} may be set aside on the card: {problem.message}"
        return problem.message

    def close_case(self, case: OpenCase, *, by: str, resolution: str) -> None:
        """Note that a case is settled."""
        booking = self.booking
        self._closings.append(CaseClosing(source=case.source, by=by, resolution=resolution))
        # Closed first when it is written, a renewed case would be opened again.
        self._renewed = [note for note in self._renewed if note.source != case.source]
        booking.cases = [kept for kept in booking.cases if kept is not case]

    def close_cases_of(self, item: Item, *, by: str, resolution: str) -> None:
        """Note that nothing of an item is left to be settled: it is gone at its supplier."""
        for case in [case for case in self.booking.cases if case.item == item.number]:
            if case.kind == UNSETTLED_CASE:
                self.close_case(case, by=by, resolution=resolution)

    def close_cases_of_money(self, resolution: str) -> None:
        """Note that the money adds up; what a payment nobody knows waits for stays open."""
        for case in [case for case in self.booking.cases if case.payment is not None]:
            if case.kind == UNSETTLED_CASE and not case.details.get("stray"):
                self.close_case(case, by="gateway", resolution=resolution)

    def note_case(self, note: CaseNote) -> None:
        """Have a case opened that no workflow decides: operators close it themselves."""
        self._cases.append(note)

    def note_fee(self, item: Item, keeps: Money, summary: str, **more: object) -> None:
        """Tell operators that a supplier keeps something, and what to do about it."""
        booking = self.booking
        self.note_case(
            CaseNote(
                kind=FEE_CASE,
                source=f"fee:{booking.id}:{item.number}",
                summary=f"{booking.reference}: {supplier_name(item)} keeps {keeps} {summary}",
                details={
                    "item": item.number,
                    "supplier": item.supplier,
                    "reference": item.reference,
                    "supplierKeeps": keeps.model_dump(),
                    **more,
                },
            )
        )

    # -- helpers ------------------------------------------------------------------------------

    @property
    def has_notes(self) -> bool:
        """Whether cases are to be opened or closed with the next transition."""
        return bool(self._cases or self._closings)

    def money(self, amount: int) -> str:
        """Return ``amount`` (minor units) in words."""
        return str(Money(amount=amount, currency=self.booking.currency))

    def hold_left(self) -> float | None:
        """Return how many seconds a step may take: a saga ends before what it holds does."""
        end = self.booking.held_until
        if end is None:
            return None
        return max((end - policies.HOLD_RESERVE - workflow.now()).total_seconds(), 1.0)


def without_details(booking: Booking) -> Booking:
    """Return a booking for people who look at its workflow: quotes and the like are on record."""
    for item in booking.items:
        item.quote = None
        if item.reservation is not None:
            item.reservation = item.reservation.model_copy(update={"details": {}})
    return booking
