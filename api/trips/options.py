"""The trip option of a request: fetched from the planner and held against what was accepted."""

import math

from api.core.context import AppContext
from api.core.principals import Principal
from api.trips.fitting import expect_fit
from api.trips.schemas.requests import BookRequest
from models.core.errors import AuthConfig, Fault, ProviderError, Retryable
from models.trips.errors import (
    AmountNotAccepted,
    CurrencyNotAccepted,
    PlannerUnavailable,
    TravelersMissing,
    TripNotAllowed,
    TripOptionNotFound,
    TripOptionUnbookable,
)
from models.trips.option import TripOption
from temporal import patience


async def accepted_trip(
    context: AppContext, caller: Principal, booking_id: str, body: BookRequest
) -> TripOption:
    """Return the trip that a request is about: the planner's, or the one it hands in.

    A trip that is handed in has no option at a planner: the booking's id stands for it (decision
    64).

    Raises:
        TripNotAllowed: the caller may not hand in trips.
        TripOptionNotFound, PlannerUnavailable: there is none, or nobody can tell.
        TripOptionUnbookable, TravelersMissing: it is not one that could be booked.
        AmountNotAccepted, CurrencyNotAccepted: it costs something else than was accepted.
        InvalidTrip: those who travel cannot, or not on this trip.
    """
    if body.trip is not None:
        if not caller.may_hand_in_trips:
            raise TripNotAllowed
        trip = TripOption(trip_option_id=booking_id, **dict(body.trip))
    else:
        assert body.trip_option_id is not None, "the request has one of both"
        trip = await _fetch(context, body.trip_option_id)
    suppliers = frozenset(patience(context.settings).provider_timeout) - {context.settings.gateway}
    if (reason := _inconsistent(trip, suppliers)) is not None:
        raise TripOptionUnbookable(reason, handed_in=body.trip is not None)
    payment = body.payment_info
    if payment.currency != trip.currency:
        raise CurrencyNotAccepted(expected=trip.currency, given=payment.currency)
    if payment.amount != trip.total_price:
        raise AmountNotAccepted(expected=trip.total_price, given=payment.amount)
    if not (body.travelers or trip.travelers):
        raise TravelersMissing
    expect_fit(body, trip, context.settings)
    return trip


async def _fetch(context: AppContext, trip_option_id: str) -> TripOption:
    try:
        trip = await context.planner.get(trip_option_id)
    except (Fault, AuthConfig) as error:
        pause = error.retry_after if isinstance(error, Retryable) else None
        raise PlannerUnavailable(math.ceil(pause.total_seconds()) if pause else None) from error
    except ProviderError as error:  # it answered, but not with a trip one could book
        raise TripOptionUnbookable(
            "the trip planner does not describe it as trips are described"
        ) from error
    if trip is None:
        raise TripOptionNotFound(trip_option_id)
    return trip


def _inconsistent(trip: TripOption, suppliers: frozenset[str]) -> str | None:
    """Say why a trip could not be booked, whatever its suppliers say; None: it could."""
    if len({component.component_id for component in trip.components}) < len(trip.components):
        return "two of its components have the same id"
    for component in trip.components:
        if component.supplier not in suppliers:
            return f"we do not book with {component.supplier}"
    same = [one.price for one in trip.components if one.currency == trip.currency]
    if len(same) == len(trip.components) and sum(same) != trip.total_price:
        return "the prices of its components do not add up to its total"
    # The planner converted the others at a rate we do not know, so there is no sum to compare;
    # the saga holds its own total against what was accepted (PRICE_CHANGED).
    if sum(same) > trip.total_price:
        return f"its components in {trip.currency} alone cost more than its total"
    return None
