"""Orders as Booking.com answers them (providers.md §4), read strictly."""

import datetime as dt
from typing import Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator, Field

from models.core.money import Money
from models.core.supply import CancelQuote, Reservation, ReservationStatus
from models.core.text import Text
from suppliers.booking_com.responses import Currencies, Pair, Total
from suppliers.core.answers import JsonAnswer, Message

Id = Annotated[Text, BeforeValidator(lambda value: str(value) if type(value) is int else value)]
"""An id that the guides show as a number in one place and as a string in another."""


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
    fee: Pair | None = None


class _FeeFrom(Message):
    from_: AwareDatetime = Field(alias="from")
    price: Pair


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
    currency: Currencies
    label: str | None = None
    pincode: Id
    price: Total
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
