"""What is asked of a booking, and cannot be done."""

from api.bookings import money as told_money
from api.bookings import words
from api.core.problems import (
    ApiProblem,
    ProblemCode,
    unavailable,
)
from api.errors.registry import problem_of
from api.trips.presenters import changes
from models.bookings import errors as bookings
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingKind
from models.payments import errors as payments
from models.trips import errors as trips


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
    if error.booking.kind is BookingKind.TRIP:
        why = f"This booking cannot be changed now: it is {error.booking.state}."
    else:
        why = "This booking is no trip: it cannot be changed here."
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
        f"{why} {told_money.money(booking)}",
        field=field,
        details={"bookingId": booking.id, "state": booking.state},
    )


@problem_of.register
def _(error: bookings.FeeChanged) -> ApiProblem:
    why = words.sentence(error.problem.message)
    return ApiProblem(
        409,
        "FEE_CHANGED",
        f"{why} Nothing was cancelled. {told_money.money(error.booking)}",
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
    return _no_refund(f"{why} {told_money.money(error.booking)}", field="bookingId")


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
