"""Looking, checking and holding: what is free, at which price."""

import datetime as dt
from typing import Any

from fastapi import Request, Response

from sandbox.amounts import raised
from sandbox.faults import Fault
from sandbox.viator import messages
from sandbox.viator.catalogue import (
    AGE_BANDS,
    BILLING_CURRENCIES,
    OPTION,
    Product,
    policy,
    product_of,
    stamp,
)
from sandbox.viator.ledger import MANUAL_CONFIRMATION, SUPPLIER, ledger_of, start_of
from sandbox.world import Answer, World

_CREATED = dt.datetime(2019, 4, 3, 2, 54, 29, tzinfo=dt.UTC)


class Shop:
    """Answers what a buyer asks before booking; every public method is one path."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ledger = ledger_of(world)

    async def product(self, request: Request) -> Response:
        """Product content: neither faulty nor logged, for merchants keep a copy of it."""
        product = product_of(request.path_params["code"])
        if product is None:
            return self._error(404, "NOT_FOUND", "The product does not exist").response()
        return Answer(200, _content(product)).response()

    async def check(self, request: Request, asked: messages.Check) -> Response:
        """Real-time availability and price of every start of a day."""

        async def commit(fault: Fault | None) -> Answer:
            product = product_of(asked.product_code)
            if product is None:
                return self._error(404, "NOT_FOUND", "No bookable items found for the request")
            if asked.currency not in BILLING_CURRENCIES:
                return self._error(400, "BAD_REQUEST", "Unsupported currency")
            times = [asked.start_time] if asked.start_time else list(product.times)
            drift = fault is not None and fault.kind == "price_drift"
            return self._checked(
                asked, [self._item(asked, product, time, drift=drift) for time in times]
            )

        def refuse() -> Answer:
            product = product_of(asked.product_code)
            gone = _named(product, asked.start_time or (product.times[0] if product else None))
            reason = {"available": False, "unavailableReason": "SOLD_OUT"}
            return self._checked(asked, [{**gone, **reason}])

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="quote",
            reference=None,
            request=request,
            commit=commit,
            refuse=refuse,
            error=self._internal_error,
        )

    def _checked(self, asked: messages.Check, items: list[dict[str, Any]]) -> Answer:
        return Answer(
            200,
            {
                "currency": asked.currency,
                "productCode": asked.product_code,
                "travelDate": asked.travel_date.isoformat(),
                "bookableItems": items,
            },
        )

    def _item(
        self, asked: messages.Check, product: Product, time: str | None, *, drift: bool
    ) -> dict[str, Any]:
        item = _named(product, time)
        reason = self._reason(asked, product, time)
        if reason == "NOT_OPERATING":
            return {**item, "available": False, "unavailableReason": reason}
        start = start_of(asked, product, time)
        prices = start.price_fields(raised(start.price) if drift else start.price)
        if reason is not None:
            return {**item, **prices, "available": False, "unavailableReason": reason}
        left = self._ledger.left(product, asked.travel_date, time)
        return {**item, **prices, "available": True, "capacity": {"remainingCapacity": left}}

    def _reason(self, asked: messages.Check, product: Product, time: str | None) -> str | None:
        known = (None, product.option or "DEFAULT")
        if time not in product.times or asked.product_option_code not in known:
            return "NOT_OPERATING"
        if product.starts(asked.travel_date, time) <= self._world.now():
            return "PAST_BOOKING_CUTOFF"
        if self._ledger.left(product, asked.travel_date, time) < asked.travelers:
            return "SOLD_OUT"
        return None

    async def hold(self, request: Request, asked: messages.Check) -> Response:
        """Hold the price for five minutes; places are not held."""

        async def commit(fault: Fault | None) -> Answer:
            product = product_of(asked.product_code)
            if product is None or asked.start_time not in product.times:
                return self._error(404, "NOT_FOUND", "No bookable items found for the request")
            if asked.currency not in BILLING_CURRENCIES:
                return self._error(400, "BAD_REQUEST", "Unsupported currency")
            if self._reason(asked, product, asked.start_time) is not None:
                return self._unavailable()
            start = start_of(asked, product, asked.start_time)
            drift = fault is not None and fault.kind == "price_drift"
            reference, held = self._ledger.hold(
                start, raised(start.price) if drift else start.price
            )
            return Answer(
                200,
                {
                    "bookingRef": reference,
                    "bookingHoldInfo": {
                        "availability": {"status": "HOLD_NOT_PROVIDED"},
                        "pricing": {"status": "HOLDING", "validUntil": stamp(held.until)},
                    },
                    "currency": start.currency,
                    **start.price_fields(held.price),
                },
            )

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="quote",
            reference=None,
            request=request,
            commit=commit,
            refuse=self._unavailable,
            error=self._internal_error,
        )

    def _unavailable(self) -> Answer:
        return self._error(404, "NOT_FOUND", "The bookable item is not available")

    def _internal_error(self) -> Answer:
        return self._error(500, "INTERNAL_SERVER_ERROR", "Internal Server Error")

    def _error(self, status: int, code: str, message: str) -> Answer:
        return messages.error(status, code, message, self._world.now())


def _named(product: Product | None, time: str | None) -> dict[str, Any]:
    """Return what names a start: what it does not have is left out."""
    option = product.option if product else OPTION
    named = {"productOptionCode": option, "startTime": time}
    return {name: value for name, value in named.items() if value is not None}


def _content(product: Product) -> dict[str, Any]:
    guides = [{"type": "GUIDE", "language": "en"}]
    option = {"productOptionCode": OPTION, "title": product.title, "languageGuides": guides}
    confirmation: dict[str, Any] = {"confirmationType": "INSTANT"}
    if product.manual:
        minutes = max(1, int(MANUAL_CONFIRMATION.total_seconds() // 60))
        confirmation = {"confirmationType": "MANUAL", "manualConfirmationPeriod": minutes}
    return {
        "status": "ACTIVE",
        "productCode": product.code,
        "language": "en",
        "createdAt": stamp(_CREATED),
        "lastUpdatedAt": stamp(_CREATED),
        "title": product.title,
        "supplier": {"name": product.operator},
        "timeZone": product.zone,
        "pricingInfo": {"type": "PER_PERSON", "ageBands": list(AGE_BANDS)},
        "bookingConfirmationSettings": confirmation,
        "bookingRequirements": {"minTravelersPerBooking": 1, "maxTravelersPerBooking": 15},
        "bookingQuestions": list(product.questions),
        "languageGuides": guides,
        **({"productOptions": [option]} if product.option else {}),
        "logistics": {
            "start": [
                {
                    "location": {"ref": f"LOC-{product.code}"},
                    "description": product.meeting_point,
                }
            ],
            "travelerPickup": {
                "pickupOptionType": "MEET_EVERYONE_AT_START_POINT",
                "allowCustomTravelerPickup": False,
            },
        },
        "itinerary": {
            "duration": {"fixedDurationInMinutes": int(product.duration.total_seconds() // 60)}
        },
        "cancellationPolicy": policy(product, None, None),
    }
