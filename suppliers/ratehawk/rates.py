"""Answers of RateHawk about rates (providers.md §3), read and compared with what was asked."""

from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, ValidationError

from models.core.errors import InvalidRequest, Unavailable
from models.core.legs import Leg
from models.core.money import Money
from models.core.supply import PropertyCharge
from models.core.terms import CancellationTerms, FeeStep
from models.core.text import Country, Text
from suppliers.core import legs
from suppliers.core.answers import Clock, JsonAnswer, Loose, LooseList, Message
from suppliers.ratehawk.requests import Hash, Stay
from suppliers.ratehawk.responses import Id, Major, Moment, charges

_DEPOSIT: Final = "deposit"


class _Region(Message):
    name: Loose[Text] = None
    country_code: Loose[Country] = None


class Hotel(Message):
    """A hotel of ``hotel/info``."""

    hid: int
    name: Text
    address: Loose[Text] = None
    region: Loose[_Region] = None
    check_in_time: Loose[Clock] = None
    check_out_time: Loose[Clock] = None

    def legs(self, stay: Stay) -> tuple[Leg]:
        """Return where the guests have to be, and when."""
        region = self.region or _Region()
        return legs.stay(
            stay,
            address=self.address,
            city=region.name,
            country=region.country_code,
            check_in=self.check_in_time,
            check_out=self.check_out_time,
        )


class HotelInfo(Message):
    """``hotel/info``."""

    data: Hotel


class _Policy(Message):
    start_at: Moment | None
    end_at: Moment | None
    amount_charge: Major


class _Penalties(Message):
    policies: list[_Policy] | None = None
    free_cancellation_before: Loose[Moment] = None


class _Tax(Message):
    name: Loose[Text] = None
    included_by_supplier: Loose[bool] = None
    amount: Loose[Major] = None
    currency_code: Loose[str] = None


class _Taxes(Message):
    taxes: LooseList[_Tax] = Field(default=[])


class _Due(Message):
    """What is taken from our deposit."""

    amount: Major
    currency_code: str


class _Deposit(_Due):
    """How a rate is paid from our deposit."""

    cancellation_penalties: _Penalties | None = None
    tax_data: Loose[_Taxes] = None


def _deposits(value: object) -> object:
    # Of the ways to pay this one is ours; how others are written is nothing to us.
    if not isinstance(value, list):
        return value
    return [way for way in value if isinstance(way, dict) and way.get("type") == _DEPOSIT]


_Deposits = BeforeValidator(_deposits)


class _PaymentOptions(Message):
    payment_types: Annotated[list[_Deposit], _Deposits]


class Rate(Message):
    """A rate of ``search/hp`` or ``hotel/prebook``."""

    book_hash: Hash
    room_name: Text
    meal: Loose[str] = None
    daily_prices: Loose[list[Any]] = None
    payment_options: _PaymentOptions

    def priced(self, answer: JsonAnswer, stay: Stay) -> tuple[Money, CancellationTerms]:
        """Return what the deposit is charged, and the terms in the same currency.

        Raises:
            Unavailable: it is for other nights or another room, or cannot be paid by deposit.
            InvalidRequest: it is in another currency.
        """
        if self.daily_prices and len(self.daily_prices) != stay.nights:
            raise answer.failure(
                Unavailable, f"RateHawk priced {len(self.daily_prices)} nights, not {stay.nights}"
            )
        if self.room_name.casefold() != stay.room.casefold():
            raise answer.failure(Unavailable, f"the room is {self.room_name}, not {stay.room}")
        ways = self.payment_options.payment_types
        if not ways or ways[0].cancellation_penalties is None:
            raise answer.failure(Unavailable, f"{stay.name} cannot be paid by the agency")
        deposit, penalties = ways[0], ways[0].cancellation_penalties
        if deposit.currency_code != stay.currency:
            raise answer.failure(
                InvalidRequest, f"RateHawk charges in {deposit.currency_code}, not {stay.currency}"
            )
        price = answer.money(deposit.amount, stay.currency)
        return price, _terms(penalties, answer, price)

    @property
    def pay_at_property(self) -> tuple[PropertyCharge, ...]:
        """The taxes and fees that the hotel takes itself."""
        deposit = self.payment_options.payment_types[0]
        return charges(
            (tax.included_by_supplier, tax.name, tax.amount, tax.currency_code)
            for tax in (deposit.tax_data.taxes if deposit.tax_data else ())
        )


