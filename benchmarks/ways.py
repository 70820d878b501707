"""The ways to book that are compared: through the API, through the saga, and without either.

``Plain`` makes the same calls to the same suppliers with the same adapters, in the saga's order,
and remembers nothing: no workflow, no record, no attempt log. What the others take longer is what
durability costs; nothing can be faster without asking suppliers less.
"""

import asyncio
import time
import uuid
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
from temporalio.client import Client, WorkflowHandle
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)

from api.core.dispatch import Dispatch
from api.core.record import Record
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.core import search_attributes
from models.core.database import create_engine, create_sessions
from models.core.keys import (
    booking_id,
    booking_reference,
    item_reference,
    operation_key,
    traveler_id,
)
from models.core.money import Money
from models.core.patience import Patience
from models.core.people import Contact
from models.core.supply import ItemType, Quote, TripComponent
from models.trips.messages import BookTripRequest
from models.trips.option import TripOption
from payments.core.protocol import Gateway
from payments.registry import create_gateway
from settings import Settings
from suppliers.core.limiter import RateLimits
from suppliers.core.protocol import Party, Supplier
from suppliers.planner import TripPlanner
from suppliers.registry import create_suppliers
from workflows.trips.book_trip import BookTrip

CALLER = "00000000-0000-4000-8000-00000000be7c"
PAYMENT_METHOD = "pm_card_visa"
EMAIL = "ada@example.org"
GIVEN_UP_SECONDS = 90.0
STAGES = (ItemType.FLIGHT, ItemType.HOTEL, ItemType.ACTIVITY)


class NotBookedError(Exception):
    """A booking did not end CONFIRMED: what was measured would not be a booking."""


@dataclass(frozen=True)
class Booked:
    """One booking that was made."""

    booking_id: str
    quoting: float | None = None
    """Seconds that asking for quotes took, where the way can tell."""


class Way(Protocol):
    """A way to book a trip from the planner to its confirmation."""

    name: str

    async def book(self, trip: dict[str, Any]) -> Booked:
        """Book ``trip`` (the planner's JSON) and wait until it is confirmed.

        Raises:
            NotBookedError: it was not.
        """
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


class Saga:
    """The workflow, started and awaited with Temporal's client as the API does."""

    name = "saga"

    def __init__(self, settings: Settings, client: Client) -> None:
        self._settings = settings
        self._client = client
        self._engine = create_engine(settings.database.sqlalchemy_url, pool_size=1)
        self._dispatch = Dispatch(Record(create_sessions(self._engine), at_once=1), settings)

    async def begin(self, trip: dict[str, Any]) -> WorkflowHandle[BookTrip, Booking]:
        """Start ``BookTrip``."""
        request = self._request(TripOption.model_validate(trip), await self._dispatch.patience())
        return await self._client.start_workflow(
            BookTrip.run,
            request,
            id=request.booking_id,
            task_queue=self._settings.task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(search_attributes.BOOKING_STATE, "PENDING"),
                    SearchAttributePair(
                        search_attributes.BOOKING_REFERENCE, request.booking_reference
                    ),
                    SearchAttributePair(search_attributes.TRAVELER_ID, request.traveler_id),
                ]
            ),
        )

    async def book(self, trip: dict[str, Any]) -> Booked:
        """Start ``BookTrip`` and wait for its result."""
        handle = await self.begin(trip)
        try:
            booking = await asyncio.wait_for(handle.result(), GIVEN_UP_SECONDS)
        except TimeoutError:
            raise NotBookedError(f"booking {handle.id} does not end") from None
        _expect_confirmed(booking)
        return Booked(booking.id)

    async def close(self) -> None:
        """Close the connection that tells who answers fast."""
        await self._engine.dispose()

    def _request(self, trip: TripOption, patience: Patience) -> BookTripRequest:
        key = str(uuid.uuid4())
        booking = booking_id(CALLER, key)
        return BookTripRequest(
            booking_id=booking,
            booking_reference=booking_reference(booking),
            caller_id=CALLER,
            idempotency_key=key,
            fingerprint="benchmark",
            trip=trip,
            travelers=trip.travelers,
            contact=Contact(email=EMAIL, phone="+12125550123"),
            payment_method_id=PAYMENT_METHOD,
            billing_details={"name": "Ada Example", "email": EMAIL},
            amount=trip.total_price,
            currency=trip.currency,
            traveler_id=traveler_id(self._settings.traveler_key, CALLER, EMAIL),
            patience=patience,
        )


