"""When a saga under way must stop: a cancellation, or a hold at a supplier that ends."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.bookings.lifecycle import CancelledBy
    from models.bookings.messages import BookingRequest, CancelRequest, RequestKind
    from models.bookings.problems import Code, Problem
    from workflows.core.outcomes import TripCancelledError, TripFailedError
    from workflows.core.policies import HOLD_RESERVE
    from workflows.core.record import BookingRecord
    from workflows.core.requests import Requests


class Stops:
    """Is asked before every step; Temporal's own cancel counts as an operator's request."""

    def __init__(
        self, record: BookingRecord, requests: Requests, *, carried_out_next: bool = False
    ) -> None:
        """Prepare. ``carried_out_next``: what stops is not the booking itself.

        The request to cancel goes on waiting then: what runs next carries it out.
        """
        self._record = record
        self._requests = requests
        self._carried_out_next = carried_out_next
        self._by_operator = False

    def cancel_by_operator(self) -> None:
        """Note that the workflow was cancelled in Temporal."""
        self._by_operator = True

    @property
    def cancelled(self) -> bool:
        """Whether somebody has asked for the whole booking to be cancelled."""
        return self._by_operator or self._requests.cancellation is not None

    def stop_if_cancelled(self) -> None:
        """Stop for a cancellation.

        Raises:
            TripCancelledError: somebody has cancelled.
        """
        waiting = self._requests.cancellation
        if waiting is not None:
            if not self._carried_out_next:
                self._requests.remove(waiting[0])
            raise TripCancelledError(*waiting)
        if self._by_operator:
            raise TripCancelledError(*_cancelled_in_temporal())

    def stop_if_holds_end(self) -> None:
        """Stop when what suppliers hold cannot be relied on any longer.

        Raises:
            TripFailedError: code ``HOLD_EXPIRED``.
        """
        end = self._record.booking.held_until
        if end is not None and workflow.now() >= end - HOLD_RESERVE:
            raise TripFailedError(
                Problem(
                    code=Code.HOLD_EXPIRED,
                    step="hold",
                    message="a part of the trip was not held long enough to book the rest",
                )
            )


def _cancelled_in_temporal() -> tuple[BookingRequest, CancelRequest]:
    cancel = CancelRequest(by=CancelledBy.OPERATOR, reason="cancelled in Temporal")
    request = BookingRequest(
        id=str(workflow.uuid4()),
        kind=RequestKind.CANCEL,
        requested_at=workflow.now(),
        who="operator",
        body=cancel.model_dump(mode="json"),
    )
    return request, cancel
