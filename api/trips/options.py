"""The trip option of a request: fetched from the planner and held against what was accepted."""

import math

from api.core.context import AppContext
from api.trips.schemas.requests import BookRequest
from models.core.errors import Fault, ProviderError, Retryable
from models.trips.errors import (
    AmountNotAccepted,
    CurrencyNotAccepted,
    PlannerUnavailable,
    TravelersMissing,
    TripOptionNotFound,
    TripOptionUnbookable,
)
from models.trips.option import TripOption
from temporal import patience


async def accepted_trip(context: AppContext, body: BookRequest) -> TripOption:
    """Return the trip option a request wants to book.

    Raises:
        TripOptionNotFound, PlannerUnavailable: there is none, or nobody can tell.
        TripOptionUnbookable, TravelersMissing: it is not one that could be booked.
        AmountNotAccepted, CurrencyNotAccepted: it costs something else than was accepted.
    """
    trip = await _fetch(context, body.trip_option_id)
    if trip is None:
        raise TripOptionNotFound(body.trip_option_id)
    _consistent(
        trip, frozenset(patience(context.settings).provider_timeout) - {context.settings.gateway}
    )
    payment = body.payment_info
    if payment.currency != trip.currency:
        raise CurrencyNotAccepted(expected=trip.currency, given=payment.currency)
    if payment.amount != trip.total_price:
        raise AmountNotAccepted(expected=trip.total_price, given=payment.amount)
    if not (body.travelers or trip.travelers):
        raise TravelersMissing
    return trip


async def _fetch(context: AppContext, trip_option_id: str) -> TripOption | None:
    try:
        return await context.planner.get(trip_option_id)
    except Fault as error:
        pause = error.retry_after if isinstance(error, Retryable) else None
        raise PlannerUnavailable(math.ceil(pause.total_seconds()) if pause else None) from error
    except ProviderError as error:  # it answered, but not with a trip one could book
        raise TripOptionUnbookable(
            "the trip planner does not describe it as trips are described"
        ) from error


def _consistent(trip: TripOption, suppliers: frozenset[str]) -> None:
    if len({component.component_id for component in trip.components}) < len(trip.components):
        raise TripOptionUnbookable("two of its components have the same id")
    for component in trip.components:
        if component.supplier not in suppliers:
            raise TripOptionUnbookable(f"we do not book with {component.supplier}")
    same = [one.price for one in trip.components if one.currency == trip.currency]
    if len(same) == len(trip.components) and sum(same) != trip.total_price:
        raise TripOptionUnbookable("the prices of its components do not add up to its total")
    # The planner converted the others at a rate we do not know, so there is no sum to compare;
    # the saga holds its own total against what was accepted (PRICE_CHANGED).
    if sum(same) > trip.total_price:
        raise TripOptionUnbookable(
            f"its components in {trip.currency} alone cost more than its total"
        )
