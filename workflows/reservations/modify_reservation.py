"""ModifyReservation: give a reservation another time, party or table, or leave it as it was.

What it costs more is held on the card first; then its claim is moved in our own record, and the
reservation at the venue's inventory. Up to the end everything is undone on a failure: the claim
has its old place again, and the money goes back (decision 97).
"""

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.bookings.booking import Booking
    from models.bookings.changes import end_payments, payment_for
    from models.bookings.lifecycle import BookingState
    from models.bookings.messages import (
        SUPPLIER_CASE,
        BookingRequest,
        CaseNote,
        RequestKind,
        RequestsRun,
    )
    from models.bookings.problems import Code, Problem
    from models.core.keys import operation_key
    from models.core.venues import VenueSlot
    from models.reservations.changes import (
        MOVE,
        MoveClaim,
        MoveRequest,
        OpenedMove,
        refusal,
        stale,
    )
    from models.reservations.messages import SLOT, visit_of
    from models.suppliers.messages import BookedItem, ChangeCall
    from workflows.core import policies
    from workflows.core.activity_calls import end_task, perform_local, perform_ordinary
    from workflows.core.compensations import Compensations, shielded
    from workflows.core.fence import fence
    from workflows.core.outcomes import (
        TripFailedError,
        end_of,
        ends_the_trip,
        expect_chargeable,
        fault,
    )
    from workflows.core.record import UNDO, BookingRecord
    from workflows.core.requests import Requests, end_run
    from workflows.core.stops import Stops
    from workflows.payments.payment_steps import PaymentSteps
    from workflows.payments.refunds import Refunds

CONFIRMED = BookingState.CONFIRMED


