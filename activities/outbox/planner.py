"""The sink that tells the trip planner which trip options are booked, and which are open again."""

from activities.outbox.sinks import Pace
from models.bookings.events import STATUS_CHANGED
from models.bookings.lifecycle import CLOSED_STATES, BookingState
from models.core.database import Sessions, direct
from models.core.errors import InvalidRequest, Unavailable
from models.core.outbox import FedEvent
from models.trips.repository import TripLock, load_lock
from suppliers.planner import LockStatus, TripPlanner

_STATUSES = frozenset(str(state) for state in (BookingState.CONFIRMED, *CLOSED_STATES))


class PlannerSink:
    """Tells the planner what the trip option's state is, not what it was at an event.

    So an event that comes twice, or late, is no harm, and what cancels out is never told.
    """

    name = "planner"
    pace = Pace()

    def __init__(self, sessions: Sessions, planner: TripPlanner) -> None:
        self._sessions = sessions
        self._planner = planner

    def group(self, event: FedEvent) -> str | None:
        """Return the trip option, if it may have been booked or opened.

        One booking's OPEN has to reach the planner before the next booking's BOOKED. A trip that
        was handed in is none of the planner's: its option is the booking itself (decision 64).
        """
        option: str | None = event.data.get("trip_option_id")
        if option == event.booking_id:
            return None
        moved = event.type == STATUS_CHANGED and event.data["status"] in _STATUSES
        return option if moved else None

    async def deliver(self, event: FedEvent) -> None:
        """Tell the planner, until what it was told is still so.

        A worker that was paused in the middle may tell it something old after another one told
        it something new; looking again afterwards mends that.

        Raises:
            Fault: it did not answer.
            Refusal: it does not accept it.
        """
        told: LockStatus | None = None
        while True:
            async with direct(self._sessions) as connection:
                lock = await load_lock(connection, event.booking_id)
            news = _news(lock)
            if lock is None or news is None or news == told:
                return
            try:
                await self._planner.lock(lock.trip_option_id, news, event.booking_id)
            except Unavailable:
                if news != "OPEN":
                    raise
                # another booking has it at the planner: as it should be
            except InvalidRequest as refusal:
                if news != "OPEN" or refusal.code != "unknown_trip_option":
                    raise
                # the planner has forgotten the option: nothing is booked there
            told = news


def _news(lock: TripLock | None) -> LockStatus | None:
    if lock is None or lock.status == "LOCKED":
        return None
    return "BOOKED" if lock.status == "BOOKED" else "OPEN"
