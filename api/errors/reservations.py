"""What is asked of reservations and venues, and cannot be done."""

from api.core.problems import (
    RETRY_AFTER_SECONDS,
    ApiProblem,
    unavailable,
)
from api.errors.registry import problem_of
from api.reservations import presenter
from models.bookings.problems import Code
from models.core.money import Money
from models.reservations import errors as reservations
from models.reservations import slots, venues


@problem_of.register
def _(_error: reservations.VenueNotFound) -> ApiProblem:
    return ApiProblem(404, "VENUE_UNKNOWN", "There is no venue with this id.")


@problem_of.register
def _(_error: reservations.VenueTimeZoneUnknown) -> ApiProblem:
    detail = (
        "In which time zone the venue is, its inventory does not say: register the venue with its"
        " zone (PUT /api/v1/venues/{external_id}), and ask again. Nothing was reserved."
    )
    return ApiProblem(422, "VENUE_TIME_ZONE_UNKNOWN", detail, field="venue.id")


@problem_of.register
def _(_error: reservations.NoReservations) -> ApiProblem:
    detail = "No reservations are taken here: no inventory of venues is connected."
    return unavailable("VENUES_UNAVAILABLE", detail)


@problem_of.register
def _(error: reservations.VenuesUnavailable) -> ApiProblem:
    return unavailable(
        "VENUES_UNAVAILABLE",
        "The venue cannot be asked right now. Nothing was reserved or charged. Please try again"
        " shortly.",
        headers={"Retry-After": str(error.retry_after or RETRY_AFTER_SECONDS)},
    )


@problem_of.register
def _(error: reservations.SlotRefused) -> ApiProblem:
    return ApiProblem(422, "SLOT_REFUSED", error.words, field=error.field)


@problem_of.register
def _(error: reservations.Contradiction) -> ApiProblem:
    return ApiProblem(422, "CONTRADICTORY_REQUEST", error.words, field=error.field)


@problem_of.register
def _(error: slots.TimeDoesNotExist) -> ApiProblem:
    following = error.following
    return ApiProblem(
        422,
        "TIME_DOES_NOT_EXIST",
        f"The venue's clocks are put forward over this time; the next one is {following:%H:%M}.",
        field="time",
        details={"next": {"date": f"{following:%Y-%m-%d}", "time": f"{following:%H:%M}"}},
    )


@problem_of.register
def _(error: slots.OffsetDoesNotFit) -> ApiProblem:
    known = ", ".join(presenter.offset_text(offset) for offset in error.offsets)
    detail = f"The venue's clock is {known} ahead of UTC at that time."
    return ApiProblem(422, "SLOT_REFUSED", detail, field="utc_offset")


@problem_of.register
def _(error: reservations.SlotUnavailable) -> ApiProblem:
    return ApiProblem(
        409,
        "SLOT_UNAVAILABLE",
        f"{_NOT_HAD.get(error.reason, _NO_ROOM)} {_left(moving=error.moving)}",
        details={
            "reason": error.reason,
            "alternatives": [presenter.alternative(one).model_dump() for one in error.alternatives],
        },
    )


@problem_of.register
def _(error: reservations.DuplicateReservation) -> ApiProblem:
    return ApiProblem(
        409,
        "DUPLICATE_RESERVATION",
        f"The guest has another reservation there at that time. {_left(moving=error.moving)}",
        field=None if error.moving else "allow_duplicate",
        details={"reference": error.reference},
    )


_NOTHING_RESERVED = "Nothing was reserved or charged."
_NO_ROOM = "There is no room for this party at that time."
_NOT_HAD = {
    "duration_not_offered": "The venue does not offer so long a visit at that time.",
    "in_the_past": "This time is over.",
    "not_a_start_time": "Nothing begins at that minute.",
    "outside_shift": "The venue is not open for the whole visit.",
    "party_too_large": "The party is too large for the venue.",
    "party_too_small": "The party is too small for the venue.",
    "resource": "What was asked for is another party's at that time.",
    "resource_taken": "What was asked for is another party's at that time.",
    "too_far_ahead": "The venue does not take reservations so far ahead.",
    "venue_closed": "The venue is closed that day.",
}
"""By reason; of what is not named there is no room."""


def _left(*, moving: bool) -> str:
    """Say what stands after the refusal."""
    if moving:
        return "The reservation stands as it was, and nothing more was charged."
    return _NOTHING_RESERVED