@workflow.defn(name="ModifyReservation")
class ModifyReservation:
    """Runs under the booking's id, so that one change runs at a time. The state stays CONFIRMED."""

    @workflow.init
    def __init__(self, run: RequestsRun) -> None:
        # Nothing with an effect runs locally: what is decided is durable before it is done.
        self._record = BookingRecord(run.patience.model_copy(update={"local": []}))
        self._patience = run.patience
        self._requests = Requests(run.waiting)
        self._stops = Stops(self._record, self._requests, carried_out_next=True)
        self._compensations = Compensations()
        self._payment = PaymentSteps(
            self._record, self._compensations, self._stops, waits_in=CONFIRMED
        )
        self._refunds = Refunds(self._record)

    @workflow.run
    async def run(self, run: RequestsRun) -> Booking:
        """Move the reservation; returns it CONFIRMED, moved or as it was.

        A request to cancel it ends a move that has not reached the venue yet, and is carried out
        after it in any case.
        """
        await shielded(self._carry_out(run), on_cancel=self._stops.cancel_by_operator)
        return self._record.booking

    async def _carry_out(self, run: RequestsRun) -> None:
        request = await self._requests.take(RequestKind.MOVE)
        if request is None:
            await self._record.load(run.booking_id)
        else:
            await self._move(MoveRequest.model_validate(request.body), request)
        self._record.patience = self._patience
        await end_run(self._record, self._requests)

    # -- steps --------------------------------------------------------------------------------

    async def _move(self, move: MoveRequest, request: BookingRequest) -> None:
        opened = await perform_local(
            calls.OPEN_MOVE, request, policies.record(), "Write the change down"
        )
        self._record.read(opened.booking)
        if opened.ended:
            return
        await end_task()  # who takes over judges by what was found, not by what came of it
        problem = refusal(self._record.booking, move.expected_version)
        if problem is not None:
            self._record.end_request(request, problem)
            await self._record.write_ended_requests()
            return
        there = AtVenue(self._record, opened)
        version = self._record.booking.version
        try:
            await self._make(move, request, there)
        except BaseException as reason:
            if not ends_the_trip(reason):
                raise
            await self._undo(reason, request, there, version)
            return
        await self._let_stand(move, request, there)

    async def _make(self, move: MoveRequest, request: BookingRequest, there: "AtVenue") -> None:
        """Hold the money, move the claim and the reservation, take the money."""
        booking = self._record.booking
        more = move.quote.payable.price.amount - booking.item(SLOT).price
        self._stops.stop_if_cancelled()
        if more > 0:
            expect_chargeable(more, booking.currency, step="authorise")
            payment = payment_for(booking, more, move.payment_method_id, request.id)
            booking.payments = [*booking.payments, payment]
            await self._record.write(CONFIRMED, "a change begins: it costs more", who=request.who)
            self._payment.register(payment.number)
            await self._payment.hold(more)
            await self._record.write(CONFIRMED, "what the change costs more is held")
            self._stops.stop_if_cancelled()
        self._compensations.register("claim", there.give_back_claim)
        await there.claim(move.slot)
        self._stops.stop_if_cancelled()
        self._compensations.register("venue", there.put_back)
        await there.change(move)
        if more > 0:
            self._stops.stop_if_cancelled()
            await self._payment.keep_hold(more, steps_left=1)
            await self._payment.capture(more)

    async def _let_stand(
        self, move: MoveRequest, request: BookingRequest, there: "AtVenue"
    ) -> None:
        """Give back what it costs less, and record how the reservation is now."""
        booking = self._record.booking
        item = booking.item(SLOT)
        item.title, item.quote = move.slot.title, move.quote
        booking.visit = visit_of(move.slot)
        item.price = booking.accepted_total = move.quote.payable.price.amount
        booking.warn([item])
        unpaid = await self._refunds.give_back("the reservation was changed")
        if unpaid is not None:
            details = {"operation": MOVE, "reason": "the reservation was changed"}
            self._record.open_case(unpaid, details=details)
        self._record.end_request(request)
        for other in self._requests.take_all(RequestKind.MOVE, self._is_stale):
            self._record.end_request(other, stale(booking.version))
        await self._record.write(
            CONFIRMED,
            f"changed: {_words(there.slot, move.slot)}",
            who=request.who,
            details=move.details.as_json(),
        )

    def _is_stale(self, request: BookingRequest) -> bool:
        expected = MoveRequest.model_validate(request.body).expected_version
        return expected <= self._record.booking.version

    # -- undo ---------------------------------------------------------------------------------

    async def _undo(
        self, reason: BaseException, request: BookingRequest, there: "AtVenue", version: int
    ) -> None:
        """Undo what was done, last first; what cannot be undone becomes a case."""
        _, problem = end_of(reason)
        left = await self._compensations.run()
        booking = self._record.booking
        end_payments(booking, request.id)
        booking.problem = None
        for unsettled in left:
            if unsettled.step == MOVE:
                self._record.note_case(there.case(unsettled))
            else:
                number = booking.payments[-1].number
                self._record.open_case(unsettled, payment=number, details=UNDO)
        self._record.end_request(request, problem)
        if booking.version == version and not left and not there.reached:
            await self._record.write_ended_requests()
            return
        await self._record.write(
            CONFIRMED,
            f"{problem.code} at {problem.step}: the change is undone, the reservation is as it was",
        )


