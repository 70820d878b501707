"""Booking, looking bookings up and cancelling them."""

from collections import Counter

from fastapi import Request, Response

from sandbox.faults import Fault
from sandbox.viator import messages
from sandbox.viator.catalogue import BILLING_CURRENCIES, product_of
from sandbox.viator.ledger import SUPPLIER, ledger_of, start_of
from sandbox.world import Answer, ReservationRecord, World

_REASONS = {
    "Customer_Service.I_canceled_my_entire_trip": "I canceled my entire trip",
    "Customer_Service.Booked_wrong_tour_date": "Booked wrong tour date",
    "Customer_Service.Unexpected_medical_circumstances": "Unexpected medical circumstances",
    "Customer_Service.Duplicate_Booking": "Duplicate Booking",
    "Customer_Service.Weather": "Weather",
    "Customer_Service.Supplier_no_show": "Supplier No Show",
}


class Bookings:
    """Answers about bookings; every public method is one path."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ledger = ledger_of(world)

    async def book(self, request: Request, asked: messages.Book) -> Response:
        """Book under the partner's reference, which books once: a repeat shows what it booked."""
        auto_confirm = request.headers.get("exp-demo", "false").lower() == "true"

        async def commit(fault: Fault | None) -> Answer:
            existing = self._world.reservations.find(SUPPLIER, asked.partner_booking_ref)
            if existing is not None:
                self._ledger.settle(existing)
                return Answer(200, self._ledger.shown(existing), extra={"id": existing.id})
            problem = self._problem(asked)
            if problem is not None:
                return problem
            product = product_of(asked.product_code)
            assert product is not None
            start = start_of(asked, product, asked.start_time)
            if fault is not None and fault.kind == "price_drift":
                # The held price does not stand: it would have to be booked at another.
                return self._rejected(asked, "OTHER")
            if start.at <= self._world.now() or (
                self._ledger.left(product, start.date, start.time) < start.travelers
            ):
                return self._rejected(asked, "BOOKABLE_ITEM_IS_NO_LONGER_AVAILABLE")
            held = self._ledger.holds.pop(asked.booking_ref or "", None)
            still = held is not None and held.start == start and held.until > self._world.now()
            price = held.price if held is not None and still else start.price
            record = self._ledger.book(start, price, asked, auto_confirm=auto_confirm)
            return Answer(
                200,
                self._ledger.shown(record),
                effect="created",
                extra={"id": record.id, "amount": record.price},
            )

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="book",
            reference=asked.partner_booking_ref,
            request=request,
            commit=commit,
            refuse=lambda: self._rejected(asked, "BOOKABLE_ITEM_IS_NO_LONGER_AVAILABLE"),
            error=self._internal_error,
        )

    def _problem(self, asked: messages.Book) -> Answer | None:
        product = product_of(asked.product_code)
        known = (None, product.option or "DEFAULT") if product else ()
        if product is None or asked.product_option_code not in known:
            return self._error(400, "BAD_REQUEST", "There is no such product or option")
        if asked.start_time not in product.times:
            return self._error(400, "BAD_REQUEST", "startTime is missing or unknown")
        if asked.currency not in BILLING_CURRENCIES:
            return self._error(400, "BAD_REQUEST", "Unsupported currency")
        if asked.language_guide is None:
            return self._error(400, "BAD_REQUEST", "Language guide required")
        answered = {
            (answer.question, answer.traveler_num) for answer in asked.booking_question_answers
        }
        for question in product.questions:
            whole_party = question == "PICKUP_POINT"
            for traveler in (None,) if whole_party else range(1, asked.travelers + 1):
                if (question, traveler) not in answered:
                    message = f"Booking question {question} of traveler {traveler} is not answered"
                    return self._error(400, "BAD_REQUEST", message)
        answers = asked.booking_question_answers
        if Counter(a.answer for a in answers if a.question == "AGEBAND") != dict(asked.mix):
            return self._error(400, "BAD_REQUEST", "The age bands are not those of the paxMix")
        return None

    def _rejected(self, asked: messages.Book, reason: str) -> Answer:
        return Answer(
            200,
            {
                "status": "REJECTED",
                "rejectionReasonCode": reason,
                "bookingRef": asked.booking_ref or self._ledger.new_reference(),
                "partnerBookingRef": asked.partner_booking_ref,
            },
        )

    async def status(self, request: Request, asked: messages.Status) -> Response:
        """Show a booking; a hold is none."""
        if asked.partner_booking_ref is not None:
            record = self._world.reservations.find(SUPPLIER, asked.partner_booking_ref)
        else:
            record = self._world.reservations.get(SUPPLIER, asked.booking_ref or "")
        reference = asked.partner_booking_ref or (record.reference if record else None)

        async def commit(_: Fault | None) -> Answer:
            if record is None:
                return self._error(404, "NOT_FOUND", "The booking does not exist")
            self._ledger.settle(record)
            return Answer(200, self._ledger.status(record))

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="find",
            reference=reference,
            request=request,
            commit=commit,
            error=self._internal_error,
            refuse=lambda: self._error(429, "TOO_MANY_REQUESTS", "Too many requests"),
        )

    async def cancel_reasons(self, _: Request) -> Response:
        """The reasons a customer may give."""
        reasons = [
            {"cancellationReasonText": text, "cancellationReasonCode": code}
            for code, text in _REASONS.items()
        ]
        return Answer(200, {"reasons": reasons}).response()

    async def cancel_quote(self, request: Request) -> Response:
        """What a cancellation would bring back. Logged, but faults of ``cancel`` hit the cancel."""
        record = self._world.reservations.get(SUPPLIER, request.path_params["ref"])
        if record is None:
            answer = self._error(404, "NOT_FOUND", "The booking does not exist")
        else:
            self._ledger.settle(record)
            answer = Answer(200, {"bookingId": record.id, "status": self._cancellable(record)})
            if answer.body["status"] == "CANCELLABLE":
                answer.body["refundDetails"] = self._ledger.refund(record)
        self._world.log.append(
            SUPPLIER,
            "cancel",
            record.reference if record else None,
            "none",
            answer.status,
            step="quote",
        )
        return answer.response()

    def _cancellable(self, record: ReservationRecord) -> str:
        if not record.live:
            return "CANCELLED"
        begun = self._ledger.start_of(record).at <= self._world.now()
        return "NOT_CANCELLABLE" if begun else "CANCELLABLE"

    async def cancel(self, request: Request, asked: messages.Cancel) -> Response:
        """Cancel a booking."""
        record = self._world.reservations.get(SUPPLIER, request.path_params["ref"])

        def declined(reason: str) -> Answer:
            ref = request.path_params["ref"]
            return Answer(200, {"bookingId": ref, "status": "DECLINED", "reason": reason})

        async def commit(_: Fault | None) -> Answer:
            if record is None:
                return self._error(404, "NOT_FOUND", "The booking does not exist")
            if asked.reason_code not in _REASONS:
                return self._error(400, "BAD_REQUEST", "Invalid reason code")
            match self._cancellable(record):
                case "CANCELLED":
                    return declined("ALREADY_CANCELLED")
                case "NOT_CANCELLABLE":
                    return declined("NOT_CANCELLABLE")
            self._ledger.cancel(record)
            return Answer(
                200,
                {"bookingId": record.id, "status": "ACCEPTED"},
                effect="cancelled",
                extra={"id": record.id, "amount": record.price},
            )

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="cancel",
            reference=record.reference if record else None,
            request=request,
            commit=commit,
            refuse=lambda: declined("NOT_CANCELLABLE"),
            error=self._internal_error,
        )

    def _internal_error(self) -> Answer:
        return self._error(500, "INTERNAL_SERVER_ERROR", "Internal Server Error")

    def _error(self, status: int, code: str, message: str) -> Answer:
        return messages.error(status, code, message, self._world.now())