def book_body(trip: dict[str, Any]) -> dict[str, Any]:
    """Return the body of ``POST /booking/book`` for a trip (the planner's JSON)."""
    return {
        "tripOptionId": trip["tripOptionId"],
        "paymentInfo": {
            "paymentMethodId": PAYMENT_METHOD,
            "billingDetails": {"name": "Ada Example", "email": EMAIL},
            "amount": trip["totalPrice"],
            "currency": trip["currency"],
        },
        "userContact": {"email": EMAIL, "phone": "+12125550123"},
    }


class FrontDoor:
    """``POST /booking/book`` of the public API, waited for."""

    name = "api"

    def __init__(self, url: str, key: str, *, connections: int) -> None:
        self._http = [
            httpx.AsyncClient(
                base_url=url,
                headers={"X-API-Key": key},
                timeout=GIVEN_UP_SECONDS + 10,
                trust_env=False,
            )
            for _ in range(connections)
        ]

    async def book(self, trip: dict[str, Any]) -> Booked:
        """Send one request and wait for its 200."""
        # One client for each booking under way, as callers are many; a pool shared by all would
        # be measured along with the API.
        client = self._http.pop()
        try:
            answer = await client.post(
                "/booking/book",
                headers={
                    "Idempotency-Key": str(uuid.uuid4()),
                    "Prefer": f"wait={GIVEN_UP_SECONDS:.0f}",
                },
                json=book_body(trip),
            )
        finally:
            self._http.append(client)
        body = answer.json()
        if answer.status_code != 200 or body.get("state") != BookingState.CONFIRMED:
            raise NotBookedError(f"the API answered {answer.status_code}: {answer.text[:500]}")
        return Booked(body["bookingId"])

    async def close(self) -> None:
        """Close all connections."""
        for client in self._http:
            await client.aclose()


class Plain:
    """The suppliers' and the gateway's calls alone, in the saga's order."""

    name = "plain"

    def __init__(self, settings: Settings) -> None:
        self._suppliers: dict[str, Supplier] = create_suppliers(settings, RateLimits())
        self._gateway: Gateway = create_gateway(settings)
        self._planner = TripPlanner(settings)

    async def book(self, trip: dict[str, Any]) -> Booked:
        """Quote, authorise, book stage by stage, capture, tell the planner."""
        option = TripOption.model_validate(trip)
        booking = str(uuid.uuid4())
        party = Party(
            travelers=tuple(option.travelers), contact=Contact(email=EMAIL, phone="+12125550123")
        )
        began = time.perf_counter()
        quotes = await asyncio.gather(
            *(self._suppliers[item.supplier].quote(item, party) for item in option.components)
        )
        quoting = time.perf_counter() - began
        total = Money(amount=sum(quote.price.amount for quote in quotes), currency=option.currency)
        payment = await self._gateway.create(
            amount=total, reference=booking, key=operation_key(booking, "payment", "create")
        )
        await self._gateway.confirm(
            payment.id,
            payment_method_id=PAYMENT_METHOD,
            key=operation_key(booking, "payment", "confirm"),
        )
        numbered = list(enumerate(zip(option.components, quotes, strict=True), start=1))
        for kind in STAGES:
            await asyncio.gather(
                *(
                    self._book(item, quote, party, item_reference(booking, number))
                    for number, (item, quote) in numbered
                    if item.type is kind
                )
            )
        await self._gateway.capture(
            payment.id, amount=total, key=operation_key(booking, "payment", "capture")
        )
        await self._planner.lock(option.trip_option_id, "BOOKED", booking)
        return Booked(booking, quoting)

    async def _book(self, item: TripComponent, quote: Quote, party: Party, reference: str) -> None:
        await self._suppliers[item.supplier].book(item, quote, party, reference)

    async def close(self) -> None:
        """Close all connections."""
        for supplier in self._suppliers.values():
            await supplier.close()
        await self._gateway.close()
        await self._planner.close()


def _expect_confirmed(booking: Booking) -> None:
    if booking.state is not BookingState.CONFIRMED:
        raise NotBookedError(f"booking {booking.id} is {booking.state}: {booking.problem}")
    failed = [item.title for item in booking.items if not item.live]
    if failed:
        raise NotBookedError(f"booking {booking.id} is confirmed without {failed}")
