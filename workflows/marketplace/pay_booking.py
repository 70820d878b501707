"""PayBooking: what was held out of a quote is paid for, and is the traveller's then.

Read ``_buy`` from top to bottom: it is the story. The hold was opened by one transaction, and no
workflow has run since (decision 127). Paying begins with holding on to the stock for as long as
paying may take; then the card is asked. The claim is sold before money is taken, in the transaction
that records it: no money is ever taken for what somebody else has (``models.bookings.claims``).
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.bookings.booking import Booking
    from models.bookings.lifecycle import BookingState
    from models.bookings.messages import BookingRequest, RequestKind, RequestsRun
    from models.bookings.problems import Code, Problem
    from models.marketplace.stock.messages import KeepHeld, PayRequest
    from models.marketplace.stock.steps import confirmed, given_up
    from workflows.core import policies
    from workflows.core.activity_calls import end_task, perform_local
    from workflows.core.compensations import Compensations
    from workflows.core.fence import fence
    from workflows.core.outcomes import (
        TripFailedError,
        end_of,
        ends_the_trip,
        expect_chargeable,
    )
    from workflows.core.record import BookingRecord
    from workflows.core.requests import Requests, carry_out
    from workflows.core.selling import LOST, confirm, end_of_hold, selling
    from workflows.core.stops import Stops
    from workflows.core.undoing import undo_booking
    from workflows.payments.payment_steps import PaymentSteps

STEP = "pay"
PAYING_SECONDS = 600.0
"""How long it stays held from the moment of paying on, at least: for 3-D Secure, or another card
(record-and-marketplace.md §3.3)."""


@workflow.defn(name="PayBooking")
class PayBooking:
    """Takes a booking from HELD to CONFIRMED, or to EXPIRED, FAILED or CANCELLED.

    It runs under the booking's id, so that one payment of it is made at a time.
    """

    @workflow.init
    def __init__(self, run: RequestsRun) -> None:
        self._record = BookingRecord(run.patience)
        self._requests = Requests(run.waiting)
        self._stops = Stops(self._record, self._requests)
        self._compensations = Compensations()
        self._payment = PaymentSteps(
            self._record,
            self._compensations,
            self._stops,
            waits_in=BookingState.PAYMENT_PENDING,
        )

    @workflow.run
    async def run(self, run: RequestsRun) -> Booking:
        """Pay; returns the booking as it ended.

        Of several who pay at once the first one does; the others' requests are refused.
        """
        return await carry_out(
            self._record, self._requests, RequestKind.PAY, run.booking_id, self._pay
        )

    async def _pay(self, request: BookingRequest) -> None:
        booking = self._record.booking
        if booking.state is not BookingState.HELD:
            self._record.end_request(request, _refusal(booking))
            await self._record.write_ended_requests()
            return
        # What was read is durable from here on. A worker that dies in the next step, which records
        # that it is being paid, has a successor that goes on from HELD, and not from there.
        await end_task()
        try:
            await self._buy(request)
        except BaseException as reason:
            if not ends_the_trip(reason):
                raise
            self._record.end_request(request, end_of(reason)[1])
            self._record.booking = given_up(self._record.booking, workflow.now())
            await undo_booking(
                self._record,
                self._compensations,
                reason,
                ends=end_of_hold(self._record.booking, reason),
            )

    # -- steps --------------------------------------------------------------------------------

    async def _buy(self, request: BookingRequest) -> None:
        amount = self._record.booking.accepted_total
        if amount:
            # First: a worker that died may have asked the card already.
            self._payment.register()
        await self._keep_held()
        if amount:
            await self._authorise(request, amount)
        await self._sell()
        if amount:
            self._stops.stop_if_cancelled()
            with selling():  # where the money has to be held anew
                await self._payment.capture(amount)
        self._record.end_request(request)
        self._record.booking = confirmed(self._record.booking, workflow.now())
        await confirm(self._record, "it is paid" if amount else "nothing is to be paid")

    async def _keep_held(self) -> None:
        """Hold on to the stock; what is held no longer is taken again at the same price."""
        booking = self._record.booking
        kept = await perform_local(
            calls.KEEP_HELD,
            KeepHeld(booking_id=booking.id, seconds=PAYING_SECONDS, fence=fence()),
            policies.record(),
            "Hold on to it while it is paid",
        )
        if kept.refused is not None:
            raise TripFailedError(kept.refused)
        booking.hold_expires_at = kept.until
        for item in booking.items:
            if item.reservation is not None:
                until = {"held_until": kept.until}
                item.reservation = item.reservation.model_copy(update=until)

    async def _authorise(self, request: BookingRequest, amount: int) -> None:
        """Hold the money; take none of it yet. The traveller has as long as the stock is held."""
        booking = self._record.booking
        expect_chargeable(amount, booking.currency, step="authorise")
        card = PayRequest.model_validate(request.body).payment_method_id
        booking.payment.payment_method_id = card
        await self._record.write(BookingState.PAYMENT_PENDING, "it is being paid", who=request.who)
        try:
            with selling():
                await self._payment.hold(amount)
        except TripFailedError as lost:
            if lost.problem is not LOST:
                raise
            await self._keep_held()  # it ended while the card was asked

    async def _sell(self) -> None:
        """Have the stock for good, before the money is taken."""
        if self._record.booking.state is not BookingState.PROCESSING:
            self._stops.stop_if_cancelled()
            with selling():
                await self._record.write(BookingState.PROCESSING, "it is sold")


def _refusal(booking: Booking) -> Problem:
    """Return why there is nothing to pay."""
    expired = booking.state is BookingState.EXPIRED
    code = Code.HOLD_EXPIRED if expired else Code.NOT_CHANGEABLE
    return Problem(code=code, step=STEP, message=f"the booking is {booking.state}")
