"""Quoting a hotel of RateHawk's: find the rate for our nights and guests, and prebook it."""

import datetime as dt
from typing import Final

from models.core.errors import Unavailable
from models.core.money import Money
from models.core.supply import Quote
from models.core.terms import CancellationTerms
from suppliers.core.comparing import as_lenient
from suppliers.core.travelers import Reached
from suppliers.ratehawk import errors, rates, requests
from suppliers.ratehawk.orders import Ask

_RATE_LIFE: Final = dt.timedelta(minutes=30)
"""How long a rate is recommended to be used ("Retrieve hotelpage", limitations)."""


class Quotes:
    """Asks about rates; books nothing."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def quote(self, stay: requests.Stay, reached: Reached) -> Quote:
        """Find the rate for our nights and guests, and prebook it.

        What is prebooked is a rate of a search for exactly the offer's nights and guests, so that
        a hash that was made for others cannot be booked by mistake.

        Raises:
            Unavailable: it is not what the offer says, or has stricter terms.
            InvalidRequest: it is charged in another currency.
            Retryable: no answer.
        """
        hotel = await self._hotel(stay)
        asked_at = dt.datetime.now(dt.UTC)
        found = await self._ask("/search/hp/", stay.searched(), "quote")
        answer = found.expect_ok(errors.AT_QUOTE)
        offered = answer.parse(rates.HotelPage).rate_for(answer, stay)
        if offered is None:
            raise answer.failure(Unavailable, f"{stay.name} has no such room left on these nights")
        shown = offered.priced(answer, stay)
        rate, (price, terms) = await self._prebook(stay, offered)
        free_until = stay.free_cancellation_before
        if (
            # Prebooking may swap a refundable rate for another one of the same room and board.
            not as_lenient((price, terms), shown, asked_at)
            or (
                (free_until is not None and free_until > asked_at)
                and terms.fee_at(free_until - dt.timedelta(seconds=1), price.amount) > 0
            )
        ):
            raise answer.failure(Unavailable, f"{stay.name} now has stricter cancellation terms")
        return Quote(
            price=price,
            terms=terms,
            title=stay.title,
            warnings=reached.warnings,
            expires_at=asked_at + _RATE_LIFE,
            offer={"book_hash": rate.book_hash},
            pay_at_property=rate.pay_at_property,
            legs=hotel.legs(stay),
        )

    async def _hotel(self, stay: requests.Stay) -> rates.Hotel:
        answer = (
            await self._ask(
                "/hotel/info/", {"hid": stay.hid, "language": requests.LANGUAGE}, "quote"
            )
        ).expect_ok(errors.AT_QUOTE)
        hotel = answer.parse(rates.HotelInfo).data
        if hotel.hid != stay.hid or hotel.name.casefold() != stay.name.casefold():
            raise answer.failure(Unavailable, f"the hotel is {hotel.name}, not {stay.name}")
        return hotel

    async def _prebook(
        self, stay: requests.Stay, offered: rates.Rate
    ) -> tuple[rates.Rate, tuple[Money, CancellationTerms]]:
        # An increase of 0 %: at a higher price there is no rate, and the traveller is asked anew.
        answer = (
            await self._ask(
                "/hotel/prebook/",
                {"hash": offered.book_hash, "price_increase_percent": 0},
                "quote",
            )
        ).expect_ok(errors.AT_QUOTE)
        rate = answer.parse(rates.Prebooked).rate(answer, stay, offered)
        return rate, rate.priced(answer, stay)
