"""What the domains refuse, as HTTP: the one place that gives a domain error its status and code.

The words are a traveller's or an operator's, and name fields as the request does. A domain error
without an entry here is our mistake, answered with a bare 500; a test finds it first.
"""

from functools import singledispatch

from fastapi import FastAPI, Request
from starlette.responses import Response

from api.bookings import money as told_money
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
from api.reservations import presenter
from api.trips.presenters import changes, words
from models.bookings import errors as bookings
from models.bookings.booking import Booking
from models.bookings.problems import Code
from models.core.domain_errors import (
    CallerUnknown,
    DomainError,
    Keyed,
    KeyInProgress,
    KeyReused,
    RateLimited,
    TemporalUnavailable,
    TooManyBookings,
    TooManyReads,
)
from models.core.money import Money
from models.events import errors as events
from models.inbox import errors as inbox
from models.ledger import errors as ledger
from models.operations import errors as operations
from models.payments import errors as payments
from models.reservations import errors as reservations
from models.reservations import slots, venues
from models.trips import errors as trips
from models.webhook_endpoints import errors as webhooks

_KEY_REUSED = {
    Keyed.BOOKING: "another request. Use a new key for a new booking.",
    Keyed.CHANGE: "another change. Use a new key for a new one."
    " Nothing was changed or charged by this request.",
    Keyed.REFUND: "another refund. Use a new key for a new one."
    " Nothing was given back by this request.",
    Keyed.REQUEST: "another request. Use a new key for a new one."
    " Nothing was done by this request.",
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
def _(error: events.EventsGone) -> ApiProblem:
    return ApiProblem(
        410,
        "EVENTS_GONE",
        f"{str(error).capitalize()}. Read the bookings by list, and go on with after=latest.",
        details={"oldest": error.oldest},
    )


@problem_of.register
def _(error: events.EventsNotThereYet) -> ApiProblem:
    return ApiProblem(
        422,
        "POSITION_UNKNOWN",
        f"The feed has not come so far: its latest position is {error.latest}.",
        field="after",
    )


@problem_of.register
def _(_error: events.DeadLetterNotFound) -> ApiProblem:
    return ApiProblem(404, "DEAD_LETTER_UNKNOWN", "There is no dead letter with this number.")


@problem_of.register
def _(_error: events.DeadLetterDelivered) -> ApiProblem:
    return ApiProblem(
        409, "ALREADY_RESOLVED", "This dead letter was sent again, and has been accepted."
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
def _(error: KeyReused) -> ApiProblem:
    detail = f"This Idempotency-Key was used before with {_KEY_REUSED[error.kind]}"
    return ApiProblem(422, "IDEMPOTENCY_KEY_REUSED", detail, field="Idempotency-Key")


@problem_of.register
def _(error: KeyInProgress) -> ApiProblem:
    return ApiProblem(
        409,
        "IDEMPOTENCY_KEY_IN_PROGRESS",
        "The same request is being carried out this moment. Please ask again shortly, with the"
        " same Idempotency-Key.",
        field="Idempotency-Key",
        headers={"Retry-After": str(error.retry_after)},
    )


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


# -- reservations ----------------------------------------------------------------------------------


@problem_of.register
def _(_error: reservations.VenueNotFound) -> ApiProblem:
    return ApiProblem(404, "VENUE_UNKNOWN", "There is no venue with this id.")


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
        "There is no room for this party at that time. Nothing was reserved or charged.",
        details={
            "reason": error.reason,
            "alternatives": [
                {"starts_at": one.starts_at.isoformat(), "free": one.free}
                for one in error.alternatives
            ],
        },
    )


@problem_of.register
def _(error: reservations.DuplicateReservation) -> ApiProblem:
    return ApiProblem(
        409,
        "DUPLICATE_RESERVATION",
        "The guest has another reservation there at that time. Nothing was reserved or charged.",
        field="allow_duplicate",
        details={"reference": error.reference},
    )


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
        details={
            "currentVersion": booking.version,
            "current": error.current
            or {"id": booking.id, "status": presenter.status_of(booking.state)},
        },
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
    problem = error.problem
    return ApiProblem(
        503 if problem.code in _OURS else 409,
        problem.code,
        _NOT_CHANGED.get(problem.code, "The change could not be made.")
        + " The reservation stands as it was.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)} if problem.code in _OURS else None,
    )


_OURS = frozenset(
    {
        Code.SUPPLIER_DOWN,
        Code.PAYMENT_DOWN,
        Code.OUTCOME_UNKNOWN,
        Code.CONFIGURATION,
        Code.INTERNAL,
    }
)
"""Why a change could not be made although nothing is wrong with it: it may be asked for again."""

_NOT_CHANGED = {
    Code.PAYMENT_DECLINED: "The card was refused.",
    Code.AUTHENTICATION_REQUIRED: "The payment was not authenticated in time.",
    Code.AMOUNT_TOO_SMALL: "What it costs more is less than a card can be charged.",
    Code.SUPPLIER_DOWN: "The venue does not answer.",
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
def _(_error: reservations.ChangeUnderWay) -> ApiProblem:
    return ApiProblem(
        409,
        "CHANGE_UNDER_WAY",
        "Something else about the reservation is being carried out. Please try again shortly.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
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


@problem_of.register
def _(_error: webhooks.EndpointNotFound) -> ApiProblem:
    detail = "There is no webhook endpoint with this id."
    return ApiProblem(404, "WEBHOOK_ENDPOINT_UNKNOWN", detail)


@problem_of.register
def _(_error: webhooks.DeliveryNotFound) -> ApiProblem:
    detail = "There is no delivery of this event to this endpoint."
    return ApiProblem(404, "WEBHOOK_DELIVERY_UNKNOWN", detail)


@problem_of.register
def _(error: webhooks.EndpointExists) -> ApiProblem:
    return ApiProblem(
        409,
        "WEBHOOK_ENDPOINT_EXISTS",
        "You have a webhook endpoint of this URL already. Change that one.",
        field="url",
        details={"endpoint_id": error.endpoint_id},
    )


@problem_of.register
def _(error: webhooks.EndpointNotActive) -> ApiProblem:
    detail = f"This endpoint is {error.status}: nothing is sent to it. Set it to ACTIVE first."
    return ApiProblem(409, "WEBHOOK_ENDPOINT_NOT_ACTIVE", detail)


@problem_of.register
def _(error: webhooks.TooManyEndpoints) -> ApiProblem:
    detail = f"You have {error.most} webhook endpoints, which is as many as you may have."
    return ApiProblem(409, "TOO_MANY_WEBHOOK_ENDPOINTS", detail)


@problem_of.register
def _(error: webhooks.UrlRefused) -> ApiProblem:
    return ApiProblem(422, "WEBHOOK_URL_REFUSED", f"The URL {error}.", field="url")
