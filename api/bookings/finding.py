"""A booking as the record has it, or why there is none to be told of."""

from temporalio.service import RPCError

from api.bookings import running
from api.core.context import AppContext
from api.core.named import owner_of
from api.core.principals import Principal
from api.core.problems import is_temporal_away
from models.bookings.errors import BookingNotFound, BookingNotRecordedYet
from models.bookings.repository import Found
from models.core.domain_errors import TemporalUnavailable
from models.core.keys import is_booking_id


async def find(
    context: AppContext, caller: Principal, booking_id: str, *, attempts: bool = False
) -> Found:
    """Return a booking with its history; ``attempts`` asks for those of one at rest as well.

    Raises:
        BookingNotFound: unknown, or another caller's.
        BookingNotRecordedYet: its workflow has yet to write it down.
        TemporalUnavailable: nobody can tell right now.
    """
    if not is_booking_id(booking_id):
        raise BookingNotFound(booking_id)
    found = await context.record.find(booking_id, owner_of(caller), attempts=attempts)
    if found is None:
        await _refuse_unrecorded(context, caller, booking_id)
        found = await context.record.find(booking_id, owner_of(caller), attempts=attempts)
    if found is None:
        raise BookingNotRecordedYet(booking_id)
    return found


async def _refuse_unrecorded(context: AppContext, caller: Principal, booking_id: str) -> None:
    """Refuse a booking that is unknown, unless its workflow has yet to write it down.

    Temporal is asked only here: about what the record has never heard of.
    """
    try:
        run = await running.find_run(context, booking_id)
    except (RPCError, RuntimeError) as error:
        if is_temporal_away(error):
            raise TemporalUnavailable from error
        raise
    if run is None or not run.visible_to(caller):
        raise BookingNotFound(booking_id)
