"""Requests about a booking: they arrive by signal whatever runs, and none is lost.

A workflow takes the requests that are its own and ends by going on with the others, as a new run
of the workflow that carries them out. Temporal does not let a run end while a signal has not been
handed to it, so a request that was accepted is always in some run's hands.
"""

from collections.abc import Awaitable, Callable, Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.bookings.booking import Booking
    from models.bookings.messages import (
        REQUEST_SIGNAL,
        BookingRequest,
        CancelRequest,
        RequestKind,
        RequestsRun,
    )
    from models.core.patience import Patience
    from workflows.core.compensations import ignore_cancel, shielded
    from workflows.core.record import BookingRecord

WORKFLOWS = {
    RequestKind.CANCEL: "CancelBooking",
    RequestKind.CHANGE: "ModifyBooking",
    RequestKind.REFUND: "RefundBooking",
    RequestKind.RESOLVE: "ResolveCase",
    RequestKind.APPROVE: "ConfirmHeld",
    RequestKind.EXPIRE: "ExpireHeld",
    RequestKind.MOVE: "ModifyReservation",
    RequestKind.PAY: "PayBooking",
}
"""Which workflow carries a request out."""


class Requests:
    """The requests that wait."""

    def __init__(self, waiting: Sequence[BookingRequest] = ()) -> None:
        self._waiting = list(waiting)
        workflow.set_signal_handler(REQUEST_SIGNAL, self._receive)

    def _receive(self, request: BookingRequest) -> None:
        if all(known.id != request.id for known in self._waiting):
            self._waiting.append(request)

    async def take(self, kind: RequestKind) -> BookingRequest | None:
        """Return the first request if it is of this kind; None when another goes first."""
        await workflow.wait_condition(lambda: bool(self._waiting))
        return self._waiting.pop(0) if self._waiting[0].kind is kind else None

    @property
    def cancellation(self) -> tuple[BookingRequest, CancelRequest] | None:
        """A request to cancel the whole booking, if one waits; it goes on waiting."""
        for request in self._waiting:
            if request.kind is RequestKind.CANCEL:
                cancel = CancelRequest.model_validate(request.body)
                if not cancel.components:
                    return request, cancel
        return None

    def take_all(
        self, kind: RequestKind, which: Callable[[BookingRequest], bool]
    ) -> list[BookingRequest]:
        """Take out the requests of a kind that are ``which``: they are being ended."""
        taken = [one for one in self._waiting if one.kind is kind and which(one)]
        self._waiting = [one for one in self._waiting if one not in taken]
        return taken

    def remove(self, request: BookingRequest) -> None:
        """Take a request out: it is being carried out."""
        self._waiting = [waiting for waiting in self._waiting if waiting.id != request.id]

    def go_on(self, booking_id: str, patience: Patience) -> None:
        """Go on with the next request that waits, as a new run; return when none does."""
        if self._waiting:
            run = RequestsRun(booking_id=booking_id, patience=patience, waiting=self._waiting)
            workflow.continue_as_new(args=[run], workflow=WORKFLOWS[self._waiting[0].kind])


async def carry_out(
    record: BookingRecord,
    requests: Requests,
    kind: RequestKind,
    booking_id: str,
    work: Callable[[BookingRequest], Awaitable[None]],
) -> Booking:
    """Read the booking, do the ``work`` of the request that waits, if it is of ``kind``, and end.

    Returns the booking. Once begun there is no way back: a cancel of the workflow changes nothing.
    """

    async def story() -> None:
        request = await requests.take(kind)
        await record.load(booking_id, request)
        if request is not None:
            await work(request)
        await end_run(record, requests)

    await shielded(story(), on_cancel=ignore_cancel)
    return record.booking


async def end_run(record: BookingRecord, requests: Requests) -> None:
    """End a run: updates are answered first, then requests that wait are gone on with."""
    await workflow.wait_condition(workflow.all_handlers_finished)
    requests.go_on(record.booking.id, record.patience)
