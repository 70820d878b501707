"""Asking GetYourGuide what a tour is, whether it can be booked, and what it costs now."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from models.core.errors import InvalidRequest, Unavailable
from models.core.money import Money
from models.core.terms import CancellationTerms
from suppliers.core.answers import JsonAnswer
from suppliers.core.bands import Band
from suppliers.core.http import JsonClient
from suppliers.getyourguide import errors, requests, shop


def asked_in(currency: str, **more: str) -> str:
    """Return the query that everything with a price needs."""
    return urlencode({"cnt_language": "en", "currency": currency, **more})


@dataclass(frozen=True)
class Verified:
    """A tour that is what the trip says, and its option."""

    answer: JsonAnswer
    """About the tour; for errors."""
    title: str
    policy: requests.Policy
    option: shop.Option


class Shop:
    """What can be booked. Nothing is held, nothing is changed."""

    def __init__(self, http: JsonClient) -> None:
        self._http = http

    async def verify(self, outing: requests.Outing) -> Verified:
        """Make sure that tour, option and day are there and what the trip says.

        Raises:
            Unavailable, InvalidRequest: they are not, or the supplier asks what we do not know.
            Retryable: no answer.
        """
        answer, tour = await self._tour(outing)
        option = await self._option(outing)
        await self._day(outing)
        return Verified(answer, tour.title, tour.policy, option)

    def terms(self, verified: Verified, starts_at: dt.datetime, price: Money) -> CancellationTerms:
        """Return the cancellation terms for a start (UTC) at a price.

        Raises:
            Retryable: the fee is none.
        """
        try:
            return verified.policy.terms(starts_at, price)
        except ValueError as error:
            raise verified.answer.unsettled(
                f"GetYourGuide answered an impossible fee: {error}", code="malformed_answer"
            ) from error

    async def _tour(self, outing: requests.Outing) -> tuple[JsonAnswer, shop.Tour]:
        answer = await self._get(f"/tours/{outing.tour_id}", "quote", currency=outing.currency)
        tours = errors.expect_ok(answer).parse(shop.Tours).data.tours
        tour = next((tour for tour in tours if tour.tour_id == outing.tour_id), None)
        if tour is None:
            raise answer.failure(Unavailable, f"{outing.title} is not sold by GetYourGuide")
        if tour.title.casefold() != outing.title.casefold():
            raise answer.failure(Unavailable, f"the experience is {tour.title}, not {outing.title}")
        return answer, tour

    async def _option(self, outing: requests.Outing) -> shop.Option:
        answer = await self._get(
            f"/tours/{outing.tour_id}/options", "quote", currency=outing.currency, limit="500"
        )
        options = errors.expect_ok(answer).parse(shop.Options)
        option = options.option(answer, outing.option_id)
        if option is None or option.tour_id not in (None, outing.tour_id):
            raise answer.failure(Unavailable, f"{outing.title} no longer has this option")
        unknown = option.unanswerable()
        if unknown is not None:
            message = f"the supplier wants to know the {unknown}"
            raise answer.failure(InvalidRequest, message, plain=True)
        return option

    async def _day(self, outing: requests.Outing) -> None:
        path = f"/tours/{outing.tour_id}/availability?cnt-language=en"
        answer = await self._call("GET", path, "quote")
        found = errors.expect_ok(answer).parse(shop.Availability)
        if found.tour_id != outing.tour_id:
            raise answer.failure(Unavailable, "GetYourGuide answered about another experience")
        if not found.takes(outing.people):
            message = f"{outing.title} takes no {outing.people} people"
            raise answer.failure(InvalidRequest, message, field="travelers", plain=True)
        if not found.on(outing.datetime.date()):
            raise answer.failure(Unavailable, f"{outing.title} cannot be booked on this day")

    async def price(
        self, outing: requests.Outing, operation: str
    ) -> tuple[Money, tuple[requests.Category, ...], tuple[Band, ...]]:
        """Return what the start costs now, in which price categories, and whose they are.

        Raises:
            Unavailable, InvalidRequest: it cannot be booked (so).
            Retryable: no answer.
        """
        path = f"/tours/{outing.tour_id}/price-breakdown"
        answer = await self._call("POST", path, operation, body=requests.breakdown(outing))
        return errors.expect_ok(answer).parse(shop.Breakdown).priced(answer, outing)

    async def _get(self, path: str, operation: str, *, currency: str, **more: str) -> JsonAnswer:
        return await self._call("GET", f"{path}?{asked_in(currency, **more)}", operation)

    async def _call(
        self, method: str, path: str, operation: str, *, body: Any = None
    ) -> JsonAnswer:
        return await self._http.call(method, path, operation=operation, changes=False, body=body)
