"""Reading at Booking.com: hotels, rooms, previews and orders. Nothing is changed there."""

import datetime as dt
from typing import Any, Final

from models.core.errors import Retryable, Unavailable
from suppliers.booking_com import errors, requests, responses
from suppliers.booking_com.orders import OrderDetail, OrderDetails, OrderList
from suppliers.core.answers import JsonAnswer
from suppliers.core.http import JsonClient

_WEEK: Final = dt.timedelta(days=7)
"""The longest time of which orders are listed at once."""
_CLOCK_SKEW: Final = dt.timedelta(minutes=5)
_MAX_PAGES: Final = 50


class Reads:
    """Every method raises ``Retryable`` without an answer."""

    def __init__(self, http: JsonClient) -> None:
        self._http = http

    async def verify(self, stay: requests.Stay) -> responses.Hotel:
        """Make sure that hotel and room are what the trip says, and that the room is free.

        Returns the hotel.

        Raises:
            Unavailable: they are not.
        """
        answer = await self._read("/accommodations/details", requests.hotel(stay), "quote")
        hotels = answer.parse(responses.Hotels).data
        hotel = next((hotel for hotel in hotels if hotel.id == stay.accommodation), None)
        if hotel is None:
            raise answer.failure(Unavailable, f"{stay.name} is not sold by Booking.com")
        names = [name for name in hotel.name.values() if name]
        if stay.name.casefold() not in {name.casefold() for name in names}:
            raise answer.failure(
                Unavailable, f"the hotel is {min(names, default='nameless')}, not {stay.name}"
            )
        body = requests.availability(stay)
        answer = await self._read("/accommodations/availability", body, "quote")
        found = answer.parse(responses.Availability).data
        products = {p.id for one in found if one.id == stay.accommodation for p in one.products}
        if stay.product not in products:
            raise answer.failure(Unavailable, f"{stay.name} has no such room left on these nights")
        return hotel

    async def preview(self, stay: requests.Stay, operation: str) -> requests.Priced:
        """Preview an order: its token, price and terms.

        Raises:
            Unavailable, InvalidRequest: it cannot be ordered (so).
        """
        asked_at = dt.datetime.now(dt.UTC)
        answer = await self._read("/orders/preview", requests.preview(stay), operation)
        return answer.parse(responses.Preview).data.priced(answer, stay, asked_at)

    async def labelled(self, reference: str, since: dt.datetime, operation: str) -> list[str]:
        """Return the ids of the orders created since then (UTC) under our label."""
        start, now = since - _CLOCK_SKEW, dt.datetime.now(dt.UTC)
        found: list[str] = []
        while start < now:
            end = min(start + _WEEK, now + _CLOCK_SKEW)
            page: str | None = None
            for _ in range(_MAX_PAGES):
                answer = await self._read(
                    "/orders/details",
                    {
                        "created": {"from": start.isoformat(), "to": end.isoformat()},
                        # Required, and converts the listed prices: those are not used.
                        "currency": "EUR",
                        "services": ["accommodations"],
                        "maximum_results": 100,
                        **({"page": page} if page else {}),
                    },
                    operation,
                )
                listed = answer.parse(OrderList)
                found += listed.labelled(reference, answer)
                page = listed.metadata.next_page if listed.metadata else None
                if page is None:
                    break
            else:
                raise answer.failure(Retryable, "the list of orders does not end")
            start = end
        return found

    async def orders(self, ids: list[str], operation: str) -> tuple[JsonAnswer, list[OrderDetail]]:
        """Return those of these orders that are shown, and the answer that shows them."""
        answer = await self._read(
            "/orders/details/accommodations",
            {"orders": ids, "extras": ["accommodation_details", "policies", "extra_charges"]},
            operation,
        )
        return answer, [o for o in answer.parse(OrderDetails).data if o.id in ids]

    async def _read(self, path: str, body: dict[str, Any], operation: str) -> JsonAnswer:
        answer = await self._http.call("POST", path, operation=operation, changes=False, body=body)
        if not answer.ok:
            raise errors.failure(answer)
        return answer
