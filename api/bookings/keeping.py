"""The whole answer about a booking: made once while it is at rest, and given again."""

from collections.abc import Awaitable, Callable
from typing import Literal

from api.core.answers import Kept
from api.core.callers import KnownCaller
from api.core.context import AppContext
from api.core.entity_tags import Tagged
from api.core.named import owner_of
from models.bookings.errors import BookingNotFound
from models.core.keys import is_booking_id

Form = Literal["booking", "reservation"]
"""A reservation is told in both."""


async def kept(
    context: AppContext,
    caller: KnownCaller,
    booking_id: str,
    form: Form,
    make: Callable[[], Awaitable[Tagged]],
) -> Tagged:
    """Return the answer in a form; ``make`` reads the record for it.

    It is made anew unless the booking is at rest and stands as it did before it was read last.

    Raises:
        BookingNotFound: it is no id.
        DomainError: as ``make``.
    """
    if not is_booking_id(booking_id):
        raise BookingNotFound(booking_id)
    place = form, booking_id, owner_of(caller)
    standing = await context.standings.now(booking_id)
    if standing is None or standing.live:
        return await make()
    told = context.answers.get(place, standing)
    if told is None:
        told = await make()
        context.answers.keep(place, Kept(standing, told))
    return told
