"""The record of a worker to which something happens in the midst of one transaction, once."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Connection, event
from temporalio import activity

from activities.trips.record import BookingActivities
from models import calls
from models.bookings.booking import Booking
from models.bookings.messages import BookingRef, Recorded, Transition
from models.core.database import create_engine, create_sessions
from settings import Settings

T = TypeVar("T")

_inside: ContextVar[bool] = ContextVar("inside", default=False)


class CrashingRecord(BookingActivities):
    """Crashes ``before`` the first statement, ``during`` (at the commit), or ``after`` it.

    ``crash`` ends the process; None cuts the connection in its place: after the commit, the worker
    is not told of it.
    """

    def __init__(
        self, settings: Settings, operation: str, point: str, crash: Callable[[], None] | None
    ) -> None:
        engine = create_engine(settings.database.sqlalchemy_url)
        super().__init__(create_sessions(engine))
        self._url = settings.database.url
        self._operation, self._point, self._crash = operation, point, crash
        self._done = False
        name = {"before": "before_cursor_execute", "during": "commit"}.get(point)
        if name is not None:
            event.listen(engine.sync_engine, name, self._strike)

    @activity.defn(name=calls.LOAD_BOOKING.name)
    async def load_booking(self, ref: BookingRef) -> Booking:
        """Return the booking, if nothing happens."""
        return await self._crashing("load", super().load_booking(ref))

    @activity.defn(name=calls.RECORD.name)
    async def record(self, transition: Transition) -> Recorded:
        """Write a transition, if nothing happens."""
        return await self._crashing("record", super().record(transition))

    async def _crashing(self, operation: str, work: Awaitable[T]) -> T:
        _inside.set(operation == self._operation)
        try:
            answer = await work
        finally:
            inside = _inside.get()
            _inside.set(False)
        if self._point == "after" and inside and not self._done:
            self._strike()
        return answer

    def _strike(self, connection: Connection | None = None, *_: Any) -> None:
        if self._done or (connection is not None and not _inside.get()):
            return
        self._done = True
        if self._crash is not None:
            self._crash()
        print("the connection is cut", flush=True)
        if connection is None:
            raise psycopg.OperationalError("cut after the commit")
        driver: Any = connection.connection.driver_connection
        with psycopg.connect(self._url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [driver.info.backend_pid])
