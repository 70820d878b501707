"""What is asked of prices and offers, and cannot be had."""

from api.core.problems import ApiProblem
from api.errors.registry import problem_of
from models.core.money import Money
from models.marketplace.quotes import errors as quotes


@problem_of.register
def _(_error: quotes.OfferNotFound) -> ApiProblem:
    return ApiProblem(404, "PRODUCT_UNKNOWN", "There is nothing on offer with this id.")


@problem_of.register
def _(_error: quotes.QuoteNotFound) -> ApiProblem:
    return ApiProblem(404, "QUOTE_UNKNOWN", "There is no quote with this id.")


@problem_of.register
def _(error: quotes.NotOnSale) -> ApiProblem:
    what = error.what.replace("_", " ")
    return ApiProblem(
        409,
        "NOT_ON_SALE",
        f"This {what} is not sold now. Nothing was quoted.",
        details={"what": error.what, "why": error.why},
    )


@problem_of.register
def _(error: quotes.SoldOut) -> ApiProblem:
    if error.seats_left is not None:
        detail = f"There are {error.seats_left} seats left on this departure."
        return ApiProblem(409, "SOLD_OUT", detail, details={"seats_left": error.seats_left})
    nights = [f"{night}" for night in error.nights]
    named = ", ".join(nights[:5]) + (" and others" if len(nights) > 5 else "")
    detail = f"There are not enough of these rooms on {named}. Nothing was quoted."
    return ApiProblem(409, "SOLD_OUT", detail, details={"nights": nights})


@problem_of.register
def _(error: quotes.QuoteRefused) -> ApiProblem:
    details = {"rule": error.rule, **error.limits}
    return ApiProblem(422, "QUOTE_REFUSED", error.words, field=error.field, details=details)


@problem_of.register
def _(error: quotes.GuestsDoNotFit) -> ApiProblem:
    limits = error.limits
    detail = (
        f"This room takes {limits['adults_max']} adults and {limits['children_max']} children at"
        f" most; who is older than {limits['child_age_max']} counts as an adult."
    )
    details = {"room_id": error.room_id, **limits}
    return ApiProblem(422, "GUESTS_DO_NOT_FIT", detail, field=error.field, details=details)


@problem_of.register
def _(error: quotes.CurrencyNotOffered) -> ApiProblem:
    detail = f"It is sold in {error.expected}, not in {error.given}."
    details = {"expected": error.expected, "given": error.given}
    return ApiProblem(422, "CURRENCY_MISMATCH", detail, field="currency", details=details)


@problem_of.register
def _(error: quotes.PriceNotPayable) -> ApiProblem:
    if error.least is None:
        detail = (
            "This comes to more than can be paid at once: ask for fewer nights, rooms or seats."
        )
        return ApiProblem(422, "PRICE_NOT_PAYABLE", detail)
    least = Money(amount=error.least, currency=error.currency)
    detail = f"This comes to less than a card is charged, which is {least.format()}."
    return ApiProblem(422, "PRICE_NOT_PAYABLE", detail, details={"least": error.least})
