"""Looking and previewing: what is free, at which price and terms."""

import datetime as dt
from typing import Any

from fastapi import Request, Response

from sandbox.amounts import digits
from sandbox.booking_com import messages
from sandbox.booking_com.catalogue import (
    ADDRESSED,
    pair,
    prices,
    property_of,
    room_of,
    rooms_for,
)
from sandbox.booking_com.ledger import SUPPLIER, Stay, ledger_of
from sandbox.booking_com.messages import done, failed, internal_error, sold_out
from sandbox.faults import Fault
from sandbox.world import Answer, World


class Shop:
    """Answers what a buyer asks before ordering; every public method is one path."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ledger = ledger_of(world)

    async def static_details(self, _: Request, asked: messages.StaticDetails) -> Response:
        """Static content: neither faulty nor logged, for it is nothing a saga waits on."""
        found = filter(None, map(property_of, asked.accommodations))
        return done(
            [
                {
                    "id": hotel.id,
                    "name": {"en-gb": hotel.name},
                    "booker_address_required": hotel.id == ADDRESSED,
                    "location": {"address": {"en-gb": hotel.address}},
                    "checkin_checkout_times": {
                        "checkin_from": "15:00:00",
                        "checkin_to": "23:00:00",
                        "checkout_from": None,
                        "checkout_to": "11:00:00",
                    },
                }
                for hotel in found
            ]
        ).response()

    async def availability(self, request: Request, asked: messages.Availability) -> Response:
        """What is free at a property, at which price and terms."""

        async def commit(fault: Fault | None) -> Answer:
            problem = self._bad_stay(asked.checkin, asked.checkout, asked.currency)
            if problem is not None:
                return problem
            hotel = property_of(asked.accommodation)
            if hotel is None:
                return failed(404, "not_found", "There is no such accommodation.")
            stays = [
                Stay(
                    hotel,
                    room,
                    asked.checkin,
                    asked.checkout,
                    asked.guests.number_of_adults,
                    asked.currency,
                    tuple(asked.guests.children),
                )
                for room in rooms_for(asked.guests.number_of_adults + len(asked.guests.children))
            ]
            free = [stay for stay in stays if self._ledger.left(stay) > 0]
            if fault is not None and fault.kind == "price_drift":
                for stay in free:
                    self._ledger.drift(stay)
            return done(
                [
                    {
                        "id": hotel.id,
                        "currency": {"booker": asked.currency, "accommodation": "EUR"},
                        "products": [self._product(stay) for stay in free],
                    }
                ]
            )

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="quote",
            reference=None,
            request=request,
            commit=commit,
            refuse=lambda: done(
                [
                    {
                        "id": asked.accommodation,
                        "products": [],
                        "currency": {"booker": asked.currency, "accommodation": "EUR"},
                    }
                ]
            ),
            error=internal_error,
        )

    def _product(self, stay: Stay) -> dict[str, Any]:
        price = self._ledger.price(stay)
        return {
            "id": stay.product,
            "maximum_occupancy": {"adults": stay.room.sleeps},
            "number_available_at_this_price": min(self._ledger.left(stay), 10),
            "price": {
                "base": pair(price, stay.currency),
                "display": pair(price, stay.currency),
                "total": pair(price, stay.currency),
            },
            "policies": self._ledger.policies(stay, price),
            "room": stay.room.key,
        }

    async def preview(self, request: Request, asked: messages.Preview) -> Response:
        """The final price and terms, and a token to order at them."""

        async def commit(fault: Fault | None) -> Answer:
            accommodation = asked.accommodation
            problem = self._bad_stay(accommodation.checkin, accommodation.checkout, asked.currency)
            if problem is not None:
                return problem
            hotel = property_of(accommodation.id)
            product = accommodation.products[0]
            room = room_of(hotel, product.id) if hotel is not None else None
            if hotel is None or room is None:
                return failed(400, "invalid_parameter", "There is no such product.")
            adults, children = product.allocation.number_of_adults, product.allocation.children
            # Told in the product and no error: whoever does not look orders all the same.
            left_over = adults + len(children) - room.sleeps
            mismatch = {"number_of_adults": left_over, "children": []} if left_over > 0 else None
            stay = Stay(
                hotel,
                room,
                accommodation.checkin,
                accommodation.checkout,
                adults,
                asked.currency,
                tuple(children),
            )
            if self._ledger.left(stay) < 1:
                return sold_out()
            if fault is not None and fault.kind == "price_drift":
                self._ledger.drift(stay)
            token, preview = self._ledger.preview(stay)
            price = prices(preview.price, stay.due, stay.currency)
            return done(
                {
                    "order_token": token,
                    "accommodation": {
                        "id": hotel.id,
                        "checkin": stay.checkin.isoformat(),
                        "checkout": stay.checkout.isoformat(),
                        "currency": {"booker": stay.currency, "accommodation": "EUR"},
                        "price": price,
                        "products": [
                            {
                                "id": stay.product,
                                "occupancy_mismatch": mismatch,
                                "price": price,
                                "policies": self._ledger.policies(stay, preview.price),
                            }
                        ],
                    },
                }
            )

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="quote",
            reference=None,
            request=request,
            commit=commit,
            refuse=sold_out,
            error=internal_error,
        )

    def _bad_stay(self, checkin: dt.date, checkout: dt.date, currency: str) -> Answer | None:
        if not self._world.now().date() <= checkin < checkout <= checkin + dt.timedelta(days=90):
            return failed(400, "invalid_parameter", "The dates are no stay in the future.")
        try:
            digits(currency)
        except ValueError:
            return failed(400, "invalid_parameter", "Parameter 'currency' is invalid.")
        return None
