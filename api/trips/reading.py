"""``GET /booking/{id}``: the workflow answers for running bookings, the record for ended ones."""

from contextlib import suppress
from dataclasses import dataclass

from temporalio.service import RPCError

from api.core.callers import KnownCaller
from api.core.context import House
from api.core.problems import is_temporal_away
from api.core.record import is_booking_id
from api.trips import running, waiting
from models.bookings.booking import Booking, HistoryEntry
from models.bookings.errors import BookingNotFound
from models.bookings.lifecycle import FINAL_STATES
from models.core.domain_errors import TemporalUnavailable


@dataclass(frozen=True)
class Found:
    """A booking a caller may see, and whether anything still happens to it."""

    booking: Booking
    history: list[HistoryEntry]
    live: bool


def owner_of(caller: KnownCaller) -> str | None:
    """Return whose bookings a caller may read: its own; operators anybody's (None)."""
    return None if caller.is_operator else caller.id


async def find(house: House, caller: KnownCaller, booking_id: str) -> Found:
    """Return a booking with its history.

    Raises:
        BookingNotFound: unknown, or another caller's.
        TemporalUnavailable: nobody can tell right now.
    """
    if not is_booking_id(booking_id):
        raise BookingNotFound(booking_id)
    stored = await house.record.booking(booking_id, owner_of(caller))
    if stored is None:
        return await _unrecorded(house, caller, booking_id)
    history = await house.record.history(booking_id)
    if waiting.is_settled(stored.booking) and not await _is_changing(house, stored.booking):
        return Found(stored.booking, history, live=False)
    now = await running.ask_booking(house, booking_id)
    if now is None or now.version < stored.booking.version:
        return Found(stored.booking, history, live=True)
    if now.version > stored.booking.version:  # it moved on between the two reads
        history = await house.record.history(booking_id)
    return Found(now, history, live=not waiting.is_settled(now))


async def _is_changing(house: House, booking: Booking) -> bool:
    """Tell whether a cancellation is under way of a booking that stands."""
    if booking.state in FINAL_STATES:
        return False
    with suppress(RPCError, RuntimeError):  # nobody to ask: the record answers
        run = await running.find_run(house, booking.id)
        return run is not None and run.running
    return False


async def _unrecorded(house: House, caller: KnownCaller, booking_id: str) -> Found:
    """Answer for a booking so young that its first step has not written the row yet."""
    try:
        run = await running.find_run(house, booking_id)
    except (RPCError, RuntimeError) as error:
        if is_temporal_away(error):
            raise TemporalUnavailable from error
        raise
    if run is None or not run.visible_to(caller):
        raise BookingNotFound(booking_id)
    booking = (
        await running.ask_booking(house, booking_id)
        if run.running
        else await running.result_of(house, booking_id)
    )
    if booking is None:
        # The worker is busy with the first steps, which have written the row by now.
        stored = await house.record.booking(booking_id, owner_of(caller))
        if stored is None:
            raise TemporalUnavailable
        return Found(stored.booking, await house.record.history(booking_id), live=True)
    return Found(booking, [], live=run.running)
