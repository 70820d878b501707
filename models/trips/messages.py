"""Messages about trips: booking, changing and quoting them."""

import datetime as dt
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from models.bookings.booking import Booking, Item, PaymentView
from models.bookings.lifecycle import BookingState
from models.bookings.problems import Problem
from models.core.fencing import Fence
from models.core.keys import item_reference
from models.core.money import Currency, MinorUnits
from models.core.patience import Patience
from models.core.people import Contact, Traveler
from models.core.supply import Quote
from models.trips.changes import TripChanges
from models.trips.option import TripOption


class BookTripRequest(BaseModel):
    """Everything ``BookTrip`` needs. Ids are made by the caller of the workflow."""

    booking_id: str
    booking_reference: str
    caller_id: str
    idempotency_key: str
    fingerprint: str
    """Of the request body; a repeat with another one is refused."""
    trip: TripOption
    travelers: list[Traveler]
    contact: Contact
    payment_method_id: str
    billing_details: dict[str, Any]
    amount: MinorUnits
    currency: Currency
    traveler_id: str = ""
    patience: Patience = Patience()

    def new_booking(self, now: dt.datetime) -> Booking:
        """Return the booking as it begins: PENDING, nothing quoted, booked or paid."""
        return Booking(
            id=self.booking_id,
            reference=self.booking_reference,
            trip_option_id=self.trip.trip_option_id,
            state=BookingState.PENDING,
            currency=self.currency,
            accepted_total=self.amount,
            items=[
                Item(
                    number=number,
                    type=component.type,
                    supplier=component.supplier,
                    component_id=component.component_id,
                    title=component.title,
                    currency=self.currency,
                    price=0 if component.currency != self.currency else component.price,
                    supplier_price=(
                        component.money if component.currency != self.currency else None
                    ),
                    reference=item_reference(self.booking_id, number),
                )
                for number, component in enumerate(self.trip.components, start=1)
            ],
            payments=[
                PaymentView(
                    gateway=self.patience.gateway,
                    payment_method_id=self.payment_method_id,
                    currency=self.currency,
                    amount=self.amount,
                )
            ],
            created_at=now,
            updated_at=now,
        )


class QuoteChangeRequest(BaseModel):
    """What ``QuoteChange`` needs: a change that is only asked about."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    booking_id: str
    requested: TripChanges = Field(alias="wish")
    """Written by its first name: runs of an older version may be sent it."""
    patience: Patience = Patience()


class OpenBooking(BaseModel):
    """Asks for a booking to be written down."""

    request: BookTripRequest
    run: str
    """The workflow's first run id: tells this workflow, repeating itself, from an earlier one."""
    fence: Fence | None = None


class ItemsQuoted(BaseModel):
    """The answer of ``quote_items``: what every item costs now, or why one cannot be had.

    Quotes come without their offers and the suppliers' words: those stay in the record.
    """

    quotes: dict[int, Quote] = {}
    problems: list[Problem] = []

    def figures(self) -> "ItemsQuoted":
        """Return the same as workflows get it: prices and fees, and until when they hold."""
        quotes = {n: quote.figures for n, quote in self.quotes.items()}
        return self.model_copy(update={"quotes": quotes})
