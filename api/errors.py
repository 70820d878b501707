"""What the domains refuse, as HTTP: the one place that gives a domain error its status and code.

The words are a traveller's or an operator's, and name fields as the request does. A domain error
without an entry here is our mistake, answered with a bare 500; a test finds it first.
"""

from functools import singledispatch

from fastapi import FastAPI, Request
from starlette.responses import Response

from api.core import problems
from api.core.callers import HEADER
from api.core.problems import (
    RETRY_AFTER_SECONDS,
    ApiProblem,
    FieldError,
    ProblemCode,
    temporal_away,
    unavailable,
)
from api.trips.presenters import changes, words
from models.bookings import errors as bookings
from models.bookings.booking import Booking
from models.bookings.problems import Code
from models.core.domain_errors import (
    CallerUnknown,
    DomainError,
    RateLimited,
    TemporalUnavailable,
    TooManyBookings,
    TooManyReads,
)
from models.inbox import errors as inbox
from models.ledger import errors as ledger
from models.operations import errors as operations
from models.payments import errors as payments
from models.trips import errors as trips

_KEY_REUSED = {
    bookings.Keyed.BOOKING: "another request. Use a new key for a new booking.",
    bookings.Keyed.CHANGE: "another change. Use a new key for a new one."
    " Nothing was changed or charged by this request.",
    bookings.Keyed.REFUND: "another refund. Use a new key for a new one."
    " Nothing was given back by this request.",
}

_RATE_LIMITED = {
    "traveler-bookings": "More than {} bookings were asked for this traveller within a minute.",
    "bookings": "More than {} bookings were asked for within a minute.",
    "searches": "More than {} lists were asked for within a minute.",
    "wrong-keys": "More than {} requests without a valid API key came from this address within a"
    " minute.",
}


def install(app: FastAPI) -> None:
    """Make ``app`` answer every domain error with its problem."""

    async def handle(request: Request, error: Exception) -> Response:
        return problems.response(problem_of(error), request.scope)

    app.add_exception_handler(DomainError, handle)


@singledispatch
def problem_of(error: Exception) -> ApiProblem:
    """Return the problem a domain error is answered with.

    Raises:
        Exception: ``error`` itself, when it has no entry.
    """
    raise error


# -- any request -----------------------------------------------------------------------------------


@problem_of.register
def _(_error: CallerUnknown) -> ApiProblem:
    return ApiProblem(
        401,
        "API_KEY_REFUSED",
        f"A valid API key is needed in the header {HEADER}.",
        headers={"WWW-Authenticate": 'ApiKey realm="bookings"'},
    )


@problem_of.register
def _(_error: TooManyReads) -> ApiProblem:
    detail = "Too many requests are being answered. Please try again shortly."
    return unavailable("TOO_MANY_READS", detail)


@problem_of.register
def _(error: TooManyBookings) -> ApiProblem:
    return unavailable(
        "OVERLOADED",
        "So many trips are being booked right now that this one was not begun. Please try again"
        " shortly.",
        headers={"Retry-After": str(error.retry_after)},
    )


@problem_of.register
def _(error: RateLimited) -> ApiProblem:
    what = _RATE_LIMITED.get(error.limit, "More was asked than {} requests within a minute.")
    undone = "Nothing was booked and nothing was charged by this request."
    return ApiProblem(
        429,
        "RATE_LIMITED",
        f"{what.format(error.quota)} {undone} Please try again in {error.retry_after} s.",
        details={"violatedPolicies": [error.limit]},
        headers={"Retry-After": str(error.retry_after)},
    )


@problem_of.register
def _(error: TemporalUnavailable) -> ApiProblem:
    return temporal_away(headers={"Idempotency-Key": error.key} if error.key else None)


@problem_of.register
def _(error: trips.PlannerUnavailable) -> ApiProblem:
    return unavailable(
        "PLANNER_UNAVAILABLE",
        "The trip cannot be looked up right now. Please try again shortly.",
        headers={"Retry-After": str(error.retry_after or RETRY_AFTER_SECONDS)},
    )


@problem_of.register
def _(error: bookings.KeyReused) -> ApiProblem:
    detail = f"This Idempotency-Key was used before with {_KEY_REUSED[error.kind]}"
    return ApiProblem(422, "IDEMPOTENCY_KEY_REUSED", detail, field="Idempotency-Key")


