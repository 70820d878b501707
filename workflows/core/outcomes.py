"""How a trip stops: as a value to record, whatever raised it."""

from temporalio import exceptions
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

from models.bookings.lifecycle import BookingState, CancelledBy
from models.bookings.messages import BookingRequest, CancelRequest
from models.bookings.problems import Code, Problem
from models.core.errors import OTHER_THAN_ASKED
from models.core.money import Money, least_charge


class TripFailedError(Exception):
    """The trip cannot be had: a refusal, or a fault that outlasted the step's deadline."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class TripCancelledError(Exception):
    """Somebody cancelled before the trip was confirmed."""

    def __init__(self, request: BookingRequest, cancel: CancelRequest) -> None:
        super().__init__(cancel.reason)
        self.request = request
        self.cancel = cancel


def ends_the_trip(reason: BaseException) -> bool:
    """Tell a business end from a bug: that must fail the workflow task, be mended and resumed."""
    return isinstance(reason, (TripFailedError, TripCancelledError, FailureError))


def end_of(reason: BaseException) -> tuple[BookingState, Problem]:
    """Return the state a trip ends in for ``reason``, and the problem to record."""
    match reason:
        case TripFailedError():
            return BookingState.FAILED, reason.problem
        case TripCancelledError():
            by_guest = reason.cancel.by is CancelledBy.GUEST
            return BookingState.CANCELLED, Problem(
                code=Code.CANCELLED_BY_TRAVELER if by_guest else Code.CANCELLED_BY_OPERATOR,
                step="cancel",
                message=reason.cancel.reason or "cancelled before it was confirmed",
            )
        case _:
            return BookingState.FAILED, fault(reason, step="record", code=Code.INTERNAL)


def fault(error: BaseException, *, step: str, code: Code, item: int | None = None) -> Problem:
    """Return a fault that outlasted its retries as a problem.

    A timeout says nothing about the effect, and neither does ``UnknownOutcome``: both are unknown.
    Local activities raise ApplicationError unwrapped, ordinary ones within ActivityError.
    """
    cause = error.cause if isinstance(error, ActivityError) and error.cause else error
    unknown = isinstance(cause, exceptions.TimeoutError) or (
        isinstance(cause, ApplicationError) and cause.type == "UnknownOutcome"
    )
    # The end of all attempts has the last one's failure as its own cause.
    last = cause.cause if isinstance(cause, exceptions.TimeoutError) else cause
    if isinstance(last, ApplicationError) and OTHER_THAN_ASKED in last.details:
        code = Code.SUPPLIER_ANSWER_WRONG
    elif unknown:
        code = Code.OUTCOME_UNKNOWN
    return Problem(
        code=code,
        step=step,
        message=getattr(cause, "message", "") or str(cause) or type(cause).__name__,
        item=item,
    )


def expect_chargeable(amount: int, currency: str, *, step: str) -> None:
    """Make sure that a card can be charged ``amount`` (minor units); nothing needs no card.

    Raises:
        TripFailedError: the gateway would refuse so small an amount.
    """
    least = Money(amount=least_charge(currency), currency=currency)
    if not 0 < amount < least.amount:
        return
    raise TripFailedError(
        Problem(
            code=Code.AMOUNT_TOO_SMALL,
            step=step,
            # Not what became of the trip: at the capture it is yet to be undone, or cannot be.
            message=f"{Money(amount=amount, currency=currency)} would be charged, and a card is not"
            f" charged less than {least}.",
            details={"amount": amount, "least": least.amount, "currency": currency},
        )
    )


def unanswered_read(error: FailureError, *, step: str) -> Problem:
    """Return a read that outlasted its retries as a problem: nothing was touched by it."""
    found = fault(error, step=step, code=Code.SUPPLIER_DOWN)
    return found.model_copy(update={"code": Code.SUPPLIER_DOWN})
