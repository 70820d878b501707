"""Answers of Booking.com before an order (providers.md §4), read strictly and compared."""

import datetime as dt
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from models.core.errors import InvalidRequest, Unavailable
from models.core.money import Money
from models.core.terms import CancellationTerms, FeeStep
from models.core.text import Text
from suppliers.booking_com.requests import TIMINGS, Priced, Stay
from suppliers.core.answers import Amount, JsonAnswer, Message


class Pair(Message):
    """An amount, as far as we use it: what the booker pays."""

    booker_currency: Amount


class Currencies(Message):
    """The currency of these amounts."""

    booker: str


class Total(Message):
    """A price."""

    total: Pair


class _Step(Message):
    from_: AwareDatetime | Literal["now"] = Field(alias="from")
    price: Pair


class _CancellationPolicy(Message):
    type: str
    free_cancellation_until: AwareDatetime | None = None
    schedule: tuple[_Step, ...] = ()


class _PaymentPolicy(Message):
    timings: list[str]


class _Policies(Message):
    cancellation: _CancellationPolicy
    payment: _PaymentPolicy


class _Hotel(Message):
    id: int
    name: dict[str, Text]


class Hotels(Message):
    """``/accommodations/details``."""

    data: list[_Hotel]


class _AvailableProduct(Message):
    id: str


class _Available(Message):
    id: int
    products: list[_AvailableProduct]


class Availability(Message):
    """``/accommodations/availability``."""

    data: _Available


class _PreviewProduct(Message):
    id: str
    policies: _Policies


class _PreviewStay(Message):
    id: int
    checkin: dt.date | None = None
    checkout: dt.date | None = None
    currency: Currencies
    price: Total
    products: list[_PreviewProduct]


class _Preview(Message):
    order_token: Annotated[Text, Field(min_length=1, max_length=20_000)]
    accommodation: _PreviewStay

    def priced(self, answer: JsonAnswer, stay: Stay, asked_at: dt.datetime) -> Priced:
        """Compare with what was asked and return what to order.

        Raises:
            Unavailable: it is about another stay, or cannot be paid by the agency.
            InvalidRequest: it is in another currency.
        """
        got = self.accommodation
        if (
            got.id != stay.accommodation
            or [product.id for product in got.products] != [stay.product]
            or (got.checkin or stay.checkin, got.checkout or stay.checkout)
            != (stay.checkin, stay.checkout)
        ):
            raise answer.failure(Unavailable, "Booking.com previewed another stay than asked")
        if got.currency.booker != stay.currency:
            raise answer.failure(
                InvalidRequest, f"Booking.com priced in {got.currency.booker}, not {stay.currency}"
            )
        policies = got.products[0].policies
        timing = next((t for t in TIMINGS if t in policies.payment.timings), None)
        if timing is None:
            raise answer.failure(Unavailable, f"{stay.name} cannot be paid by the agency")
        price = answer.money(got.price.total.booker_currency, stay.currency)
        return Priced(
            order_token=self.order_token,
            timing=timing,
            issued_at=asked_at,
            price=price,
            terms=_terms(policies.cancellation, answer, price),
        )


class Preview(Message):
    """``/orders/preview``."""

    data: _Preview


def _terms(policy: _CancellationPolicy, answer: JsonAnswer, price: Money) -> CancellationTerms:
    source = f"booking_com {policy.type}"
    if not policy.schedule:
        if policy.free_cancellation_until is not None:
            return CancellationTerms.free_until(
                policy.free_cancellation_until, price.amount, source
            )
        return CancellationTerms.non_refundable(price.amount, source)
    starts = [None if step.from_ == "now" else step.from_ for step in policy.schedule]
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
