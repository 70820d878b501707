"""What the traveller has, by kind of item (contracts.md §1)."""

from typing import Any

from api.trips.schemas.answers import (
    ActivityConfirmation,
    Confirmations,
    FlightConfirmation,
    HotelConfirmation,
    PropertyChargeAnswer,
)
from models.bookings.booking import Booking, Item
from models.bookings.changes import ChangedItem
from models.core.supply import ItemType

NOTHING_CONFIRMED = Confirmations(flight=None, hotel=None, activities=[], flights=[], hotels=[])


def pay_at_property(item: Item | ChangedItem) -> list[PropertyChargeAnswer]:
    """Return what the traveller pays at the hotel itself."""
    return [
        PropertyChargeAnswer(
            name=charge.name,
            amount=charge.price.amount if charge.price else None,
            currency=charge.price.currency if charge.price else None,
            conditional=charge.conditional,
        )
        for charge in item.pay_at_property
    ]


def confirmations(booking: Booking) -> Confirmations:
    """Return what has been booked of a trip, the contract's ``flight`` and ``hotel`` first.

    A reservation has its code at its component alone.
    """
    flights, hotels, activities = [], [], []
    for item in booking.live_items:
        if item.reservation is None:
            continue
        common: dict[str, Any] = {
            "confirmation_code": item.reservation.confirmation_code,
            "booking_reference": item.reservation.supplier_id,
            "total_price": item.price,
            "currency": item.currency,
        }
        provider = item.reservation.provider
        if item.type is ItemType.FLIGHT:
            pnr = item.reservation.pnr
            flights.append(FlightConfirmation(pnr=pnr, provider=provider, **common))
        elif item.type is ItemType.HOTEL:
            name, due = provider or item.title, pay_at_property(item)
            hotels.append(HotelConfirmation(hotel_name=name, pay_at_property=due, **common))
        elif item.type is ItemType.ACTIVITY:
            activities.append(
                ActivityConfirmation(
                    name=item.title,
                    provider=provider,
                    status="PENDING" if item.awaited else "CONFIRMED",
                    **common,
                )
            )
    return Confirmations(
        flight=flights[0] if flights else None,
        hotel=hotels[0] if hotels else None,
        activities=activities,
        flights=flights,
        hotels=hotels,
    )
