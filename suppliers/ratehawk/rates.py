"""Answers of RateHawk about rates (providers.md §3), read and compared with what was asked."""

from collections.abc import Sequence

from models.core.errors import InvalidRequest, Unavailable
from models.core.money import Money
from models.core.terms import CancellationTerms, FeeStep
from models.core.text import Text
from suppliers.core.answers import JsonAnswer, Message
from suppliers.ratehawk.requests import Hash, Stay
from suppliers.ratehawk.responses import Major, Moment


class _HotelName(Message):
    hid: int
    name: Text


class HotelInfo(Message):
    """``hotel/info``."""

    data: _HotelName


class _Policy(Message):
    start_at: Moment | None
    end_at: Moment | None
    amount_charge: Major


class _Penalties(Message):
    policies: tuple[_Policy, ...] = ()
    free_cancellation_before: Moment | None = None


class _PaymentType(Message):
    type: str
    amount: Major
    currency_code: str
    cancellation_penalties: _Penalties | None = None


class _PaymentOptions(Message):
    payment_types: tuple[_PaymentType, ...]


class Rate(Message):
    """A rate of ``search/hp`` or ``hotel/prebook``."""

    book_hash: Hash
    match_hash: Hash | None = None
    room_name: Text
    meal: str | None = None
    daily_prices: tuple[Major, ...]
    payment_options: _PaymentOptions

    def priced(self, answer: JsonAnswer, stay: Stay) -> tuple[Money, CancellationTerms]:
        """Return what the deposit is charged, and the terms in the same currency.

        Raises:
            Unavailable: it is for other nights or another room, or cannot be paid by deposit.
            InvalidRequest: it is in another currency.
        """
        if len(self.daily_prices) != stay.nights:
            raise answer.failure(
                Unavailable, f"RateHawk priced {len(self.daily_prices)} nights, not {stay.nights}"
            )
        if self.room_name.casefold() != stay.room.casefold():
            raise answer.failure(Unavailable, f"the room is {self.room_name}, not {stay.room}")
        deposit = _deposit(self.payment_options.payment_types)
        if deposit is None or deposit.cancellation_penalties is None:
            raise answer.failure(Unavailable, f"{stay.name} cannot be paid by the agency")
        if deposit.currency_code != stay.currency:
            raise answer.failure(
                InvalidRequest, f"RateHawk charges in {deposit.currency_code}, not {stay.currency}"
            )
        price = answer.money(deposit.amount, stay.currency)
        return price, _terms(deposit.cancellation_penalties, answer, price)


def _deposit(payment_types: Sequence[_PaymentType]) -> _PaymentType | None:
    return next((one for one in payment_types if one.type == "deposit"), None)


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
    id: str
    rates: tuple[Rate, ...]


class _Page(Message):
    hotels: tuple[_HotelRates, ...]


class HotelPage(Message):
    """``search/hp``."""

    data: _Page

    def rate_for(self, stay: Stay) -> Rate | None:
        """Return the rate of an offer as it is sold now; None when it is not."""
        rates = [
            rate for hotel in self.data.hotels if hotel.hid == stay.hid for rate in hotel.rates
        ]
        for rate in rates:
            if rate.book_hash == stay.book_hash:
                return rate
        return next((r for r in rates if stay.match_hash and r.match_hash == stay.match_hash), None)


class _Changes(Message):
    price_changed: bool


class _Prebook(Message):
    hotels: tuple[_HotelRates, ...]
    changes: _Changes | None = None


class Prebooked(Message):
    """``hotel/prebook``."""

    data: _Prebook

    def rate(self, answer: JsonAnswer, stay: Stay, asked: Rate) -> Rate:
        """Return the one rate that was prebooked.

        Raises:
            Unavailable: it is of another hotel, room or board.
            Retryable: it is not the published shape.
        """
        hotels = self.data.hotels
        if [hotel.hid for hotel in hotels] != [stay.hid] or len(hotels[0].rates) != 1:
            raise answer.failure(Unavailable, "RateHawk prebooked something else than asked")
        rate = hotels[0].rates[0]
        if (rate.room_name, rate.meal) != (asked.room_name, asked.meal):
            raise answer.failure(Unavailable, f"{stay.name} no longer has this room and board")
        if not rate.book_hash.startswith("p-"):
            raise answer.unsettled("RateHawk prebooked no rate", code="malformed_answer")
        return rate


class _Form(Message):
    order_id: int
    partner_order_id: str
    payment_types: tuple[_PaymentType, ...]

    def deposit(self, answer: JsonAnswer, currency: str) -> Money | None:
        """Return what would be taken from our deposit; None when that is not offered."""
        deposit = _deposit(self.payment_types)
        if deposit is None or deposit.currency_code != currency:
            return None
        return answer.money(deposit.amount, currency)


class Form(Message):
    """``order/booking/form``."""

    data: _Form
