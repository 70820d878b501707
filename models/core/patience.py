"""How long a booking waits and how its calls are dispatched: fixed when its workflow starts."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, model_serializer


class BookingOrder(StrEnum):
    """In which order the items of a trip are booked (docs/booking-order.md)."""

    CONTRACT = "contract"
    """Flights, then hotels, then experiences (contracts.md §1)."""
    UNDOABLE_FIRST = "undoable_first"
    """What is free to undo first and together, what cannot be undone last."""


class Patience(BaseModel):
    """How long to wait and how to dispatch, fixed when a workflow starts (so replay agrees).

    Times in seconds.
    """

    provider_timeout: dict[str, float] = {}
    """Longest answer of each provider; an activity gets a little more."""
    local: list[str] = []
    """Providers whose calls run as local activities: quick ones that can be asked twice."""
    quick: list[str] = []
    """Providers that answer fast (decision 39): their calls share the workflows' queue."""
    gateway: str = "stripe"
    """Who moves the money; its name in ``provider_timeout``, ``local`` and its queue."""
    order: BookingOrder = BookingOrder.CONTRACT
    """In which order the items are booked (settings ``booking_order``)."""
    task_queue: str = "trips"
    """The workflows' queue; a slow supplier's queue is ``{task_queue}-{supplier}``."""
    heartbeat: float = 6
    """A worker that dies during a call is noticed within this time, however slow the supplier."""
    retry_initial: float = 0.5
    step_deadline: float = 180
    undo_attempts: int = 12
    authentication_deadline: float = 900

    @model_serializer
    def _whole(self) -> dict[str, Any]:
        """Write defaults as well, where payloads go without: another version may have others."""
        return dict(self)

    def queue(self, supplier: str) -> str:
        """Return the task queue of a supplier, where it holds up no other when it is slow."""
        return f"{self.task_queue}-{supplier}"
