"""What any request may meet: who asks, how much at once, with which key."""

from api.core.callers import HEADER
from api.core.problems import (
    ApiProblem,
    temporal_away,
    unavailable,
)
from api.errors.registry import problem_of
from models.core.domain_errors import (
    CallerUnknown,
    Keyed,
    KeyInProgress,
    KeyReused,
    RateLimited,
    SessionUnknown,
    TemporalUnavailable,
    TooManyBookings,
    TooManyReads,
)

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
    "wrong-keys": "More than {} requests without a valid API key or session came from this address"
    " within a minute.",
}


@problem_of.register
def _(_error: CallerUnknown) -> ApiProblem:
    return ApiProblem(
        401,
        "API_KEY_REFUSED",
        f"A valid API key is needed in the header {HEADER}.",
        headers={"WWW-Authenticate": 'ApiKey realm="bookings"'},
    )


@problem_of.register
def _(_error: SessionUnknown) -> ApiProblem:
    return ApiProblem(
        401,
        "SESSION_REFUSED",
        "Nobody is signed in: a session is needed, as a bearer token or a cookie.",
        headers={"WWW-Authenticate": 'Bearer realm="bookings"'},
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
