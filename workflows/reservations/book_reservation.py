"""BookReservation: hold a place, then be paid for it, or put everything back.

Read ``run`` from top to bottom: it is the story. The place is claimed in our own record with the
booking, and reserved at the venue's inventory next; only then is the card asked. The claim is sold
before money is taken, in the transaction that records it: no money is ever taken for a place that
another booking has (``models.inventory.hook``). Where the venue approves reservations itself it
ends HELD, with place and money held; ``ConfirmHeld`` goes on with it.
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.bookings.booking import Booking
    from models.bookings.lifecycle import BookingState
    from models.reservations.messages import BookReservationRequest, OpenReservation
    from workflows.core.compensations import Compensations, ignore_cancel, shielded
    from workflows.core.fence import fence
    from workflows.core.opening import open_booking
    from workflows.core.outcomes import TripFailedError, ends_the_trip, expect_chargeable
    from workflows.core.record import BookingRecord, without_details
    from workflows.core.requests import Requests, end_run
    from workflows.core.selling import confirm, end_of_hold, selling
    from workflows.core.stops import Stops
    from workflows.core.undoing import undo_booking
    from workflows.payments.payment_steps import PaymentSteps
    from workflows.suppliers.item_steps import ItemSteps


@workflow.defn(name="BookReservation")
class BookReservation:
    """Takes one reservation from PENDING to CONFIRMED, HELD, FAILED, EXPIRED or CANCELLED.

    What cannot be undone or settled becomes a case; the workflow ends all the same.
    """

    @workflow.init
    def __init__(self, request: BookReservationRequest) -> None:
        self._request = request
        self._record = BookingRecord(request.patience, request.new_booking(workflow.now()))
        self._requests = Requests()
        self._stops = Stops(self._record, self._requests)
        self._compensations = Compensations()
        self._payment = PaymentSteps(
            self._record,
            self._compensations,
            self._stops,
            waits_in=BookingState.PAYMENT_PENDING,
            goes_on_in=BookingState.HELD if self._by_hand else BookingState.PROCESSING,
        )
        self._items = ItemSteps(self._record, self._compensations)
        if self._amount:
            self._payment.register_if_local()
        self._items.register_local(self._record.booking.items)

    @workflow.run
    async def run(self, _request: BookReservationRequest) -> Booking:
        """Make the reservation; returns the booking as it ended, without details.

        A booking that an earlier workflow of this id has made is returned as it is.
        """
        try:
            await shielded(self._book(), on_cancel=self._stops.cancel_by_operator)
        except BaseException as reason:
            if not ends_the_trip(reason):
                raise
            undoing = undo_booking(
                self._record,
                self._compensations,
                reason,
                ends=end_of_hold(self._record.booking, reason),
            )
            await shielded(undoing, on_cancel=ignore_cancel)
        await shielded(end_run(self._record, self._requests), on_cancel=ignore_cancel)
        return without_details(self._record.booking)

    # -- steps --------------------------------------------------------------------------------

    async def _book(self) -> None:
        if not await self._open():
            return
        await self._reserve()
        if self._amount:
            await self._authorise()
        if self._by_hand:
            await self._wait_for_approval()
            return
        if self._amount:
            await self._sell()
            await self._payment.capture(self._amount)
        await confirm(self._record, "the place is reserved")

    async def _open(self) -> bool:
        """Write the booking down and claim its place. False: it was made long ago."""
        opening = OpenReservation(
            request=self._request, run=workflow.info().first_execution_run_id, fence=fence()
        )
        return await open_booking(
            self._record, calls.OPEN_RESERVATION, opening, "Write the booking down"
        )

    async def _reserve(self) -> None:
        """Reserve the place at the venue's inventory, under our reference."""
        self._stops.stop_if_cancelled()
        booking = self._record.booking
        (problem,) = await self._items.book(booking.items)
        if problem is not None:
            raise TripFailedError(problem)

    async def _authorise(self) -> None:
        """Hold the money; take none of it yet. The traveller has as long as the place is held."""
        self._stops.stop_if_cancelled()
        expect_chargeable(self._amount, self._record.booking.currency, step="authorise")
        self._payment.register()
        with selling():  # where the traveller was waited for
            await self._payment.hold(self._amount)

    async def _sell(self) -> None:
        """Have the place for good, before the money is taken."""
        self._stops.stop_if_cancelled()
        if self._record.booking.state is not BookingState.PROCESSING:
            with selling():
                await self._record.write(BookingState.PROCESSING, "the money is held")
        self._stops.stop_if_cancelled()

    async def _wait_for_approval(self) -> None:
        """Leave the decision to the venue; no workflow runs until it is made, or the hold ends."""
        if self._record.booking.state is not BookingState.HELD:
            self._stops.stop_if_cancelled()
            await self._record.write(BookingState.HELD, "the venue is yet to approve it")

    # -- helpers ------------------------------------------------------------------------------

    @property
    def _amount(self) -> int:
        """What is paid when reserving, minor units."""
        return self._record.booking.accepted_total

    @property
    def _by_hand(self) -> bool:
        """Whether somebody at the venue says yes or no, once place and money are held."""
        return self._request.approval == "manual"
