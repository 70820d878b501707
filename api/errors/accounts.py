"""Users and how they sign in."""

from api.core.problems import ApiProblem
from api.errors.registry import problem_of
from models.accounts.errors import (
    AccountBlocked,
    AddressUnfit,
    CodeRefused,
    ContactInUse,
    IdentityLocked,
    SecondFactorEnrolled,
    SecondFactorRefused,
    SessionNotFound,
    TooManyCodes,
    UserNotFound,
)
from models.core.domain_errors import SessionUnknown

_BEARER = {"WWW-Authenticate": 'Bearer realm="bookings"'}


@problem_of.register
def _(error: AddressUnfit) -> ApiProblem:
    return ApiProblem(422, "ADDRESS_REFUSED", error.why, field=error.field)


@problem_of.register
def _(error: TooManyCodes) -> ApiProblem:
    return _later("codes", error.retry_after, "No code was sent: enough were asked for just now.")


@problem_of.register
def _(_error: IdentityLocked) -> ApiProblem:
    return ApiProblem(
        403,
        "IDENTITY_LOCKED",
        "No code was sent: too many were wrong in a row. Please sign in with your other contact, or"
        " ask us.",
    )


@problem_of.register
def _(error: CodeRefused) -> ApiProblem:
    left = error.attempts_left
    return ApiProblem(
        401,
        "CODE_REFUSED",
        "This code is not accepted: it is wrong, too old or used, or was asked for elsewhere.",
        details=None if left is None else {"attempts_left": left},
        headers=_BEARER,
    )


@problem_of.register
def _(_error: AccountBlocked) -> ApiProblem:
    return ApiProblem(403, "ACCOUNT_BLOCKED", "This account is blocked. Please ask us.")


@problem_of.register
def _(_error: ContactInUse) -> ApiProblem:
    detail = "This address is the contact of another account. Sign in with it to use that one."
    return ApiProblem(409, "CONTACT_IN_USE", detail)


@problem_of.register
def _(_error: UserNotFound) -> ApiProblem:
    return problem_of(SessionUnknown())


@problem_of.register
def _(_error: SessionNotFound) -> ApiProblem:
    return ApiProblem(404, "SESSION_UNKNOWN", "You have no session with this id.")


@problem_of.register
def _(_error: SecondFactorEnrolled) -> ApiProblem:
    detail = "You have a second factor already. If it is lost, ask us."
    return ApiProblem(409, "SECOND_FACTOR_ENROLLED", detail)


@problem_of.register
def _(error: SecondFactorRefused) -> ApiProblem:
    if error.retry_after is not None:
        detail = "Too many codes of the second factor were wrong."
        return _later("second-factor", error.retry_after, detail)
    detail = "This code is not accepted: it is wrong or was used, or no authenticator is enrolled."
    return ApiProblem(403, "SECOND_FACTOR_REFUSED", detail)


def _later(limit: str, seconds: int, what: str) -> ApiProblem:
    return ApiProblem(
        429,
        "RATE_LIMITED",
        f"{what} Please try again in {seconds} s.",
        details={"violatedPolicies": [limit]},
        headers={"Retry-After": str(seconds)},
    )
