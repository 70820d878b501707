"""Ordering, looking orders up and cancelling them."""

import datetime as dt

from fastapi import Request, Response

from sandbox.booking_com import messages
from sandbox.booking_com.catalogue import ADDRESSED
from sandbox.booking_com.ledger import SUPPLIER, TOKEN_LIFE, Preview, ledger_of
from sandbox.booking_com.messages import done, failed, internal_error, sold_out, too_many
from sandbox.faults import Fault
from sandbox.world import Answer, World

_WEEK = dt.timedelta(days=7)


class Orders:
    """Answers about orders; every public method is one path."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ledger = ledger_of(world)

    async def create(self, request: Request, asked: messages.Create) -> Response:
        """Order what was previewed. A token works once; there is no other idempotency."""

        async def commit(fault: Fault | None) -> Answer:
            existing = self._ledger.order_of(asked.order_token)
            if existing is not None:
                return failed(
                    409,
                    "duplicate_request",
                    "This order has been created already.",
                    reservation=existing.data["reservation"],
                    order=existing.id,
                )
            preview = self._ledger.previews.get(asked.order_token)
            if preview is None:
                return failed(400, "invalid_token", "The order token is not valid.")
            if self._world.now() - preview.issued > TOKEN_LIFE:
                return failed(400, "expired_token", "The order token has expired.")
            if fault is not None and fault.kind == "price_drift":
                # A token holds its price; when the price moves, the token is withdrawn.
                del self._ledger.previews[asked.order_token]
                self._ledger.drift(preview.stay)
                return failed(400, "expired_token", "The price has changed: preview again.")
            return self._order(asked, preview)

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="book",
            reference=asked.accommodation.label,
            request=request,
            commit=commit,
            refuse=sold_out,
            error=internal_error,
        )

    def _order(self, asked: messages.Create, preview: Preview) -> Answer:
        stay = preview.stay
        if asked.accommodation.products[0].id != stay.product:
            return failed(400, "conflicting_parameters", "The products are not the previewed ones.")
        offered = self._ledger.policies(stay, preview.price)["payment"]["timings"]
        if asked.payment.timing not in offered:
            return failed(400, "invalid_parameter", "This payment timing is not offered.")
        if stay.hotel.id == ADDRESSED and asked.booker.address is None:
            return failed(400, "missing_parameter", "Parameter 'booker.address' is missing.")
        if self._ledger.left(stay) < 1:
            return sold_out()
        record = self._ledger.book(
            asked.order_token, preview, asked.model_dump(mode="json", exclude_none=True)
        )
        return done(
            {
                "order": record.id,
                "accommodation": {
                    "reservation": str(record.data["reservation"]),
                    "pincode": record.data["pincode"],
                },
            },
            effect="created",
            id=record.id,
            amount=record.price,
        )

    async def details(self, request: Request, asked: messages.Details) -> Response:
        """List orders by a time range of at most a week, or by id; newest first."""

        async def commit(_: Fault | None) -> Answer:
            filters = [asked.created, asked.updated, asked.orders, asked.reservations]
            if sum(value is not None for value in filters) != 1:
                return failed(400, "conflicting_parameters", "Give exactly one filter.")
            now = self._world.now()
            span = asked.created or asked.updated
            if span is not None:
                end = span.to or min(span.from_ + _WEEK, now)
                if not dt.timedelta() <= end - span.from_ <= _WEEK:
                    return failed(400, "invalid_parameter", "The range is longer than 7 days.")
            found = []
            for record in reversed(self._world.reservations.all(SUPPLIER)):
                if span is not None:
                    moment = record.data["created" if asked.created else "updated"]
                    fits = span.from_ <= dt.datetime.fromisoformat(moment) <= end
                else:
                    fits = record.id in (asked.orders or []) or str(record.data["reservation"]) in (
                        asked.reservations or []
                    )
                if fits:
                    found.append(record)
            start = int(asked.page or 0) if (asked.page or "0").isdecimal() else 0
            rest = found[start + asked.maximum_results :]
            page = found[start : start + asked.maximum_results]
            answer = done([self._ledger.summary(record, asked.currency) for record in page])
            answer.body["metadata"] = {
                "total_results": len(found),
                "next_page": str(start + asked.maximum_results) if rest else None,
            }
            return answer

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="find",
            reference=None,
            request=request,
            commit=commit,
            refuse=too_many,
            error=internal_error,
        )

    async def stays(self, request: Request, asked: messages.AccommodationDetails) -> Response:
        """Show orders of stays in full."""
        ids = asked.orders or []
        first = self._world.reservations.get(SUPPLIER, ids[0]) if ids else None

        async def commit(_: Fault | None) -> Answer:
            if (asked.orders is None) == (asked.reservations is None):
                return failed(400, "conflicting_parameters", "Give orders or reservations.")
            orders, reservations = set(ids), set(asked.reservations or [])
            return done(
                [
                    self._ledger.detail(record)
                    for record in reversed(self._world.reservations.all(SUPPLIER))
                    if record.id in orders or record.data["reservation"] in reservations
                ]
            )

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="find",
            reference=first.reference if first else None,
            request=request,
            commit=commit,
            refuse=too_many,
            error=internal_error,
        )

    async def cancel(self, request: Request, asked: messages.Cancel) -> Response:
        """Cancel an order; 409 when it is cancelled already or the stay has begun."""
        record = self._world.reservations.get(SUPPLIER, asked.order)

        async def commit(_: Fault | None) -> Answer:
            if record is None:
                return failed(404, "not_found", "There is no such order.")
            created = dt.datetime.fromisoformat(record.data["created"])
            if (self._world.now() - created).total_seconds() < self._ledger.cancellable_after:
                return failed(403, "forbidden", "The reservation cannot be cancelled yet.")
            if not record.live:
                return failed(409, "order_already_cancelled", "The order is cancelled already.")
            checkin = self._ledger.stay_of(record)[2]
            if checkin <= self._world.now().date():
                return failed(409, "order_not_cancellable", "The stay has begun.")
            self._ledger.cancel(record)
            return done(
                {"status": "successful"}, effect="cancelled", id=record.id, amount=record.price
            )

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="cancel",
            reference=record.reference if record else None,
            request=request,
            commit=commit,
            refuse=lambda: failed(409, "order_not_cancellable", "It cannot be cancelled any more."),
            error=internal_error,
        )
