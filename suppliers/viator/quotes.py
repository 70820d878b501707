"""Asking Viator what an experience is, whether it can be booked, and at which price."""

import datetime as dt

from models.core.errors import InvalidRequest, PriceChanged, Unavailable
from models.core.money import Money
from models.core.paths import segment
from suppliers.core.answers import JsonAnswer
from suppliers.core.http import JsonClient
from suppliers.viator import requests, responses


class Shop:
    """What can be booked. Nothing here has to be undone."""

    def __init__(self, http: JsonClient) -> None:
        self._http = http

    async def verify(
        self, outing: requests.Outing
    ) -> tuple[responses.Product, dt.datetime, requests.LanguageGuide | None]:
        """Return the product, which is what the trip says, when it starts, and its guide.

        Raises:
            Unavailable: it is not, or not sold.
            Retryable: no answer.
        """
        code = segment(outing.product_code, provider=requests.NAME, operation="quote")
        answer = await self._call("GET", f"/products/{code}", "quote", body=None)
        if answer.status == 404:
            raise answer.failure(Unavailable, f"{outing.title} is not sold by Viator")
        product = responses.expect_ok(answer).parse(responses.Product)
        if product.status != "ACTIVE" or product.cancellation_policy is None:
            raise answer.failure(Unavailable, f"{outing.title} is not sold any more")
        if product.title.casefold() != outing.title.casefold():
            raise answer.failure(
                Unavailable, f"the experience is {product.title}, not {outing.title}"
            )
        options = {option.product_option_code for option in product.product_options if option}
        if options and (outing.product_option_code or "DEFAULT") not in options:
            raise answer.failure(Unavailable, f"{outing.title} no longer has this option")
        return product, product.starts_at(outing), product.guide(answer, outing)

    async def price(self, outing: requests.Outing) -> Money:
        """Return what the start costs now.

        Raises:
            Unavailable, InvalidRequest: it cannot be booked (so).
            Retryable: no answer.
        """
        answer = await self._call("POST", "/availability/check", "quote", body=outing.requested())
        if answer.status == 404:
            raise answer.failure(Unavailable, f"{outing.title} cannot be booked on this day")
        found = responses.expect_ok(answer).parse(responses.Availability)
        if (found.product_code, found.travel_date) != (outing.product_code, outing.travel_date):
            raise answer.failure(Unavailable, "Viator answered about another experience or day")
        if found.currency != outing.currency:
            raise answer.failure(
                InvalidRequest, f"Viator priced in {found.currency}, not {outing.currency}"
            )
        item = next((item for item in found.bookable_items if item and item.is_for(outing)), None)
        if item is not None and item.available is None:
            raise answer.unsettled(
                f"Viator does not say whether {outing.title} is available", code="malformed_answer"
            )
        if item is None or not item.available:
            reason = (item.unavailable_reason or "UNKNOWN") if item else "NOT_OPERATING"
            message = f"{outing.title} cannot be booked at this time"
            if reason != "TRAVELER_MISMATCH":
                raise answer.failure(Unavailable, message, code=reason)
            message = f"{outing.title} cannot be booked for such a party"
            raise answer.failure(
                InvalidRequest, message, code=reason, field="travelers", plain=True
            )
        price = item.retail(answer, outing.currency)
        if price is None:
            raise answer.unsettled(f"{outing.title} has no price", code="malformed_answer")
        if item.people not in (None, outing.people):
            raise answer.failure(InvalidRequest, f"Viator priced {item.people} people")
        return price

    async def hold(self, outing: requests.Outing, agreed: Money) -> str:
        """Hold the agreed price and return the booking reference it is held under.

        Raises:
            Unavailable, PriceChanged: it cannot be had (at that price).
            Retryable: no answer.
        """
        # A hold is no booking: whatever becomes of this call, nothing has to be undone.
        answer = await self._call("POST", "/bookings/hold", "book", body=outing.requested())
        if answer.status == 404:
            raise answer.failure(Unavailable, f"{outing.title} cannot be booked any more")
        held = responses.expect_ok(answer).parse(responses.Hold)
        price = held.retail(answer, held.currency or outing.currency)
        if price is None:
            raise answer.unsettled("Viator held no price", code="malformed_answer")
        if price != agreed:
            raise answer.failure(
                PriceChanged, f"{outing.title} now costs {price}, not {agreed}", new_price=price
            )
        return held.booking_ref

    async def _call(self, method: str, path: str, operation: str, *, body: object) -> JsonAnswer:
        return await self._http.call(method, path, operation=operation, changes=False, body=body)
