"""``GET /booking/{id}``: the record answers, for running bookings as for ended ones."""

from api.bookings.finding import find
from api.core.answers import Kept
from api.core.callers import KnownCaller
from api.core.context import AppContext
from api.core.named import owner_of
from api.trips.presenters import booking as translate
from models.bookings.errors import BookingNotFound
from models.core.keys import is_booking_id


async def whole(context: AppContext, caller: KnownCaller, booking_id: str) -> bytes:
    """Return the answer of ``GET /booking/{id}``; that about a booking at rest is made once.

    Raises:
        DomainError: as :func:`find`.
    """
    if not is_booking_id(booking_id):
        raise BookingNotFound(booking_id)
    owner = owner_of(caller)
    standing = await context.standings.now(booking_id)
    if standing is not None and not standing.live:
        body = context.answers.get(booking_id, standing, owner)
        if body is not None:
            return body
    found = await find(context, caller, booking_id)
    answer = translate.whole_booking(found.booking, found.history, operator=caller.is_operator)
    body = answer.model_dump_json(by_alias=True).encode()
    if standing is not None and not standing.live:
        context.answers.keep(booking_id, owner, Kept(standing, body))
    return body
