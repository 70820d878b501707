"""``GET /booking/{id}``: the record answers, for running bookings as for ended ones."""

from api.bookings import keeping
from api.bookings.finding import find
from api.core.context import AppContext
from api.core.entity_tags import Tagged, tagged
from api.core.principals import Principal
from api.trips.presenters import booking as translate


async def whole(context: AppContext, caller: Principal, booking_id: str) -> Tagged:
    """Return the answer of ``GET /booking/{id}``; that about a booking at rest is made once.

    Raises:
        DomainError: as :func:`find`.
    """

    async def make() -> tuple[Tagged, bool]:
        found = await find(context, caller, booking_id)
        answer = translate.whole_booking(found.booking, found.history, operator=caller.is_operator)
        return tagged(answer.model_dump_json(by_alias=True).encode()), found.live

    return await keeping.whole(context, caller, booking_id, "booking", make)