class AtVenue:
    """A reservation's place: claimed in our own record, reserved at the venue's inventory."""

    def __init__(self, record: BookingRecord, opened: OpenedMove) -> None:
        assert opened.details.slot is not None
        self._record = record
        self._before = opened.details
        self._version = opened.claim
        self._kept = False
        """Whether the claim is certainly where it was."""
        self._refused = False
        """Whether the inventory has certainly changed nothing."""
        self.slot: VenueSlot = opened.details.slot
        """Where it was before."""
        self.reached = False
        """Whether the inventory has been asked to change anything."""

    async def claim(self, slot: VenueSlot) -> None:
        """Have the claim moved. Raises TripFailedError: the place is taken."""
        problem = await self._claim(slot, self._version + 1, back=False)
        if problem is not None:
            self._kept = True
            raise TripFailedError(problem)

    async def give_back_claim(self) -> Problem | None:
        """Have the claim where it was; answers what another party has of it by now."""
        if self._kept:
            return None
        return await self._claim(self.slot, self._version + 2, back=True)

    async def change(self, move: MoveRequest) -> None:
        """Have the reservation moved at the inventory. Raises TripFailedError."""
        self.reached = True
        guest = move.details.guest or self._before.guest
        assert guest is not None
        call = self._call(move.slot, self._version + 1)
        call = call.model_copy(update={"quote": move.quote, "party": guest})
        patience = self._record.patience
        forward = policies.forward(patience, call.component.supplier)
        try:
            answer = await self._ask(call, forward, "Change the reservation")
        except FailureError:
            # Until somebody answers, nobody knows where it is: under this key it is done once.
            lasting = policies.undoing(patience, call.component.supplier)
            answer = await self._ask(call, lasting, "Has the reservation been changed?")
        if answer.refused is not None:
            self._refused = not answer.doubtful
            raise TripFailedError(answer.refused)
        self._record.booking.item(SLOT).reservation = answer.reservation

    async def put_back(self) -> Problem | None:
        """Have the reservation where it was, unless a definite no kept it there."""
        if self._refused:
            self.reached = False
            return None
        call = self._call(self.slot, self._version + 2)
        policy = policies.undoing(self._record.patience, call.component.supplier)
        try:
            answer = await self._ask(call, policy, "Put the reservation back")
        except FailureError as error:
            return fault(error, step=MOVE, code=Code.SUPPLIER_DOWN)
        if answer.refused is not None:
            return answer.refused
        self._record.booking.item(SLOT).reservation = answer.reservation
        return None

    def case(self, problem: Problem) -> CaseNote:
        """Return what a person must settle: the inventory and the record may differ."""
        booking = self._record.booking
        reference = booking.item(SLOT).reference
        return CaseNote(
            kind=SUPPLIER_CASE,
            source=f"{MOVE}:{reference}:{self._version}",
            summary=f"{booking.reference}: a change was undone, and the venue may not have the"
            f" reservation where it was ({self.slot.title}): {problem.message}. Look for"
            f" {reference} in its inventory, and put it there by hand.",
            details={"item": SLOT, "reference": reference, "code": problem.code, "step": MOVE},
        )

    async def _claim(self, slot: VenueSlot, version: int, *, back: bool) -> Problem | None:
        asked = MoveClaim(
            booking_id=self._record.booking.id,
            version=version,
            slot=slot,
            back=back,
            fence=fence(),
        )
        summary = "Claim the place it had" if back else "Claim another place"
        return (await perform_local(calls.MOVE_CLAIM, asked, policies.record(), summary)).refused

    def _call(self, slot: VenueSlot, version: int) -> ChangeCall:
        booking, before = self._record.booking, self._before
        item = booking.item(SLOT)
        assert before.quote is not None
        assert before.guest is not None
        assert item.reservation is not None, "a confirmed reservation has one"
        return ChangeCall(
            booking_id=booking.id,
            item=SLOT,
            key=operation_key(booking.id, SLOT, MOVE, version),
            reservation=item.reservation,
            component=slot,
            quote=before.quote,
            party=before.guest,
        )

    async def _ask(self, call: ChangeCall, policy: policies.Policy, summary: str) -> BookedItem:
        return await perform_ordinary(
            call.component.supplier,
            self._record.patience,
            calls.CHANGE_ITEM,
            call,
            policy,
            summary,
        )


def _words(before: VenueSlot, after: VenueSlot) -> str:
    """Say what is different: no personal data."""
    parts = []
    if before.starts_at != after.starts_at:
        parts.append(f"{before.local:%Y-%m-%d %H:%M} becomes {after.local:%Y-%m-%d %H:%M}")
    if before.duration_minutes != after.duration_minutes:
        parts.append(f"{before.duration_minutes} min become {after.duration_minutes} min")
    if before.party_size != after.party_size:
        parts.append(f"a party of {before.party_size} becomes one of {after.party_size}")
    if before.resource_id != after.resource_id:
        parts.append(f"{before.resource_id or 'any'} becomes {after.resource_id or 'any'}")
    return "; ".join(parts) or "as it was"
