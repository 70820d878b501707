"""Temporary bookings, carts that make them real, looking and cancelling."""

import datetime as dt

from fastapi import Request, Response

from sandbox.amounts import major
from sandbox.faults import Fault
from sandbox.getyourguide import messages
from sandbox.getyourguide.catalogue import START_TIMES, stamp, tour_of_option
from sandbox.getyourguide.ledger import RESERVATION, SUPPLIER, Start, ledger_of
from sandbox.world import Answer, ReservationRecord, World


class Bookings:
    """Answers about bookings and carts; every public method is one path."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ledger = ledger_of(world)

    async def book(self, request: Request, asked: messages.Book) -> Response:
        """Put a temporary booking into a cart. There is no idempotency: a repeat makes another."""
        bookable = asked.data.booking.bookable

        async def commit(fault: Fault | None) -> Answer:
            start = self._start(asked)
            if isinstance(start, Answer):
                return start
            if fault is not None and fault.kind == "price_drift":
                self._ledger.drift(start)
            cart_hash = asked.data.booking.shopping_cart_hash
            cart = self._ledger.cart(cart_hash) if cart_hash else None
            if cart_hash and cart is None:
                return self._error(404, messages.NOT_FOUND, "The shopping cart does not exist")
            if cart is not None and cart["status"] != "open":
                return self._error(400, messages.CLOSED_CART, "The shopping cart is not open")
            if self._ledger.left(start.tour, start.local) < start.people:
                return self._sold_out()
            price = self._ledger.price(start)
            if major(price, start.currency) != bookable.price:
                message = f"The price is {major(price, start.currency)}, not {bookable.price}"
                return self._error(400, messages.OTHER_PRICE, message)
            short = fault is not None and fault.kind == "short_hold"
            lasts = dt.timedelta(seconds=fault.seconds) if fault and short else RESERVATION
            until = self._world.now() + lasts
            record = self._ledger.hold(start, bookable, cart_hash, until)
            held_in = self._ledger.cart(record.data["cart"])
            assert held_in is not None
            body = {
                "shopping_cart_id": held_in["id"],
                "shopping_cart_hash": held_in["hash"],
                "booking_id": record.data["number"],
                "booking_hash": record.id,
                "status": "temp",
                "return_code": 0,
                "reservation_expires_at": stamp(until),
            }
            # Nothing is owed for what is temporary: no effect before the cart is confirmed.
            return self._data({"bookings": body}, extra={"id": record.id, "step": "hold"})

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="book",
            reference=bookable.external_reference_id,
            request=request,
            commit=commit,
            refuse=self._sold_out,
            error=messages.internal_error,
        )

    def _start(self, asked: messages.Book) -> Start | Answer:
        bookable = asked.data.booking.bookable
        tour = tour_of_option(bookable.option_id)
        if tour is None:
            return self._error(404, messages.NOT_FOUND, "The option does not exist")
        local = bookable.datetime.replace(tzinfo=None)
        if local.time().isoformat() not in START_TIMES:
            return self._error(400, messages.BAD_REQUEST, "There is no such start")
        if [category.category_id for category in bookable.categories] != [tour.category_id]:
            return self._error(400, messages.BAD_REQUEST, "There is no such category")
        answered = bookable.questions.get("participant_questions") or []
        named = [one for one in answered if (one.get("participant_answers") or {}).get(
            "traveler_name")]  # fmt: skip
        if len(named) != bookable.people or not bookable.questions.get("conduction_language"):
            return self._error(400, messages.BAD_REQUEST, "Mandatory questions are not answered")
        if tour.starts(local) <= self._world.now():
            return self._sold_out()
        return Start(tour, local, bookable.people, asked.base_data.currency)

    async def confirm(self, request: Request, asked: messages.Confirm) -> Response:
        """Confirm a cart: from here on it costs."""
        sent_cart = asked.data.shopping_cart
        cart = self._ledger.cart(sent_cart.shopping_cart_hash)
        records = self._ledger.in_cart(cart) if cart else []
        reference = next((record.reference for record in records), None)

        async def commit(fault: Fault | None) -> Answer:
            if cart is None:
                return self._error(404, messages.NOT_FOUND, "The shopping cart does not exist")
            temporary = [one for one in self._ledger.in_cart(cart) if one.status == "temp"]
            if fault is not None and fault.kind == "price_drift":
                # The price that was held does not stand: the cart is of no use any more.
                for record in temporary:
                    self._ledger.end(record, "deleted")
                cart["status"] = "invalid"
                self._ledger.keep_cart(cart)
                temporary = []
            if cart["status"] != "open" or not temporary:
                return self._error(
                    400, messages.CLOSED_CART, "The shopping cart cannot be confirmed"
                )
            if {record.currency for record in temporary} != {asked.base_data.currency}:
                return self._error(400, messages.BAD_REQUEST, "The cart is in another currency")
            for record in temporary:
                self._ledger.check_out(record)
            cart["status"] = "completed"
            shown = self._ledger.shown_cart(cart, sent_cart)
            self._ledger.keep_cart(cart)
            shown["payment_info"] |= {"invoice_reference": f"GCI-{cart['id']:010d}"}
            return self._data(
                shown,
                effect="created",
                extra={"id": temporary[0].id, "amount": sum(one.price for one in temporary)},
            )

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="complete",
            reference=reference,
            request=request,
            commit=commit,
            refuse=lambda: self._error(400, messages.NOT_AVAILABLE, "The booking was not accepted"),
            error=messages.internal_error,
        )

    async def show(self, request: Request) -> Response:
        """Show a booking."""
        record = self._record(request)

        async def commit(_: Fault | None) -> Answer:
            if record is None:
                return self._unknown()
            self._ledger.settle(record)
            return Answer(200, {"booking": self._ledger.shown(record)})

        return await self._serve_look(request, record, commit)

    async def show_cart(self, request: Request) -> Response:
        """Show a cart."""
        cart = self._ledger.cart(request.path_params["shopping_cart_hash"])
        records = self._ledger.in_cart(cart) if cart else []

        async def commit(_: Fault | None) -> Answer:
            if cart is None:
                return self._unknown()
            return self._data({"shopping_cart": self._ledger.shown_cart(cart)})

        return await self._serve_look(request, records[0] if records else None, commit)

    async def _serve_look(
        self, request: Request, record: ReservationRecord | None, commit: object
    ) -> Response:
        return await self._world.serve(
            supplier=SUPPLIER,
            operation="find",
            reference=record.reference if record else None,
            request=request,
            commit=commit,  # type: ignore[arg-type]
            refuse=messages.too_many,
            error=messages.internal_error,
        )

    async def cancel(self, request: Request) -> Response:
        """Cancel a booking, or take a temporary one out of its cart."""
        record = self._record(request)

        async def commit(_: Fault | None) -> Answer:
            if record is None:
                return self._unknown()
            self._ledger.settle(record)
            start = self._ledger.start_of(record)
            if record.status == "temp":
                self._ledger.end(record, "deleted")
                return self._gone(record, "released")
            if not record.live:
                return self._error(400, messages.NOT_CANCELLABLE, f"The booking is {record.status}")
            if not start.tour.policy["cancellable"] or start.at <= self._world.now():
                return self._error(400, messages.NOT_CANCELLABLE, "The booking is not cancellable")
            self._ledger.end(record, "canceled")
            return self._gone(record, "cancelled")

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="cancel",
            reference=record.reference if record else None,
            request=request,
            commit=commit,
            refuse=lambda: self._error(
                400, messages.NOT_CANCELLABLE, "The booking is not cancellable"
            ),
            error=messages.internal_error,
        )

    def _gone(self, record: ReservationRecord, effect: str) -> Answer:
        cart = self._ledger.cart(record.data["cart"])
        body = {
            "shopping_cart_id": cart["id"] if cart else 0,
            "shopping_cart_hash": record.data["cart"],
            "booking_id": record.data["number"],
            "booking_hash": record.id,
            "booking_status": record.status,
            "return_code": 0,
        }
        extra = {"id": record.id, "amount": record.price}
        return Answer(200, {"data": {"bookings": body}}, effect=effect, extra=extra)

    def _record(self, request: Request) -> ReservationRecord | None:
        return self._world.reservations.get(SUPPLIER, request.path_params["booking_hash"])

    def _data(
        self,
        data: dict[str, object],
        *,
        effect: str = "none",
        extra: dict[str, object] | None = None,
    ) -> Answer:
        body = {"_metadata": messages.metadata(self._world.now()), "data": data}
        return Answer(200, body, effect=effect, extra=extra or {})

    def _sold_out(self) -> Answer:
        return self._error(400, messages.NOT_AVAILABLE, "The activity is not available any more")

    def _unknown(self) -> Answer:
        return self._error(404, messages.NOT_FOUND, "Not found")

    def _error(self, status: int, code: int, message: str) -> Answer:
        return messages.error(status, code, message, self._world.now())
