"""What stands in the way of booking a trip."""

from api.core.problems import (
    RETRY_AFTER_SECONDS,
    ApiProblem,
    FieldError,
    ProblemCode,
    unavailable,
)
from api.errors.registry import problem_of
from models.bookings.problems import Code
from models.trips import errors as trips


@problem_of.register
def _(error: trips.PlannerUnavailable) -> ApiProblem:
    return unavailable(
        "PLANNER_UNAVAILABLE",
        "The trip cannot be looked up right now. Please try again shortly.",
        headers={"Retry-After": str(error.retry_after or RETRY_AFTER_SECONDS)},
    )


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
