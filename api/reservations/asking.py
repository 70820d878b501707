"""Asking the venues' services; what they refuse is told as our own refusals."""

from collections.abc import Iterator
from contextlib import contextmanager

from api.core.context import AppContext
from models.core.errors import InvalidRequest, ProviderError, Refusal, Retryable, Unavailable
from models.core.supply import Quote
from models.core.venues import (
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
        SlotUnavailable: without other times (``api.reservations.alternatives`` tells them).
        SlotRefused, VenueTimeZoneUnknown: it cannot be asked for.
        VenuesUnavailable, NoReservations: nobody can tell.
    """
    with _told():
        return await venues_of(context).quote(wish, guest, excluding=excluding)


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