def _terms(penalties: _Penalties, answer: JsonAnswer, price: Money) -> CancellationTerms:
    policies = penalties.policies
    if not policies:
        return CancellationTerms.non_refundable(price.amount, "ratehawk: no policies")
    starts = [policy.start_at for policy in policies[1:]]
    ends = [policy.end_at for policy in policies]
    if policies[0].start_at is not None or [*starts, None] != ends or None in starts:
        raise answer.unsettled("the cancellation policies leave gaps", code="malformed_answer")
    if sorted(filter(None, starts)) != starts:
        raise answer.unsettled(
            "the cancellation policies are not in order", code="malformed_answer"
        )
    fees = [answer.money(one.amount_charge, price.currency).amount for one in policies]
    free = penalties.free_cancellation_before
    return CancellationTerms(
        steps=tuple(
            FeeStep(until=until, fee=min(fee, price.amount))
            for fee, until in zip(fees, ends, strict=True)
        ),
        source=f"ratehawk: free before {free:%-d %b %Y %H:%M} UTC"
        if free
        else "ratehawk: not free",
    )


class _HotelRates(Message):
    hid: int
    rates: LooseList[dict[str, Any]] = Field(default=[])
    """As they came: only ours is read, whatever is written in the others."""


class _Page(Message):
    hotels: list[_HotelRates]


class HotelPage(Message):
    """``search/hp``."""

    data: _Page

    def rate_for(self, answer: JsonAnswer, stay: Stay) -> Rate | None:
        """Return the rate of an offer as it is sold now; None when it is not.

        Raises:
            Retryable: it lacks what we need.
        """
        hotels = self.data.hotels
        rates = [rate for hotel in hotels if hotel.hid == stay.hid for rate in hotel.rates]
        for name, asked in (("book_hash", stay.book_hash), ("match_hash", stay.match_hash)):
            found = next((rate for rate in rates if asked and rate.get(name) == asked), None)
            if found is not None:
                return _read(found, answer)
        return None


class _Prebook(Message):
    hotels: list[_HotelRates]


class Prebooked(Message):
    """``hotel/prebook``."""

    data: _Prebook

    def rate(self, answer: JsonAnswer, stay: Stay, asked: Rate) -> Rate:
        """Return the one rate that was prebooked.

        Raises:
            Unavailable: it is of another hotel, room or board.
            Retryable: it lacks what we need.
        """
        hotels = self.data.hotels
        if [hotel.hid for hotel in hotels] != [stay.hid] or len(hotels[0].rates) != 1:
            raise answer.failure(Unavailable, "RateHawk prebooked something else than asked")
        rate = _read(hotels[0].rates[0], answer)
        if (rate.room_name, rate.meal) != (asked.room_name, asked.meal):
            raise answer.failure(Unavailable, f"{stay.name} no longer has this room and board")
        if not rate.book_hash.startswith("p-"):
            raise answer.unsettled("RateHawk prebooked no rate", code="malformed_answer")
        return rate


def _read(rate: dict[str, Any], answer: JsonAnswer) -> Rate:
    try:
        return Rate.model_validate(rate)
    except ValidationError as error:
        raise answer.malformed(Rate, error) from error


class _Form(Message):
    order_id: Loose[Id] = None
    partner_order_id: str
    payment_types: Annotated[list[_Due], _Deposits]
    """Only what is due: the terms were compared at the quote, and the flight is booked by now."""

    def deposit(self, answer: JsonAnswer, currency: str) -> Money | None:
        """Return what would be taken from our deposit; None when that is not offered."""
        if not self.payment_types or self.payment_types[0].currency_code != currency:
            return None
        return answer.money(self.payment_types[0].amount, currency)


class Form(Message):
    """``order/booking/form``."""

    data: _Form
