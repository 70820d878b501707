"""A trip whose suppliers and gateway answer from memory: what ``FakeActivities`` say by default.

It knows the messages of the calls and nothing of workflows. A test replaces the answer that it is
about with ``trip.fakes.on(…)``.
"""

import datetime as dt
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from temporalio.client import Client, WorkflowHandle

from models import calls
from models.bookings.booking import Booking, PaymentView, RefundView
from models.bookings.lifecycle import PaymentStatus
from models.bookings.messages import (
    BookingRef,
    BookingRequest,
    CancelRequest,
    OpenedBooking,
    Recorded,
    RequestKind,
    RequestOutcome,
    Transition,
)
from models.bookings.problems import Code, Problem
from models.core.keys import booking_id, booking_reference
from models.core.money import Money
from models.core.patience import Patience
from models.core.people import Contact
from models.core.supply import ItemType, Quote, Reservation, TripComponent
from models.core.terms import CancellationTerms
from models.payments.messages import PaymentCall, PaymentOutcome
from models.suppliers.messages import BookedItem, CancelledItem, ItemCall
from models.trips.messages import BookTripRequest, ItemsQuoted, OpenBooking
from models.trips.option import TripOption
from tests.support.fake_activities import FakeActivities, running
from workflows.trips.book_trip import BookTrip

CALLER = "00000000-0000-4000-8000-000000000001"
CURRENCY = "USD"
SOLD = (
    (ItemType.FLIGHT, "amadeus", 40_000),
    (ItemType.HOTEL, "booking_com", 30_000),
    (ItemType.ACTIVITY, "viator", 5_000),
    (ItemType.ACTIVITY, "viator", 7_000),
)
"""The items of the sample trip: type, supplier and price in minor units."""


def trip_request(**patience: Any) -> BookTripRequest:
    """Return a request for the sample trip, on a queue of its own.

    ``patience`` overrides waiting times (seconds) and how calls are dispatched: by default every
    call to a provider is an ordinary activity.
    """
    key = str(uuid.uuid4())
    booking = booking_id(CALLER, key)
    start = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)
    components = [
        TripComponent(
            component_id=f"c{number}",
            type=kind,
            supplier=supplier,
            title=f"{kind.title()} {number}",
            price=price,
            currency=CURRENCY,
            starts_at=start,
            ends_at=start + dt.timedelta(days=4),
            offer={},
        )
        for number, (kind, supplier, price) in enumerate(SOLD, start=1)
    ]
    total = sum(component.price for component in components)
    return BookTripRequest(
        booking_id=booking,
        booking_reference=booking_reference(booking),
        caller_id=CALLER,
        idempotency_key=key,
        fingerprint="test",
        trip=TripOption(
            trip_option_id=f"t-{key}", total_price=total, currency=CURRENCY, components=components
        ),
        travelers=[],
        contact=Contact(email="ada@example.org", phone="+1 555 0100"),
        payment_method_id="pm_card_visa",
        billing_details={},
        amount=total,
        currency=CURRENCY,
        patience=Patience(
            task_queue=f"fake-{key[:8]}",
            **{
                "provider_timeout": dict.fromkeys(["stripe", *(s for _, s, _ in SOLD)], 0.1),
                "retry_initial": 0.05,
                "step_deadline": 2,
                "undo_attempts": 3,
                "authentication_deadline": 5,
                **patience,
            },
        ),
    )


