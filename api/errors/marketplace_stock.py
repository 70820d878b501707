"""What cannot be held, or is not to be paid."""

from api.bookings import money
from api.core.problems import ApiProblem
from api.errors.registry import problem_of
from models.bookings.problems import Code
from models.bookings.statuses import market_status
from models.marketplace.stock import errors, refusals


@problem_of.register
def _(error: refusals.SoldOut) -> ApiProblem:
    detail = "Somebody else was faster: there is not enough left. Nothing was held."
    return ApiProblem(409, "SOLD_OUT", detail, details=error.details)


@problem_of.register(refusals.NotOnSale)
@problem_of.register(refusals.StockRefused)
def _(_error: refusals.StockRefused) -> ApiProblem:
    return ApiProblem(409, "NOT_ON_SALE", "This is not sold any more. Nothing was held.")


@problem_of.register
def _(_error: refusals.QuoteExpired) -> ApiProblem:
    detail = "This quote does not stand any more: ask for another one. Nothing was held."
    return ApiProblem(410, "QUOTE_EXPIRED", detail)


@problem_of.register
def _(error: refusals.QuoteTaken) -> ApiProblem:
    detail = "This quote has become a booking: another one needs another quote."
    return ApiProblem(409, "QUOTE_TAKEN", detail, details=error.details)


@problem_of.register
def _(error: refusals.TooManyHolds) -> ApiProblem:
    detail = "You hold as much as may be held unpaid: pay or cancel a hold first."
    return ApiProblem(429, "TOO_MANY_HOLDS", detail, details=error.details)


@problem_of.register
def _(error: errors.HoldExpired) -> ApiProblem:
    detail = f"It was not held any more. {money.money(error.booking)}"
    return ApiProblem(410, Code.HOLD_EXPIRED, detail)


@problem_of.register
def _(error: errors.NotPayable) -> ApiProblem:
    booking = error.booking
    status = market_status(booking)
    detail = f"It cannot be paid now: it is {status}. {money.money(booking)}"
    details = {"status": status, "payment_status": booking.payment.status}
    return ApiProblem(409, "STATE_CONFLICT", detail, details=details)


@problem_of.register
def _(_error: errors.CardMissing) -> ApiProblem:
    detail = "Something is to be paid: send a payment_method_id."
    return ApiProblem(422, "PAYMENT_METHOD_MISSING", detail, field="payment_method_id")
