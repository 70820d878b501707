"""Orders: made once of an offer request, listed newest first, shown."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import Request, Response

from sandbox.amounts import raised
from sandbox.duffel import asked as checks
from sandbox.duffel import messages, offers
from sandbox.duffel.ledger import ledger_of, reference_in
from sandbox.duffel.messages import SUPPLIER, Refused
from sandbox.faults import Fault
from sandbox.world import Answer, ReservationRecord, World

Json = dict[str, Any]

MOST: Final = 200
"""Orders on a page at most; 50 unless told."""


class Orders:
    """Answers about orders; every public method is one path."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ledger = ledger_of(world)

    async def create(self, request: Request, asked: Json) -> Response:
        """Answer ``POST /air/orders``: 201, or 202 while the airline is thinking."""
        reference = reference_in(asked)

        async def commit(fault: Fault | None) -> Answer:
            try:
                return self._order(asked, reference, fault)
            except Refused as refused:
                return refused.answer

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="book",
            reference=reference,
            request=request,
            commit=commit,
            refuse=messages.gone,
            error=messages.internal_error,
        )

    def _order(self, asked: Json, reference: str | None, fault: Fault | None) -> Answer:
        offer = offers.shelf(self._world).get(checks.offer_in(asked))
        if offer is None:
            return messages.not_found()
        taken = self._ledger.taken(offer)
        if taken == "attempted":
            return messages.failed(
                "order_creation_already_attempted",
                "Order creation has already been attempted for the provided offer",
                kind="invalid_state_error",
            )
        if taken is not None:
            return messages.failed(
                "offer_request_already_booked",
                "An offer from this offer request has already been booked",
            )
        if messages.stamp(self._world.now()) >= offer["offer"]["expires_at"]:
            return messages.failed(
                "offer_expired", "The offer has expired", kind="invalid_state_error"
            )
        if fault is not None and fault.kind == "price_drift":
            drift(self._world, offer)
            return messages.failed("price_changed", "The price has changed", kind="airline_error")
        checks.check(asked, offer)
        if self._ledger.left(offer) < offer["seats"]:
            return messages.gone()
        later = self._ledger.drawn(reference)
        if later is not None:
            self._ledger.accept(offer, asked, later)
            return messages.success(later.status, {})
        short = fault.seconds if fault is not None and fault.kind == "short_hold" else None
        record = self._ledger.make(offer, asked, kept_for=short)
        return messages.success(
            201,
            record.data["order"],
            effect="created",
            extra={"id": record.id, "amount": record.price},
        )

    async def show(self, request: Request, order_id: str) -> Response:
        """Answer ``GET /air/orders/{id}``."""
        record = self._ledger.record(order_id)
        shown = (
            messages.not_found() if record is None else messages.success(200, record.data["order"])
        )
        return await self._read(request, record, lambda: shown)

    async def list(self, request: Request) -> Response:
        """Answer ``GET /air/orders``: filters, and pages by cursor, newest first."""
        query = request.query_params

        def page() -> Answer:
            limit = query.get("limit", "50")
            if not limit.isascii() or not limit.isdecimal() or not 1 <= int(limit) <= MOST:
                return messages.failed("validation_inclusion", f"limit must be 1 to {MOST}")
            found = [r.data["order"] for r in self._ledger.newest_first() if _matches(r, request)]
            ids = [order["id"] for order in found]
            start = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
            shown = found[start : start + int(limit)]
            more = start + len(shown) < len(found)
            meta = {
                "limit": int(limit),
                "before": shown[0]["id"] if shown and start else None,
                "after": shown[-1]["id"] if more else None,
            }
            return messages.success(200, shown, meta=meta)

        return await self._read(request, None, page)

    async def _read(
        self, request: Request, record: ReservationRecord | None, shown: Callable[[], Answer]
    ) -> Response:
        async def commit(_: Fault | None) -> Answer:
            return shown()

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="find",
            reference=record.reference if record else None,
            request=request,
            commit=commit,
            refuse=messages.too_many,
            error=messages.internal_error,
        )


def drift(world: World, offer: Json) -> None:
    """Let an offer cost a tenth more from now on."""
    offer["price"] = raised(offer["price"])
    offer["offer"].update(offers.money(offer["price"], offer["currency"]))
    offers.shelf(world).put(offer["offer"]["id"], offer)


def _matches(record: ReservationRecord, request: Request) -> bool:
    query, order = request.query_params, record.data["order"]
    waiting = query.get("awaiting_payment")
    names = [name.casefold() for name in query.getlist("passenger_name[]")]
    people = [f"{p['given_name']} {p['family_name']}".casefold() for p in order["passengers"]]
    return (
        query.get("offer_id") in (None, order["offer_id"])
        and query.get("booking_reference") in (None, order["booking_reference"])
        and (waiting is None or (waiting == "true") == order["payment_status"]["awaiting_payment"])
        and all(any(name in person for person in people) for name in names)
    )