@dataclass
class FakeTrip:
    """What record, suppliers and gateway hold of one booking, and how they answer."""

    client: Client
    request: BookTripRequest
    fakes: FakeActivities = field(default_factory=FakeActivities)
    transitions: list[Transition] = field(default_factory=list)
    """What was recorded, in order."""
    opened: Booking | None = None
    reserved: set[int] = field(default_factory=set)
    """The numbers of the items that stand at their suppliers."""
    held: int = 0
    captured: int = 0
    refunded: int = 0

    def __post_init__(self) -> None:
        """Have everything go well."""
        fakes = self.fakes
        fakes.on(calls.OPEN_BOOKING, self.open)
        fakes.on(calls.LOAD_BOOKING, self.load)
        fakes.on(calls.RECORD, self.record)
        fakes.on(calls.QUOTE_ITEMS, self.quote)
        fakes.on(calls.BOOK_ITEM, self.book)
        fakes.on(calls.COMPLETE_ITEM, self.book)
        fakes.on(calls.CANCEL_ITEM, self.cancel)
        fakes.on(calls.AUTHORISE, self.authorise)
        fakes.on(calls.CAPTURE, self.capture)
        fakes.on(calls.RETURN_PAYMENT, self.give_back)
        fakes.on(calls.REFUND, self.refund)

    @asynccontextmanager
    async def workers(self, *workflows: type) -> AsyncIterator[None]:
        """Run workers for the booking's queues."""
        patience = self.request.patience
        providers = [patience.gateway, *(c.supplier for c in self.request.trip.components)]
        async with running(
            self.client, self.fakes, workflows=workflows, patience=patience, providers=providers
        ):
            yield

    async def start(self) -> WorkflowHandle[BookTrip, Booking]:
        """Start booking the trip."""
        return await self.client.start_workflow(
            BookTrip.run,
            self.request,
            id=self.request.booking_id,
            task_queue=self.request.patience.task_queue,
        )

    @property
    def stored(self) -> Booking:
        """The booking as it was recorded last."""
        assert self.opened is not None
        return self.transitions[-1].booking if self.transitions else self.opened

    @property
    def states(self) -> Sequence[str]:
        """The states that were recorded, in order."""
        return [transition.booking.state for transition in self.transitions]

    @property
    def ended_requests(self) -> list[RequestOutcome]:
        """The requests that a transition has recorded as ended."""
        return [one for transition in self.transitions for one in transition.ended_requests]

    def cancel_request(self, **body: Any) -> BookingRequest:
        """Return a request to cancel the booking, for the signal that brings it."""
        return BookingRequest(
            id=str(uuid.uuid4()),
            kind=RequestKind.CANCEL,
            requested_at=dt.datetime.now(dt.UTC),
            who="ada",
            body=CancelRequest(**body).model_dump(mode="json"),
        )

    # -- the record -----------------------------------------------------------------------

    def open(self, message: OpenBooking) -> OpenedBooking:
        self.opened = message.request.new_booking(dt.datetime.now(dt.UTC))
        return OpenedBooking(version=1)

    def load(self, _: BookingRef) -> Booking:
        return self.stored

    def record(self, transition: Transition) -> Recorded:
        version = transition.booking.version + 1
        booking = transition.booking.model_copy(update={"version": version})
        self.transitions.append(transition.model_copy(update={"booking": booking}))
        return Recorded(version=version)

    # -- suppliers ------------------------------------------------------------------------

    def quote(self, _: BookingRef) -> ItemsQuoted:
        return ItemsQuoted(
            quotes={
                number: Quote(
                    price=component.money,
                    terms=CancellationTerms.free(),
                    title=component.title,
                    offer={},
                )
                for number, component in enumerate(self.request.trip.components, start=1)
            }
        )

    def reservation(self, number: int, **more: Any) -> Reservation:
        """Return what the supplier of an item gives for it."""
        component = self.request.trip.components[number - 1]
        known: dict[str, Any] = {
            "reference": f"{self.request.booking_id}-{number}-1",
            "supplier_id": f"r{number}",
            "confirmation_code": f"CODE{number}",
            "provider": component.supplier,
            "price": Money(amount=component.price, currency=component.currency),
        }
        return Reservation(**known | more)

    def book(self, call: ItemCall) -> BookedItem:
        self.reserved.add(call.item)
        return BookedItem(reservation=self.reservation(call.item))

    def cancel(self, call: ItemCall) -> CancelledItem:
        self.reserved.discard(call.item)
        return CancelledItem()

    # -- the gateway ----------------------------------------------------------------------

    def authorise(self, call: PaymentCall) -> PaymentOutcome:
        self.held = call.amount
        return self.payment(PaymentStatus.AUTHORISED)

    def capture(self, call: PaymentCall) -> PaymentOutcome:
        self.held, self.captured = 0, call.amount
        return self.payment(PaymentStatus.SUCCEEDED)

    def give_back(self, _: PaymentCall) -> PaymentOutcome:
        if self.captured:
            self.refunded = self.captured
            return self.payment(PaymentStatus.REFUNDED)
        self.held = 0
        return self.payment(PaymentStatus.RELEASED)

    def refund(self, call: PaymentCall) -> PaymentOutcome:
        self.refunded = max(self.refunded, self.captured - call.keep)
        whole = self.refunded == self.captured
        return self.payment(PaymentStatus.REFUNDED if whole else PaymentStatus.PARTIALLY_REFUNDED)

    def payment(self, status: PaymentStatus) -> PaymentOutcome:
        """Return the payment as the gateway has it."""
        refund = RefundView(
            id="re_1", amount=self.refunded, status="succeeded", at=dt.datetime.now(dt.UTC), key="k"
        )
        return PaymentOutcome(
            payment=PaymentView(
                gateway=self.request.patience.gateway,
                id="pi_1",
                payment_method_id=self.request.payment_method_id,
                currency=CURRENCY,
                amount=self.request.amount,
                status=status,
                authorised=self.held or self.captured,
                captured=self.captured,
                refunded=self.refunded,
                refunds=[refund] if self.refunded else [],
            )
        )


def unavailable(item: int) -> Problem:
    """Return the refusal of an item that is sold out."""
    return Problem(code=Code.UNAVAILABLE, step="hotel", message="sold out", item=item)
