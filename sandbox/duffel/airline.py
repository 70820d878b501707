"""What airlines do by themselves to orders: move their flights, or withdraw them."""

from typing import Any

from sandbox.duffel.events import tell
from sandbox.duffel.ledger import CANCELLED, ledger_of
from sandbox.duffel.messages import SUPPLIER, new_id, stamp
from sandbox.duffel.shapes import moved
from sandbox.effects import NO_ANSWER
from sandbox.world import ReservationRecord, World

Json = dict[str, Any]

_KIND = "order.airline_initiated_change_detected"


def change_schedule(world: World, record: ReservationRecord, minutes: int) -> Json:
    """Move all flights of an order by ``minutes``, and tell of it; returns the change.

    The order shows the flights as the airline has them now, and what they were in the change.
    """
    order = record.data["order"]
    before, after = order["slices"], moved(order["slices"], minutes)
    order["slices"], order["synced_at"] = after, stamp(world.now())
    return _told(world, record, removed=before, added=after)


def withdraw(world: World, record: ReservationRecord) -> Json:
    """Have the airline cancel an order, and tell of it; returns the change.

    † That an order is cancelled by its airline alone is told as a change that leaves no flights;
    here the order is cancelled with it, and everything is paid back.
    """
    now = stamp(world.now())
    order = record.data["order"]
    paid = order["payment_status"]["paid_at"] is not None
    cancellation: Json = {
        "id": new_id("ore_"),
        "order_id": record.id,
        "refund_amount": order["total_amount"] if paid else "0.00",
        "refund_currency": record.currency,
        "refund_to": "balance" if paid else "awaiting_payment",
        "airline_credits": [],
        "created_at": now,
        "expires_at": None,
        "confirmed_at": now,
        "live_mode": False,
    }
    ledger_of(world).end(record, CANCELLED)
    order.update({"cancelled_at": now, "cancellation": cancellation, "synced_at": now})
    order["payment_status"]["awaiting_payment"] = False
    world.log.append(SUPPLIER, "cancel", record.reference, "cancelled", NO_ANSWER, id=record.id)
    return _told(world, record, removed=order["slices"], added=[])


def _told(
    world: World, record: ReservationRecord, *, removed: list[Json], added: list[Json]
) -> Json:
    now = stamp(world.now())
    change: Json = {
        "id": new_id("aic_"),
        "order_id": record.id,
        "action_taken": None,
        "action_taken_at": None,
        "available_actions": ["accept", "cancel"],
        "removed": removed,
        "added": added,
        "travel_agent_ticket": None,
        "created_at": now,
        "updated_at": now,
    }
    order = record.data["order"]
    order["airline_initiated_changes"].append(change)
    tell(world, _KIND, {**change, "metadata": order["metadata"]}, change["id"])
    return change
