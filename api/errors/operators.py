"""What operators ask, and cannot have."""

from api.core.problems import (
    ApiProblem,
)
from api.errors.registry import problem_of
from models.inbox import errors as inbox
from models.ledger import errors as ledger
from models.operations import errors as operations
from models.payments import errors as payments


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
