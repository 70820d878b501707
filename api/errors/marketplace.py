"""What is asked of providers and of what they offer, and cannot be done."""

from collections.abc import Sequence

from api.core.problems import ApiProblem
from api.errors.registry import problem_of
from models.marketplace import versions
from models.marketplace.catalogue import errors as catalogue
from models.marketplace.providers import errors as providers


@problem_of.register
def _(_error: providers.ProviderNotFound) -> ApiProblem:
    return ApiProblem(404, "PROVIDER_UNKNOWN", "There is no provider with this id.")


@problem_of.register
def _(error: catalogue.OfferNotFound) -> ApiProblem:
    return ApiProblem(404, "OFFER_UNKNOWN", f"There is no {error.what} with this id.")


@problem_of.register
def _(_error: providers.OwnersOnly) -> ApiProblem:
    return ApiProblem(403, "OWNERS_ONLY", "Only the owner of the provider may do this.")


@problem_of.register
def _(error: providers.StepNotAsked) -> ApiProblem:
    detail = f"The onboarding of this type of provider has the steps {', '.join(error.steps)}."
    return ApiProblem(422, "OFFER_REFUSED", detail, field="step")


@problem_of.register
def _(error: providers.StepsMissing) -> ApiProblem:
    return ApiProblem(
        409,
        "STEPS_MISSING",
        f"Fill in first: {', '.join(error.steps)}. Nothing was submitted.",
        details={"steps": [str(step) for step in error.steps]},
    )


@problem_of.register
def _(error: providers.ProviderStateConflict) -> ApiProblem:
    return _state_conflict(error.status, error.allowed, error.why)


@problem_of.register
def _(error: catalogue.OfferStateConflict) -> ApiProblem:
    return _state_conflict(error.status, error.allowed, error.why)


def _state_conflict(status: str, allowed: Sequence[str], why: str) -> ApiProblem:
    details = {"status": str(status), "allowed": [str(one) for one in allowed]}
    return ApiProblem(409, "STATE_CONFLICT", f"{why} Nothing was done.", details=details)


@problem_of.register
def _(error: versions.MarketVersionConflict) -> ApiProblem:
    return ApiProblem(
        412 if error.precondition else 409,
        "VERSION_CONFLICT",
        f"It is in version {error.current} now. Nothing was done.",
        field="If-Match" if error.precondition else "expected_version",
        details={"currentVersion": error.current},
    )


@problem_of.register
def _(_error: versions.MarketVersionRequired) -> ApiProblem:
    return ApiProblem(
        428,
        "VERSION_REQUIRED",
        "Say which version you have seen: its ETag as If-Match, or expected_version.",
        field="expected_version",
    )


@problem_of.register
def _(error: catalogue.OfferRefused) -> ApiProblem:
    return ApiProblem(422, "OFFER_REFUSED", error.words, field=error.field)


@problem_of.register
def _(error: catalogue.ProviderNotApproved) -> ApiProblem:
    detail = (
        "Only what an approved provider offers is put on sale: what is drafted stays a draft, and"
        " what is paused stays paused."
    )
    details = None if error.status is None else {"verificationStatus": str(error.status)}
    return ApiProblem(409, "PROVIDER_NOT_APPROVED", detail, details=details)


@problem_of.register
def _(error: catalogue.OfferIncomplete) -> ApiProblem:
    return ApiProblem(
        409,
        "LISTING_INCOMPLETE" if error.what == "listing" else "OFFER_INCOMPLETE",
        f"The {error.what} lacks {', '.join(error.missing)}. Nothing was done.",
        details={"missing": list(error.missing)},
    )


@problem_of.register
def _(error: catalogue.FieldFixed) -> ApiProblem:
    return ApiProblem(409, "FIELD_FIXED", f"{error.words} Nothing was done.", field=error.field)


@problem_of.register
def _(error: catalogue.BelowSold) -> ApiProblem:
    days = [{"night": str(one.day), "sold": one.sold, "held": one.held} for one in error.days]
    return ApiProblem(
        409,
        "BELOW_SOLD",
        "More is held and sold than would be offered. Nothing was changed: bookings are cancelled"
        " first, or the sale is closed.",
        details={"nights": days},
    )


@problem_of.register
def _(error: catalogue.DepartureTimeDoesNotExist) -> ApiProblem:
    following = error.following
    return ApiProblem(
        422,
        "TIME_DOES_NOT_EXIST",
        f"On {error.day} the clocks there are put forward over this time; the next one is"
        f" {following:%H:%M}. No departure was made.",
        field="start_time",
        details={
            "day": str(error.day),
            "next": {"date": f"{following:%Y-%m-%d}", "time": f"{following:%H:%M}"},
        },
    )
