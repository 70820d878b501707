"""Finding orders at Duffel: by id, by our reference, by offer; and whether one was never made."""

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlencode

from models.core.errors import ProviderError, Retryable
from models.core.paths import segment
from models.core.supply import Reservation, ReservationStatus
from suppliers.core.answers import JsonAnswer, Model
from suppliers.duffel.errors import read_failure
from suppliers.duffel.orders import (
    REFERENCE,
    Deliveries,
    EventAnswer,
    Order,
    OrderAnswer,
    OrderList,
)
from suppliers.duffel.requests import NAME

Call = Callable[[str, str, str], Awaitable[JsonAnswer]]
"""Sends method and path for an operation; reads only."""

_PAGE: Final = 50
_MAX_PAGES: Final = 100
_CLOCK_SKEW: Final = dt.timedelta(minutes=5)
_FAILED: Final = "order.creation_failed"
_MAX_EVENTS: Final = 20


class Lookup:
    """The reading half of the adapter. Every method raises ``Retryable`` without an answer."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def order(self, order_id: str, operation: str) -> tuple[Order, JsonAnswer]:
        """Return an order by its id."""
        path = f"/air/orders/{segment(order_id, provider=NAME, operation=operation)}"
        answer = await self._call("GET", path, operation)
        order = _read(answer, OrderAnswer).data
        if order.id != order_id:
            raise answer.unsettled(f"Duffel answered order {order.id}, not {order_id}")
        return order, answer

    async def by_reference(
        self, reference: str, since: dt.datetime, operation: str
    ) -> Reservation | None:
        """Return what was ordered under our reference since (UTC), a live order if any."""
        ids = await self._listed(reference, since, operation)
        found = [await self.order(identity, operation) for identity in ids]
        found.sort(key=lambda pair: pair[0].status is ReservationStatus.CANCELLED)
        if not found:
            return None
        order, answer = found[0]
        if order.reference != reference:
            raise answer.unsettled("the order listed under our reference carries another")
        reservation = reservation_of(order, reference, answer)
        others = [o.id for o, _ in found[1:] if o.status is not ReservationStatus.CANCELLED]
        if others:
            # Never expected; an operator must see it rather than the first of them alone.
            details = {**reservation.details, "also_live": others}
            reservation = reservation.model_copy(update={"details": details})
        return reservation

    async def on_offer(self, offer_id: str, operation: str) -> list[tuple[Order, JsonAnswer]]:
        """Return the orders made of an offer, whoever made them."""
        query = urlencode({"offer_id": offer_id, "limit": _PAGE})
        answer = await self._call("GET", f"/air/orders?{query}", operation)
        return [await self.order(listed.id, operation) for listed in _read(answer, OrderList).data]

    async def accepted(
        self, reservation: Reservation, operation: str
    ) -> tuple[Order, JsonAnswer] | ReservationStatus:
        """Return what became of an order that was only accepted, known by its offer.

        PENDING while nothing is known; REJECTED when Duffel has told that it was not made.
        """
        offer_id = reservation.supplier_id
        for order, answer in await self.on_offer(offer_id, operation):
            if order.reference == reservation.reference:
                return order, answer
        since = str(reservation.details.get("asked_at", ""))
        if await self._has_failed(offer_id, reservation.reference, since, operation):
            return ReservationStatus.REJECTED
        return ReservationStatus.PENDING

    async def _listed(self, reference: str, since: dt.datetime, operation: str) -> list[str]:
        found: list[str] = []
        query: dict[str, str | int] = {"limit": _PAGE}
        for _ in range(_MAX_PAGES):
            answer = await self._call("GET", f"/air/orders?{urlencode(query)}", operation)
            page = _read(answer, OrderList)
            found += [o.id for o in page.data if (o.metadata or {}).get(REFERENCE) == reference]
            # Newest first: after a whole page from before the first attempt nothing can follow.
            recent = any(
                order.created_at is None or order.created_at >= since - _CLOCK_SKEW
                for order in page.data
            )
            if page.after is None or not recent:
                return [*dict.fromkeys(found)]
            query["after"] = page.after
        raise answer.failure(Retryable, "the list of orders does not end")

    async def _has_failed(self, offer_id: str, reference: str, since: str, operation: str) -> bool:
        """Tell whether Duffel has announced that an order could not be made.

        Nothing else says so: an order that fails has no id. Events are read back from Duffel, so
        that a look needs no webhook to have reached us.
        """
        query = {"type": _FAILED, "limit": str(_PAGE)} | (
            {"created_at[after]": since} if since else {}
        )
        answer = await self._call("GET", f"/air/webhooks/deliveries?{urlencode(query)}", operation)
        deliveries = _read(answer, Deliveries).data
        for event_id in [*dict.fromkeys(one.event_id for one in deliveries)][:_MAX_EVENTS]:
            path = f"/air/webhooks/events/{segment(event_id, provider=NAME, operation=operation)}"
            event = _read(await self._call("GET", path, operation), EventAnswer).data
            if event.type == _FAILED and event.is_about(offer_id, reference):
                return True
        return False


def reservation_of(
    order: Order, reference: str, answer: JsonAnswer, known: Reservation | None = None
) -> Reservation:
    """Return an order as a reservation under our reference.

    ``known`` is what we had of it: what the order does not repeat is kept from there.

    Raises:
        UnknownOutcome, Retryable: it lacks a price or a booking reference, and nothing is known.
    """
    held = order.status is ReservationStatus.HELD
    code = order.booking_reference or (known and known.confirmation_code)
    if not code and known is None:
        raise answer.unsettled(
            f"Duffel states no booking_reference of order {order.id}", code="malformed_answer"
        )
    try:
        price = order.price(answer)
    except ProviderError:
        if known is None:
            raise
        price = known.price
    changes = [one.id for one in order.airline_initiated_changes if one.action_taken is None]
    details = {
        "flights": str(order),
        "tickets": [document.unique_identifier for document in order.documents],
        **({"offer": order.offer_id} if order.offer_id else {}),
        **({"airline_changes": changes} if changes else {}),
    }
    return Reservation(
        reference=reference,
        supplier_id=order.id,
        confirmation_code=code or "",
        pnr=code or None,
        provider=order.airline,
        price=price,
        status=order.status,
        held_until=order.payment_status.held_until if held else None,
        starts_at=order.departs,
        ends_at=order.arrives,
        legs=order.legs or (known.legs if known else ()),
        details=details,
    )


def _read(answer: JsonAnswer, model: type[Model]) -> Model:
    if not answer.ok:
        raise read_failure(answer)
    return answer.parse(model)