@problem_of.register
def _(error: reservations.PaymentMethodMissing) -> ApiProblem:
    due = Money(amount=error.amount, currency=error.currency)
    return ApiProblem(
        422,
        "PAYMENT_METHOD_MISSING",
        f"Of this, {due.format()} is paid when reserving: send a payment method. Nothing was"
        " reserved.",
        field="payment",
        details={"amount": error.amount, "currency": error.currency},
    )


@problem_of.register
def _(error: reservations.VersionConflict) -> ApiProblem:
    booking = error.booking
    return ApiProblem(
        412 if error.precondition else 409,
        "VERSION_CONFLICT",
        f"The reservation is in version {booking.version} now. Nothing was done.",
        field="If-Match" if error.precondition else "expected_version",
        details={"currentVersion": booking.version, "current": error.current},
    )


@problem_of.register
def _(_error: reservations.VersionRequired) -> ApiProblem:
    return ApiProblem(
        428,
        "VERSION_REQUIRED",
        "Say which version you have seen: its ETag as If-Match, or expected_version.",
        field="expected_version",
    )


@problem_of.register
def _(error: reservations.PriceNotAccepted) -> ApiProblem:
    old, new = (
        Money(amount=amount, currency=error.currency).format() for amount in (error.old, error.new)
    )
    return ApiProblem(
        409,
        Code.PRICE_CHANGED,
        f"Of the reservation {new} would be paid when reserving, not {old}. If the guest accepts"
        " that, send it as accepted_total. Nothing was changed or charged.",
        field="accepted_total",
        details={"oldPrice": error.old, "newPrice": error.new, "currency": error.currency},
    )


@problem_of.register
def _(error: reservations.NotChanged) -> ApiProblem:
    code = error.problem.code
    why = _NOT_CHANGED.get(code, "The change could not be made.")
    stands = "The reservation stands as it was, and nothing is charged for the change."
    anew = f" {_ANEW}" if code in _OURS else ""
    return ApiProblem(409, code, f"{why} {stands}{anew}")


_ANEW = (
    "What was set aside for it is released. If it is still wanted, send it as a new request, with"
    " another Idempotency-Key."
)


_OURS = frozenset(
    {
        Code.SUPPLIER_DOWN,
        Code.PAYMENT_DOWN,
        Code.OUTCOME_UNKNOWN,
        Code.SUPPLIER_ANSWER_WRONG,
        Code.CONFIGURATION,
        Code.INTERNAL,
    }
)
"""Why a change could not be made although nothing is wrong with it: it may be asked for anew. This
one has ended, and its key finds it so for ever: 503 would say that it is worth repeating."""

_NOT_CHANGED = {
    Code.PAYMENT_DECLINED: "The card was refused.",
    Code.AUTHENTICATION_REQUIRED: "The payment was not authenticated in time.",
    Code.AMOUNT_TOO_SMALL: "What it costs more is less than a card can be charged.",
    Code.SUPPLIER_DOWN: "The venue does not answer.",
    Code.SUPPLIER_ANSWER_WRONG: "The venue answered with something else than was asked for.",
    Code.OUTCOME_UNKNOWN: "The venue or the payment service does not answer.",
    Code.PAYMENT_DOWN: "The payment service does not answer.",
    Code.INVALID_TRIP: "The venue does not let this be reserved.",
}


@problem_of.register
def _(error: venues.VenueChanged) -> ApiProblem:
    version = error.venue.version
    return ApiProblem(
        409,
        "VERSION_CONFLICT",
        f"The venue is in version {version} now. Nothing was changed.",
        field="expected_version",
        details={"currentVersion": version},
    )


@problem_of.register
def _(error: reservations.StateConflict) -> ApiProblem:
    status = presenter.status_of(error.booking.state)
    return ApiProblem(
        409,
        "STATE_CONFLICT",
        error.why or f"The reservation is {status}: it cannot move there.",
        field="status",
        details={"status": status, "allowed": [str(state) for state in error.allowed]},
    )


@problem_of.register
def _(_error: reservations.ReasonMissing) -> ApiProblem:
    detail = "The reservation is a NO_SHOW: say in reason why the guest is checked in all the same."
    return ApiProblem(422, "INVALID_REQUEST", detail, field="reason")


@problem_of.register
def _(_error: reservations.ChangeUnderWay) -> ApiProblem:
    return ApiProblem(
        409,
        "CHANGE_UNDER_WAY",
        "Something else about the reservation is being carried out. Please try again shortly.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )
