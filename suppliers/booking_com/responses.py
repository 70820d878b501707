"""What Booking.com answers (providers.md §4), read strictly and compared with what was asked."""

import datetime as dt
from typing import Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator, Field

from models.core.errors import InvalidRequest, Unavailable
from models.core.money import Money
from models.core.supply import CancelQuote, Reservation, ReservationStatus
from models.core.terms import CancellationTerms, FeeStep
from models.core.text import Text
from suppliers.booking_com.requests import TIMINGS, Priced, Stay
from suppliers.core.http import Amount, JsonAnswer, Message

Id = Annotated[Text, BeforeValidator(lambda value: str(value) if type(value) is int else value)]
"""An id that the guides show as a number in one place and as a string in another."""


class _Error(Message):
    id: str
    message: str = ""


class _Errors(Message):
    errors: list[_Error] = Field(min_length=1)


def error_of(answer: JsonAnswer) -> tuple[str, str]:
    """Return the id and the words of an error answer; the id is empty when it has none."""
    envelope = answer.peek(_Errors)
    if envelope is None:
        return "", f"Booking.com answered {answer.status}"
    first = envelope.errors[0]
    return first.id, f"Booking.com: {first.message or first.id}"


class _Pair(Message):
    booker_currency: Amount


class _Currencies(Message):
    booker: str


class _Step(Message):
    from_: AwareDatetime | Literal["now"] = Field(alias="from")
    price: _Pair


class _CancellationPolicy(Message):
    type: str
    free_cancellation_until: AwareDatetime | None = None
    schedule: tuple[_Step, ...] = ()


class _PaymentPolicy(Message):
    timings: list[str]


class _Policies(Message):
    cancellation: _CancellationPolicy
    payment: _PaymentPolicy


class _Total(Message):
    total: _Pair


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
    currency: _Currencies
    price: _Total
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


class _MadeStay(Message):
    reservation: Id
    pincode: Id


class _Made(Message):
    order: Id
    accommodation: _MadeStay


class Created(Message):
    """``/orders/create``."""

    data: _Made


class _Listed(Message):
    id: Id
    label: str | None = None


class _Pages(Message):
    next_page: str | None = None


class OrderList(Message):
    """``/orders/details``."""

    data: list[_Listed]
    metadata: _Pages = _Pages()


class _Name(Message):
    name: Text


class _CancelledAt(Message):
    fee: _Pair | None = None


class _FeeFrom(Message):
    from_: AwareDatetime = Field(alias="from")
    price: _Pair


class _OrderPolicies(Message):
    cancellation: tuple[_FeeFrom, ...] = ()


class _OrderProduct(Message):
    policies: _OrderPolicies = _OrderPolicies()


class OrderDetail(Message):
    """One order of ``/orders/details/accommodations``."""

    id: Id
    accommodation_details: _Name
    checkin: dt.date
    checkout: dt.date
    currency: _Currencies
    label: str | None = None
    pincode: Id
    price: _Total
    reservation: Id
    status: str
    cancellation_details: _CancelledAt | None = None
    products: tuple[_OrderProduct, ...] = ()

    def live(self, answer: JsonAnswer) -> bool:
        """Tell whether the order stands.

        Raises:
            Retryable: the status is none that we know.
        """
        if self.status.startswith("cancelled"):
            return False
        if self.status not in ("booked", "stayed", "no_show"):
            raise answer.unsettled(f"order {self.id} has the unknown status {self.status!r}")
        return True

    def fee(self, answer: JsonAnswer) -> Money | None:
        """Return what was kept on cancelling, where it says so."""
        if self.cancellation_details is None or self.cancellation_details.fee is None:
            return None
        return answer.money(self.cancellation_details.fee.booker_currency, self.currency.booker)

    def cancel_quote(self, answer: JsonAnswer, now: dt.datetime) -> CancelQuote:
        """Return what the hotel would keep at ``now`` (UTC), by the policies of the order.

        Raises:
            Retryable: the status or an amount is none.
        """
        if not self.live(answer):
            return CancelQuote(
                cancellable=False,
                gone=True,
                fee=self.fee(answer),
                reason="the order is cancelled already",
            )
        if self.status != "booked":
            return CancelQuote(cancellable=False, reason=f"the stay is over ({self.status})")
        fee, changes = 0, []
        for product in self.products:
            steps = sorted(product.policies.cancellation, key=lambda step: step.from_)
            if not steps:
                return CancelQuote()  # some room says nothing
            # The first step counts from the order on, whatever our clock says.
            current = [step for step in steps if step.from_ <= now] or steps[:1]
            kept = answer.money(current[-1].price.booker_currency, self.currency.booker)
            fee += kept.amount
            changes += [step.from_ for step in steps if step.from_ > now][:1]
        if not self.products:
            return CancelQuote()
        return CancelQuote(
            fee=Money(amount=fee, currency=self.currency.booker),
            expires_at=min(changes, default=None),
        )

    def reservation_under(self, reference: str, answer: JsonAnswer) -> Reservation:
        """Return the order as a reservation."""
        live = self.live(answer)
        return Reservation(
            reference=reference,
            supplier_id=self.id,
            confirmation_code=self.reservation,
            provider=self.accommodation_details.name,
            price=answer.money(self.price.total.booker_currency, self.currency.booker),
            status=ReservationStatus.CONFIRMED if live else ReservationStatus.CANCELLED,
            details={
                "pincode": self.pincode,
                "checkin": self.checkin.isoformat(),
                "checkout": self.checkout.isoformat(),
            },
        )


class OrderDetails(Message):
    """``/orders/details/accommodations``."""

    data: list[OrderDetail]


class _CancelStatus(Message):
    status: Literal["successful"]


class Cancelled(Message):
    """``/orders/cancel``."""

    data: _CancelStatus
