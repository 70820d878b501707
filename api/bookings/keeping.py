"""The whole answer about a booking: made once while it is at rest, and given again."""

from collections.abc import Awaitable, Callable
from typing import Literal

from api.core.answers import Kept
from api.core.context import AppContext
from api.core.entity_tags import Tagged
from api.core.named import owner_of
from api.core.principals import Principal
from models.bookings.errors import BookingNotFound
from models.core.keys import is_booking_id

Form = Literal["booking", "reservation"]
"""A reservation is told in both."""


async def whole(
    context: AppContext,
    caller: Principal,
    booking_id: str,
    form: Form,
    make: Callable[[], Awaitable[tuple[Tagged, bool]]],
) -> Tagged:
    """Return the answer in a form; ``make`` reads the record for it, and says whether it is live.

    It is made anew unless the booking is at rest and stands as it did before it was read last. An
    answer is kept when it is asked for again: until then, and while the booking is live, to look
    where it stands would only cost more.

    Raises:
        BookingNotFound: it is no id.
        DomainError: as ``make``.
    """
    if not is_booking_id(booking_id):
        raise BookingNotFound(booking_id)
    place = form, booking_id, owner_of(caller)
    if not context.answers.is_asked_again(place):
        told, live = await make()
        if not live:
            context.answers.keep(place, None)
        return told
    standing = await context.standings.now(booking_id)
    if standing is None or standing.live:
        context.answers.forget(place)
        return (await make())[0]
    kept = context.answers.get(place, standing)
    if kept is None:
        kept, _ = await make()
        context.answers.keep(place, Kept(standing, kept))
    return kept