# -- to book a trip --------------------------------------------------------------------------------


@problem_of.register
def _(_error: trips.TripOptionNotFound) -> ApiProblem:
    detail = "There is no trip option with this id. It may have expired; look for a new one."
    return ApiProblem(404, "TRIP_OPTION_UNKNOWN", detail, field="tripOptionId")


@problem_of.register
def _(error: trips.TripOptionUnbookable) -> ApiProblem:
    what, field = ("trip", "trip") if error.handed_in else ("trip option", "tripOptionId")
    detail = f"This {what} cannot be booked: {error.reason}."
    return ApiProblem(422, "TRIP_OPTION_UNBOOKABLE", detail, field=field)


@problem_of.register
def _(_error: trips.TripNotAllowed) -> ApiProblem:
    detail = "This caller may not hand in trips: name a trip option of the trip planner."
    return ApiProblem(403, "TRIP_NOT_ALLOWED", detail, field="trip")


@problem_of.register
def _(_error: trips.TravelersMissing) -> ApiProblem:
    detail = "Nobody travels: neither the trip option nor the request names a traveller."
    return ApiProblem(422, "TRAVELERS_MISSING", detail, field="travelers")


@problem_of.register
def _(error: trips.InvalidTrip) -> ApiProblem:
    errors = [FieldError(field=one.field[:200], detail=one.words) for one in error.faults][:20]
    detail = " ".join(one.detail for one in errors[:3])
    return ApiProblem(422, Code.INVALID_TRIP, detail, field=errors[0].field, errors=errors)


@problem_of.register
def _(error: trips.AmountNotAccepted) -> ApiProblem:
    return _not_the_trips("amount", "AMOUNT_MISMATCH", error.expected, error.given)


@problem_of.register
def _(error: trips.CurrencyNotAccepted) -> ApiProblem:
    return _not_the_trips("currency", "CURRENCY_MISMATCH", error.expected, error.given)


def _not_the_trips(name: str, code: ProblemCode, expected: object, given: object) -> ApiProblem:
    return ApiProblem(
        422,
        code,
        f"The {name} is not the trip's: expected {expected}, given {given}.",
        field=f"paymentInfo.{name}",
        details={"expected": expected, "given": given},
    )


# -- a booking, and what is asked of it ------------------------------------------------------------


@problem_of.register
def _(_error: bookings.BookingNotFound) -> ApiProblem:
    return ApiProblem(404, "BOOKING_UNKNOWN", "There is no booking with this id.")


@problem_of.register
def _(_error: bookings.BookingNotRecordedYet) -> ApiProblem:
    detail = "The booking has been accepted and is not written down yet. Please ask again shortly."
    return unavailable("NOT_RECORDED_YET", detail)


@problem_of.register
def _(error: bookings.ComponentUnknown) -> ApiProblem:
    field = "componentId" if error.place is None else f"components[{error.place}]"
    detail = "The booking has no component with this id."
    return ApiProblem(422, "COMPONENT_UNKNOWN", detail, field=field)


@problem_of.register
def _(error: bookings.NotCancellable) -> ApiProblem:
    why = words.not_cancellable(error.booking)
    return _not_now(error.booking, "NOT_CANCELLABLE", why, field="bookingId")


@problem_of.register
def _(error: trips.NotChangeable) -> ApiProblem:
    why = f"This booking cannot be changed now: it is {error.booking.state}."
    return _not_now(error.booking, "NOT_CHANGEABLE", why, field="bookingId")


@problem_of.register
def _(error: payments.NoCardExpected) -> ApiProblem:
    why = f"This booking does not wait for another card: it is {error.booking.state}."
    return _not_now(error.booking, "NO_CARD_WANTED", why, field="paymentMethodId")


@problem_of.register
def _(error: payments.CardInUse) -> ApiProblem:
    why = "Another card for this booking is being asked this moment; this one was not used."
    return _not_now(error.booking, "CARD_IN_USE", why, field="paymentMethodId")


def _not_now(booking: Booking, code: ProblemCode, why: str, *, field: str) -> ApiProblem:
    return ApiProblem(
        409,
        code,
        f"{why} {words.money(booking)}",
        field=field,
        details={"bookingId": booking.id, "state": booking.state},
    )


