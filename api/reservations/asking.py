"""Asking the venues' services; what they refuse is told as our own refusals."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from api.core.context import AppContext
from models.bookings.problems import Problem
from models.core.domain_errors import DomainError
from models.core.errors import InvalidRequest, ProviderError, Refusal, Retryable, Unavailable
from models.core.supply import Quote
from models.core.venues import (
    TIME_DOES_NOT_EXIST,
    ZONE_UNKNOWN,
    Availability,
    Price,
    SlotWish,
    VenueGuest,
)
from models.reservations.errors import (
    NoReservations,
    SlotRefused,
    SlotUnavailable,
    VenuesUnavailable,
    VenueTimeZoneUnknown,
)
from models.reservations.slots import TimeDoesNotExist
from suppliers.venue import VenueSupplier


async def quote(
    context: AppContext, wish: SlotWish, guest: VenueGuest, *, excluding: str | None = None
) -> Quote:
    """Verify that a slot is to be had, and price it. Nothing is held by it.

    ``excluding``: as if that reservation (our reference) were not there.

    Raises:
        SlotUnavailable: with other times.
        TimeDoesNotExist, SlotRefused, VenueTimeZoneUnknown: it cannot be asked for.
        VenuesUnavailable, NoReservations: nobody can tell.
    """
    venues = venues_of(context)
    try:
        with _told():
            return await venues.quote(wish, guest, excluding=excluding)
    except SlotUnavailable as refused:
        raise await unavailable(context, wish, refused.reason, excluding=excluding) from refused


async def taken(
    context: AppContext, wish: SlotWish, problem: Problem, *, excluding: str | None = None
) -> DomainError:
    """Return the refusal of a slot that our record or the inventory had no room in."""
    reason = problem.details.get("conflict") or problem.provider_code or "full"
    return await unavailable(context, wish, str(reason).lower(), excluding=excluding)


async def unavailable(
    context: AppContext, wish: SlotWish, reason: str, *, excluding: str | None = None
) -> DomainError:
    """Return the refusal of a slot, with other times if the inventory tells them now."""
    with suppress(DomainError):
        found = await availability(context, wish, excluding=excluding)
        if found.reason == TIME_DOES_NOT_EXIST:
            return does_not_exist(wish, found)
        return SlotUnavailable(reason, found.alternatives)
    return SlotUnavailable(reason)


def does_not_exist(wish: SlotWish, found: Availability) -> TimeDoesNotExist:
    """Return the refusal of a time that the venue's clock skips."""
    following = found.slot.local.replace(tzinfo=None)
    return TimeDoesNotExist(
        following.replace(hour=wish.time.hour, minute=wish.time.minute), following
    )


async def availability(
    context: AppContext, wish: SlotWish, *, excluding: str | None = None
) -> Availability:
    """Say what is free. Raises as :func:`quote`, but for SlotUnavailable."""
    with _told():
        return await venues_of(context).availability(wish, excluding=excluding)


async def estimate(context: AppContext, wish: SlotWish) -> Price:
    """Say what a slot would cost. Raises as :func:`availability`."""
    with _told():
        return await venues_of(context).estimate(wish)


def venues_of(context: AppContext) -> VenueSupplier:
    """Return whom slots are asked of. Raises NoReservations."""
    if context.venues is None:
        raise NoReservations
    return context.venues


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except Unavailable as refusal:
        raise SlotUnavailable(refusal.code or "unavailable") from refusal
    except InvalidRequest as refusal:
        if refusal.code == ZONE_UNKNOWN:
            raise VenueTimeZoneUnknown from refusal
        words = str(refusal) if refusal.plain else "this cannot be reserved"
        text = words[:1].upper() + words[1:] + "."
        raise SlotRefused(refusal.field or "venue.id", text) from refusal
    except (Refusal, ProviderError) as error:
        pause = error.retry_after if isinstance(error, Retryable) else None
        raise VenuesUnavailable(int(pause.total_seconds()) if pause else None) from error
