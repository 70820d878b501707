"""Orders that were booked: their details, and cancelling them."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import Request, Response

from sandbox.faults import Fault
from sandbox.ratehawk import messages
from sandbox.ratehawk.catalogue import (
    HOME_CURRENCY,
    SPARSE,
    colon,
    fee_steps,
    free_before,
    major,
    stay_of,
)
from sandbox.ratehawk.ledger import SUPPLIER, ledger_of, reference_of
from sandbox.ratehawk.messages import done, failed, internal_error, too_many
from sandbox.world import Answer, ReservationRecord, World

_SPARSE: dict[str, Any] = {
    "hotel_data": {"id": "test_hotel", "order_id": None},
    "rooms_data": [{"room_name": None, "guest_data": None}],
    "cancellation_info": {
        "free_cancellation_before": "2021-10-23T03:00:00:000000",
        "policies": None,
    },
    "supplier_data": None,
    "taxes": None,
}
"""What captured answers of ``order/info`` had instead: nulls, no hid, no guests."""


class Orders:
    """Answers about booked orders; every public method is one path."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ledger = ledger_of(world)
        self._cancelling: set[str] = set()

    async def info(self, request: Request, asked: messages.Info) -> Response:
        """Details of orders, as they were a moment ago."""
        ids = asked.search.partner_order_ids

        async def commit(_: Fault | None) -> Answer:
            found = [
                shown
                for order in (self._ledger.order(identity) for identity in ids)
                if order is not None and (shown := self._shown(order)) is not None
            ]
            size, number = int(asked.pagination.page_size), int(asked.pagination.page_number)
            return done(
                {
                    "current_page_number": number,
                    "found_orders": len(found),
                    "found_pages": -(-len(found) // size),
                    "orders": found[(number - 1) * size : number * size],
                }
            )

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="find",
            reference=reference_of(ids[0]),
            request=request,
            commit=commit,
            refuse=too_many,
            error=internal_error,
        )

    def _shown(self, order: ReservationRecord) -> dict[str, Any] | None:
        """Return an order as it was ``info_lag`` ago; None when it was not booked then."""
        then = self._world.now() - dt.timedelta(seconds=self._ledger.pace.info_lag)
        decided, cancelled = order.data["decided"], order.data["cancelled"]
        if decided is None or dt.datetime.fromisoformat(decided) > then:
            return None
        if order.status == "failed":
            return None
        gone = cancelled is not None and dt.datetime.fromisoformat(cancelled["at"]) <= then
        stay = stay_of(order.data["stay"])
        steps = fee_steps(stay, order.price)
        ends = [*(start for start, _ in steps[1:]), None]
        payable = cancelled["fee"] if gone else order.price

        def amount(value: int) -> dict[str, str]:
            return {"amount": major(value, order.currency), "currency_code": order.currency}

        shown = {
            "agreement_number": None,
            "order_id": order.data["order_id"],
            "partner_data": {"order_id": order.id, "order_comment": None},
            "status": "cancelled" if gone else "completed",
            "checkin_at": stay.checkin.isoformat(),
            "checkout_at": stay.checkout.isoformat(),
            "created_at": colon(dt.datetime.fromisoformat(order.data["created"])),
            "cancelled_at": colon(dt.datetime.fromisoformat(cancelled["at"])) if gone else None,
            "hotel_data": {"id": stay.hotel.slug, "hid": stay.hotel.hid, "order_id": None},
            "is_cancellable": not gone,
            "nights": len(stay.nights),
            "rooms_data": [
                {
                    "room_idx": 0,
                    "room_name": stay.room.name,
                    "meal_name": "nomeal",
                    "guest_data": {
                        "adults_number": stay.adults,
                        "children_number": len(stay.children),
                        "guests": order.data["guests"],
                    },
                }
            ],
            "amount_payable": amount(payable),
            "amount_refunded": amount(order.price - payable),
            "amount_sell": amount(order.price),
            "cancellation_info": {
                "free_cancellation_before": colon(free_before(stay, order.price)),
                "policies": [
                    {"start_at": colon(start), "end_at": colon(end), "penalty": amount(fee)}
                    for (start, fee), end in zip(steps, ends, strict=True)
                ],
            },
            "payment_data": {"payment_type": "deposit"},
            "supplier_data": {
                "confirmation_id": str(order.data["order_id"] + 261_000_000),
                "name": "Extranet",
            },
            "taxes": [
                {
                    "name": "city_tax",
                    "is_included": False,
                    "amount_tax": {
                        "amount": major(stay.city_tax, HOME_CURRENCY),
                        "currency_code": HOME_CURRENCY,
                    },
                }
            ]
            if stay.city_tax
            else [],
        }
        return shown | _SPARSE if stay.hotel.hid == SPARSE else shown

    async def cancel(self, request: Request, asked: messages.ByOrder) -> Response:
        """Cancel a booked order at the fee of the moment."""
        identity = asked.partner_order_id

        @contextmanager
        def locked() -> Iterator[Answer | None]:
            if identity in self._cancelling:
                yield failed("lock")
                return
            self._cancelling.add(identity)
            try:
                yield None
            finally:
                self._cancelling.discard(identity)

        async def commit(_: Fault | None) -> Answer:
            order = self._ledger.order(identity)
            if order is None or order.status != "completed":
                return failed("order_not_found")
            begun = stay_of(order.data["stay"]).checkin <= self._world.now().date()
            if begun or order.data["final"] == "order_not_cancellable":
                return failed("order_not_cancellable")
            fee = self._ledger.fee(order)
            self._ledger.cancel(order, fee, by="partner")
            sums = {
                "amount_payable": fee,
                "amount_refunded": order.price - fee,
                "amount_sell": order.price,
            }
            return done(
                {
                    name: {
                        "amount": major(value, order.currency),
                        "amount_info": None,
                        "currency_code": order.currency,
                    }
                    for name, value in sums.items()
                },
                effect="cancelled",
                id=order.id,
                amount=order.price,
            )

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="cancel",
            reference=reference_of(identity),
            request=request,
            commit=commit,
            refuse=lambda: failed("order_not_cancellable"),
            error=internal_error,
            guard=locked,
        )