@problem_of.register
def _(error: bookings.FeeChanged) -> ApiProblem:
    why = words.sentence(error.problem.message)
    return ApiProblem(
        409,
        "FEE_CHANGED",
        f"{why} Nothing was cancelled. {words.money(error.booking)}",
        field="acceptedFee",
        details={"bookingId": error.booking.id, **error.problem.details},
    )


@problem_of.register
def _(_error: trips.ComponentRepeated) -> ApiProblem:
    detail = "A component can go only once. Nothing was changed or charged by this request."
    return ApiProblem(422, "COMPONENT_REPEATED", detail, field="changes")


@problem_of.register
def _(error: trips.ChangeRefused) -> ApiProblem:
    details = {"bookingId": error.booking.id, **error.problem.details}
    if error.quote is not None:
        details["quote"] = changes.figures(error.quote).model_dump(mode="json", by_alias=True)
    detail = changes.refusal(error)
    field = error.problem.field or "changes"
    return ApiProblem(409, error.problem.code, detail, field=field, details=details)


@problem_of.register
def _(error: payments.NothingToRefund) -> ApiProblem:
    why = f"Nothing can be given back of this booking now: it is {error.booking.state}."
    return _no_refund(f"{why} {words.money(error.booking)}", field="bookingId")


@problem_of.register
def _(error: payments.RefundTooLarge) -> ApiProblem:
    return _no_refund(f"No more than {error.left.format()} is left to give back.")


@problem_of.register
def _(error: payments.RefundRefused) -> ApiProblem:
    case = " A case about the money is open; it has to be settled first." if error.has_case else ""
    return _no_refund(words.sentence(error.problem.message) + case)


def _no_refund(detail: str, *, field: str = "amount") -> ApiProblem:
    return ApiProblem(409, "NOTHING_TO_REFUND", detail, field=field)


@problem_of.register
def _(error: payments.RefundInOtherCurrency) -> ApiProblem:
    detail = f"The booking was paid in {error.paid}, not in {error.given}."
    return ApiProblem(422, "CURRENCY_MISMATCH", detail, field="currency")


@problem_of.register
def _(error: payments.AmountNotPayable) -> ApiProblem:
    detail = f"Cards take {error.step.currency} in steps of {error.step.format()}."
    return ApiProblem(422, "AMOUNT_NOT_PAYABLE", detail, field="amount")


@problem_of.register
def _(error: bookings.CaseNotOpen) -> ApiProblem:
    return ApiProblem(
        409,
        "NOTHING_TO_RESOLVE",
        f"The case {error.case_id} of this booking is not open for a decision: nothing was"
        " decided.",
        field="caseId",
        details={"bookingId": error.booking_id, "openCases": error.open_cases},
    )


# -- for operators ---------------------------------------------------------------------------------


@problem_of.register
def _(_error: operations.CaseNotFound) -> ApiProblem:
    return ApiProblem(404, "CASE_UNKNOWN", "There is no case with this number.")


@problem_of.register
def _(error: operations.CaseDecidedAtBooking) -> ApiProblem:
    return ApiProblem(
        409,
        "DECIDE_AT_BOOKING",
        f"A booking waits for this decision: send it to POST /booking/{error.booking_id}/resolve.",
        details={"bookingId": error.booking_id},
    )


@problem_of.register
def _(_error: operations.CaseAlreadyDecided) -> ApiProblem:
    return ApiProblem(409, "ALREADY_RESOLVED", "This case is settled already.")


@problem_of.register
def _(_error: inbox.EventNotFound) -> ApiProblem:
    return ApiProblem(404, "EVENT_UNKNOWN", "There is no event with this number.")


@problem_of.register
def _(_error: inbox.EventOfOtherMode) -> ApiProblem:
    detail = "This event is of another mode than our payments: never handled."
    return ApiProblem(409, "OTHER_MODE", detail)


@problem_of.register
def _(_error: inbox.EventNotEnded) -> ApiProblem:
    return ApiProblem(409, "NOT_ENDED", "Only kept and dead events can be handled again.")


@problem_of.register
def _(_error: payments.DayNotReconciled) -> ApiProblem:
    return ApiProblem(404, "DAY_UNKNOWN", "This day has not been reconciled.")


@problem_of.register
def _(error: ledger.RuleRefused) -> ApiProblem:
    return ApiProblem(422, "RULE_REFUSED", f"{str(error).capitalize()}.")
