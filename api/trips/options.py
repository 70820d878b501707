"""The trip option of a wish: fetched from the planner and held against what was accepted."""

import math

from api.core.context import House
from api.core.problems import RETRY_AFTER_SECONDS, ApiProblem, unavailable
from api.trips.schemas.requests import BookRequest
from models.core.errors import Fault, ProviderError, Retryable
from models.trips.option import TripOption
from temporal import patience


async def accepted_trip(house: House, body: BookRequest) -> TripOption:
    """Return the trip option a request wants to book.

    Raises:
        ApiProblem: 404 unknown, 422 not what was accepted or not bookable, 503 planner away.
    """
    trip = await _fetch(house, body.trip_option_id)
    if trip is None:
        raise ApiProblem(
            404,
            "TRIP_OPTION_UNKNOWN",
            "There is no trip option with this id. It may have expired; look for a new one.",
            field="tripOptionId",
        )
    _consistent(
        trip, frozenset(patience(house.settings).provider_timeout) - {house.settings.gateway}
    )
    payment = body.payment_info
    if payment.currency != trip.currency:
        raise _mismatch("currency", "CURRENCY_MISMATCH", trip.currency, payment.currency)
    if payment.amount != trip.total_price:
        raise _mismatch("amount", "AMOUNT_MISMATCH", trip.total_price, payment.amount)
    if not (body.travelers or trip.travelers):
        raise ApiProblem(
            422,
            "TRAVELERS_MISSING",
            "Nobody travels: neither the trip option nor the request names a traveller.",
            field="travelers",
        )
    return trip


async def _fetch(house: House, trip_option_id: str) -> TripOption | None:
    try:
        return await house.planner.get(trip_option_id)
    except Fault as error:
        pause = error.retry_after if isinstance(error, Retryable) else None
        seconds = math.ceil(pause.total_seconds()) if pause else RETRY_AFTER_SECONDS
        raise unavailable(
            "PLANNER_UNAVAILABLE",
            "The trip cannot be looked up right now. Please try again shortly.",
            headers={"Retry-After": str(seconds)},
        ) from error
    except ProviderError as error:  # it answered, but not with a trip one could book
        raise _unbookable("the trip planner does not describe it as trips are described") from error


def _consistent(trip: TripOption, suppliers: frozenset[str]) -> None:
    if len({component.component_id for component in trip.components}) < len(trip.components):
        raise _unbookable("two of its components have the same id")
    for component in trip.components:
        if component.supplier not in suppliers:
            raise _unbookable(f"we do not book with {component.supplier}")
    same = [one.price for one in trip.components if one.currency == trip.currency]
    if len(same) == len(trip.components) and sum(same) != trip.total_price:
        raise _unbookable("the prices of its components do not add up to its total")
    # The planner converted the others at a rate we do not know, so there is no sum to compare;
    # the saga holds its own total against what was accepted (PRICE_CHANGED).
    if sum(same) > trip.total_price:
        raise _unbookable(f"its components in {trip.currency} alone cost more than its total")


def _unbookable(reason: str) -> ApiProblem:
    return ApiProblem(
        422,
        "TRIP_OPTION_UNBOOKABLE",
        f"This trip option cannot be booked: {reason}.",
        field="tripOptionId",
    )


def _mismatch(name: str, code: str, expected: object, given: object) -> ApiProblem:
    return ApiProblem(
        422,
        code,
        f"The {name} is not the trip's: expected {expected}, given {given}.",
        field=f"paymentInfo.{name}",
        details={"expected": expected, "given": given},
    )
