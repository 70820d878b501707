"""Answers of Booking.com before an order (providers.md §4), read and compared."""

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from models.core.errors import InvalidRequest, Unavailable
from models.core.legs import Leg
from models.core.money import Money
from models.core.terms import CancellationTerms, FeeStep
from models.core.text import Country, Text
from suppliers.booking_com.prices import Currencies, Pair, Price
from suppliers.booking_com.requests import TIMINGS, Priced, Stay
from suppliers.core import legs
from suppliers.core.answers import Clock, JsonAnswer, Loose, LooseList, Message, Moment


def _day(value: object) -> dt.date:
    if not isinstance(value, str):
        raise ValueError("must be a date as a string")
    return dt.date.fromisoformat(value[:10])


Day = Annotated[dt.date, BeforeValidator(_day)]
"""A day, with or without a time behind it."""


class _Step(Message):
    from_: Moment | Literal["now"] | None = Field(alias="from")
    price: Pair


class _CancellationPolicy(Message):
    type: Loose[str] = None
    free_cancellation_until: Loose[Moment] = None
    schedule: list[_Step] = Field(default=[])


def _policy(value: object) -> object:
    # Some versions answer the schedule alone.
    return {"schedule": value} if isinstance(value, list) else value


class _PaymentPolicy(Message):
    timings: list[str]


class _Policies(Message):
    cancellation: Annotated[_CancellationPolicy, BeforeValidator(_policy)]
    payment: _PaymentPolicy


class _Location(Message):
    address: Loose[dict[str, Loose[Text]]] = None
    """By language."""
    country: Loose[Country] = None
    postal_code: Loose[Text] = None


class _Hours(Message):
    checkin_from: Loose[Clock] = None
    checkin_to: Loose[Clock] = None
    checkout_to: Loose[Clock] = None


class Hotel(Message):
    """A hotel of ``/accommodations/details``."""

    id: int
    name: dict[str, Loose[Text]]
    booker_address_required: Loose[bool] = None
    location: Loose[_Location] = None
    checkin_checkout_times: Loose[_Hours] = None

    def legs(self, stay: Stay) -> tuple[Leg]:
        """Return where the guests have to be, and when."""
        where, hours = self.location or _Location(), self.checkin_checkout_times or _Hours()
        addresses = (where.address or {}).values()
        parts = (next(filter(None, addresses), None), where.postal_code)
        return legs.stay(
            stay,
            address=", ".join(filter(None, parts)),
            country=where.country,
            check_in=hours.checkin_from,
            check_in_until=hours.checkin_to,
            check_out=hours.checkout_to,
        )


class Hotels(Message):
    """``/accommodations/details``."""

    data: list[Hotel]


class _AvailableProduct(Message):
    id: str


class _Available(Message):
    id: int
    products: LooseList[_AvailableProduct] = Field(default=[])


def _each(value: object) -> object:
    # 3.2 answers one for each accommodation asked about, 3.1 the one.
    return [value] if isinstance(value, dict) else value


class Availability(Message):
    """``/accommodations/availability``."""

    data: Annotated[list[_Available], BeforeValidator(_each)]


class _PreviewProduct(Message):
    id: str
    policies: _Policies
    occupancy_mismatch: Any = None
    """Whom the room cannot sleep; null, or nobody, where all fit."""


class _PreviewStay(Message):
    id: int
    checkin: Loose[Day] = None
    checkout: Loose[Day] = None
    currency: Currencies
    price: Price
    products: list[_PreviewProduct]


class _Preview(Message):
    order_token: Annotated[Text, Field(min_length=1, max_length=20_000)]
    accommodation: _PreviewStay

    def priced(self, answer: JsonAnswer, stay: Stay, asked_at: dt.datetime) -> Priced:
        """Compare with what was asked and return what to order.

        Raises:
            Unavailable: it is about another stay, or cannot be paid by the agency.
            InvalidRequest: it is in another currency, or the room does not sleep the party.
        """
        got = self.accommodation
        if (
            got.id != stay.accommodation
            or [product.id for product in got.products] != [stay.product]
            or (got.checkin or stay.checkin, got.checkout or stay.checkout)
            != (stay.checkin, stay.checkout)
        ):
            raise answer.failure(Unavailable, "Booking.com previewed another stay than asked")
        if _anybody(got.products[0].occupancy_mismatch):
            raise answer.failure(
                InvalidRequest,
                f"the room at {stay.name} does not sleep this party of {stay.people}",
                code="occupancy_mismatch",
                field="travelers",
                plain=True,
            )
        if got.currency.booker != stay.currency:
            raise answer.failure(
                InvalidRequest, f"Booking.com priced in {got.currency.booker}, not {stay.currency}"
            )
        policies = got.products[0].policies
        timing = next((t for t in TIMINGS if t in policies.payment.timings), None)
        if timing is None:
            raise answer.failure(Unavailable, f"{stay.name} cannot be paid by the agency")
        price = answer.money(got.price.collected, stay.currency)
        return Priced(
            order_token=self.order_token,
            timing=timing,
            issued_at=asked_at,
            price=price,
            terms=_terms(policies.cancellation, answer, price),
            pay_at_property=got.price.at_property(got.currency),
        )


def _anybody(mismatch: object) -> bool:
    """Tell whether anybody is left over: the shape is not published, but emptiness is none."""
    if isinstance(mismatch, dict):
        return any(map(_anybody, mismatch.values()))
    return bool(mismatch)


class Preview(Message):
    """``/orders/preview``."""

    data: _Preview


def _terms(policy: _CancellationPolicy, answer: JsonAnswer, price: Money) -> CancellationTerms:
    source = f"booking_com {policy.type or ''}".rstrip()
    if not policy.schedule:
        if policy.free_cancellation_until is not None:
            return CancellationTerms.free_until(
                policy.free_cancellation_until, price.amount, source
            )
        return CancellationTerms.non_refundable(price.amount, source)
    starts = [s.from_ if isinstance(s.from_, dt.datetime) else None for s in policy.schedule]
    if any(start is None for start in starts[1:]) or starts[1:] != sorted(filter(None, starts[1:])):
        raise answer.unsettled("the cancellation schedule is not in order", code="malformed_answer")
    fees = [answer.money(s.price.booker_currency, price.currency).amount for s in policy.schedule]
    return CancellationTerms(
        steps=tuple(
            FeeStep(until=until, fee=min(fee, price.amount))
            for fee, until in zip(fees, [*starts[1:], None], strict=True)
        ),
        source=source,
    )
