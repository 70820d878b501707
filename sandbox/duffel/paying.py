"""Paying held orders, and giving orders back."""

import datetime as dt
from typing import Any, Final

from fastapi import Request, Response

from sandbox.amounts import raised
from sandbox.duffel import asked as checks
from sandbox.duffel import messages, offers
from sandbox.duffel.events import tell
from sandbox.duffel.ledger import CANCELLED, CONFIRMED, HELD, LAPSED, PAID, ledger_of, tickets
from sandbox.duffel.messages import SUPPLIER, Refused
from sandbox.faults import Fault
from sandbox.world import Answer, ReservationRecord, World

Json = dict[str, Any]

REVIEW: Final = dt.timedelta(minutes=30)
"""How long a pending cancellation can be confirmed †."""


def _state(code: str, message: str) -> Answer:
    return messages.failed(code, message, kind="invalid_state_error")


def _schedule_changed() -> Answer:
    return _state("schedule_changed", "The airline has changed this order")


def _not_cancellable() -> Answer:
    return _state("order_not_cancellable", "The order cannot be cancelled")


class Paying:
    """Answers about payments and cancellations; every public method is one path."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ledger = ledger_of(world)

    # -- payments ---------------------------------------------------------------------------

    async def pay(self, request: Request, asked: Json) -> Response:
        """Answer ``POST /air/payments``."""
        order_id = str(asked.get("order_id"))
        record = self._ledger.record(order_id)

        async def commit(fault: Fault | None) -> Answer:
            try:
                # Read again: it may have changed while this request was held up.
                return self._pay(self._ledger.record(order_id), asked, fault)
            except Refused as refused:
                return refused.answer

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="complete",
            reference=record.reference if record else None,
            request=request,
            commit=commit,
            refuse=_schedule_changed,
            error=messages.internal_error,
        )

    def _pay(self, record: ReservationRecord | None, asked: Json, fault: Fault | None) -> Answer:
        if record is None:
            return messages.not_found()
        order = record.data["order"]
        match record.status:
            case _ if order["type"] != "hold":
                return messages.failed(
                    "order_type_not_eligible_for_payment", "Only held orders are paid for"
                )
            case "confirmed":
                return _state("already_paid", "The order has already been paid for")
            case "cancelled":
                return _state("already_cancelled", "The order has been cancelled")
            case "lapsed":
                return _state("past_payment_required_by_date", "payment_required_by has elapsed")
        if any(one["action_taken"] is None for one in order["airline_initiated_changes"]):
            return _schedule_changed()
        if fault is not None and fault.kind == "price_drift":
            record.price = raised(record.price)
            order.update(offers.money(record.price, record.currency))
            return messages.failed("price_changed", "The price of the order has changed")
        checks.check_payment(asked.get("payment"), record.price, record.currency)
        now = messages.stamp(self._world.now())
        record.status = CONFIRMED
        order["payment_status"] = {"paid_at": now, **PAID}
        order["documents"] = tickets(order["passengers"])
        payment = {
            "id": messages.new_id("pay_"),
            "order_id": record.id,
            "type": asked["payment"]["type"],
            "amount": asked["payment"]["amount"],
            "currency": asked["payment"]["currency"],
            "status": "succeeded",
            "created_at": now,
            "live_mode": False,
        }
        tell(self._world, "payment.created", payment, payment["id"])
        return messages.success(
            201, payment, effect="confirmed", extra={"id": record.id, "amount": record.price}
        )

    # -- cancellations ------------------------------------------------------------------------

    async def ask(self, request: Request, asked: Json) -> Response:  # noqa: ARG002
        """Answer ``POST /air/order_cancellations``: what would come back; nothing is cancelled.

        Logged, but faults of ``cancel`` hit the confirmation.
        """
        record = self._ledger.record(str(asked.get("order_id")))
        answer = self._ask(record)
        self._world.log.append(
            SUPPLIER,
            "cancel",
            record.reference if record else None,
            "none",
            answer.status,
            step="quote",
        )
        return answer.response()

    def _ask(self, record: ReservationRecord | None) -> Answer:
        if record is None:
            return messages.not_found()
        problem = self._problem(record)
        if problem is not None:
            return problem
        now = self._world.now()
        refund = self._refund(record)
        cancellation: Json = {
            "id": messages.new_id("ore_"),
            "order_id": record.id,
            "refund_amount": messages.amount(refund, record.currency),
            "refund_currency": record.currency,
            "refund_to": "awaiting_payment" if record.status == HELD else "balance",
            "airline_credits": [],
            "created_at": messages.stamp(now),
            "expires_at": messages.stamp(now + REVIEW),
            "confirmed_at": None,
            "live_mode": False,
        }
        self._world.shelf("duffel_cancellations").put(cancellation["id"], cancellation)
        record.data["cancellation"] = cancellation["id"]
        tell(self._world, "order_cancellation.created", cancellation, cancellation["id"])
        return messages.success(201, cancellation)

    def _problem(self, record: ReservationRecord) -> Answer | None:
        if record.status in (CANCELLED, LAPSED):
            return _state("already_cancelled", "The order has already been cancelled")
        if dt.datetime.fromisoformat(record.data["departs"]) <= self._world.now():
            return _not_cancellable()
        return None

    def _refund(self, record: ReservationRecord) -> int:
        if record.status == HELD or record.data["penalty"] is None:
            return 0
        return max(record.price - int(record.data["penalty"]), 0)

    async def confirm(self, request: Request, cancellation_id: str) -> Response:
        """Answer ``POST /air/order_cancellations/{id}/actions/confirm``."""
        asked = self._world.shelf("duffel_cancellations").get(cancellation_id)
        about = self._ledger.record(asked["order_id"]) if asked else None

        async def commit(_: Fault | None) -> Answer:
            record = self._ledger.record(asked["order_id"]) if asked else None
            if record is None or asked is None:
                return messages.not_found()
            problem = self._problem(record)
            if problem is not None:
                return problem
            now = messages.stamp(self._world.now())
            if record.data.get("cancellation") != cancellation_id or asked["expires_at"] <= now:
                return _state("order_cancellation_stale", "Another cancellation is newer")
            done = {**asked, "confirmed_at": now}
            self._world.shelf("duffel_cancellations").put(cancellation_id, done)
            self._ledger.end(record, CANCELLED)
            order = record.data["order"]
            order.update({"cancelled_at": now, "cancellation": done})
            order["payment_status"]["awaiting_payment"] = False
            tell(self._world, "order_cancellation.confirmed", done, f"{cancellation_id}-confirmed")
            return messages.success(
                200, done, effect="cancelled", extra={"id": record.id, "amount": record.price}
            )

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="cancel",
            reference=about.reference if about else None,
            request=request,
            commit=commit,
            refuse=_not_cancellable,
            error=messages.internal_error,
        )
