"""Orders as Booking.com answers them (providers.md §4): strict in what is needed only."""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from models.core.money import Money
from models.core.supply import CancelQuote, Reservation, ReservationStatus
from models.core.text import Text
from suppliers.booking_com.prices import Currencies, Pair, Price
from suppliers.booking_com.responses import Day
from suppliers.core.answers import JsonAnswer, Loose, LooseList, Message, Moment

Id = Annotated[Text, BeforeValidator(lambda value: str(value) if type(value) is int else value)]
"""An id that the guides show as a number in one place and as a string in another."""


class _ThirdParty(Message):
    confirmation_number: Loose[Id] = None


class _MadeStay(Message):
    reservation: Loose[Id] = None
    pincode: Loose[Id] = None
    third_party_inventory: Loose[_ThirdParty] = None


class _Made(Message):
    order: Id
    """All that is needed: it is what is cancelled, and looked at for the rest."""
    accommodation: Loose[_MadeStay] = None

    @property
    def confirmation_code(self) -> str:
        """What the traveller shows: the hotel's number where a partner of Booking.com sells it."""
        stay = self.accommodation
        theirs = stay.third_party_inventory if stay else None
        return (
            (theirs.confirmation_number if theirs else None)
            or (stay.reservation if stay else None)
            or self.order
        )


class Created(Message):
    """``/orders/create``."""

    data: _Made


class _Listed(Message):
    id: Loose[Id] = None
    label: Loose[str] = None


class _Pages(Message):
    next_page: str | None = None


class OrderList(Message):
    """``/orders/details``."""

    data: list[_Listed]
    metadata: _Pages | None = None

    def labelled(self, reference: str, answer: JsonAnswer) -> list[str]:
        """Return the ids of the orders under our label.

        Raises:
            Retryable: one of them has no id.
        """
        ours = [order.id for order in self.data if order.label == reference]
        if None in ours:
            raise answer.unsettled("an order under our label has no id", code="malformed_answer")
        return [order for order in ours if order is not None]


class _Name(Message):
    name: Loose[Text] = None


class _CancelledAt(Message):
    fee: Loose[Pair] = None


class _FeeFrom(Message):
    from_: Moment = Field(alias="from")
    price: Pair


class _OrderPolicies(Message):
    cancellation: list[_FeeFrom]


class _OrderProduct(Message):
    policies: Loose[_OrderPolicies] = None
    price: Loose[Price] = None


_GONE: Final = "cancelled"
_OVER: Final = frozenset({"stayed", "no_show"})


class OrderDetail(Message):
    """One order of ``/orders/details/accommodations``.

    Only which it is and how it stands is needed; where anything else is missing, what was known of
    the reservation before stays.
    """

    id: Id
    status: str
    label: Loose[str] = None
    accommodation_details: Loose[_Name] = None
    checkin: Loose[Day] = None
    checkout: Loose[Day] = None
    currency: Loose[Currencies] = None
    pincode: Loose[Id] = None
    price: Loose[Price] = None
    reservation: Loose[Id] = None
    created: Loose[Moment] = None
    cancellation_details: Loose[_CancelledAt] = None
    products: LooseList[_OrderProduct] = Field(default=[])

    @property
    def live(self) -> bool:
        """Whether the order stands: unless it says that it is cancelled, by whomever."""
        return not self.status.casefold().startswith(_GONE)

    @property
    def _prices(self) -> list[Price]:
        """The prices of its rooms where they tell more than that of the whole; none: not said."""
        rooms = [product.price for product in self.products if product.price]
        if len(rooms) == len(self.products) and any(price.splits for price in rooms):
            return rooms
        return [self.price] if self.price else []

    def fee(self, answer: JsonAnswer) -> Money | None:
        """Return what was kept on cancelling, where it says so."""
        details = self.cancellation_details
        if self.currency is None or details is None or details.fee is None:
            return None
        return answer.money(details.fee.booker_currency, self.currency.booker)

    def cancel_quote(self, answer: JsonAnswer, now: dt.datetime) -> CancelQuote:
        """Return what the hotel would keep at ``now`` (UTC), by the policies of the order.

        Raises:
            Retryable: an amount is none.
        """
        if not self.live:
            return CancelQuote(
                cancellable=False,
                gone=True,
                fee=self.fee(answer),
                reason="the order is cancelled already",
            )
        if self.status.casefold() in _OVER:
            return CancelQuote(cancellable=False, reason=f"the stay is over ({self.status})")
        fee, changes = 0, []
        for product in self.products:
            policies = product.policies.cancellation if product.policies else []
            steps = sorted(policies, key=lambda step: step.from_)
            if not steps or self.currency is None:
                return CancelQuote()  # some room says nothing
            # The first step counts from the order on, whatever our clock says.
            current = [step for step in steps if step.from_ <= now] or steps[:1]
            kept = answer.money(current[-1].price.booker_currency, self.currency.booker)
            fee += kept.amount
            changes += [step.from_ for step in steps if step.from_ > now][:1]
        if not self.products or self.currency is None:
            return CancelQuote()
        return CancelQuote(
            fee=Money(amount=fee, currency=self.currency.booker),
            expires_at=min(changes, default=None),
        )

    def found(self, reference: str, answer: JsonAnswer) -> Reservation:
        """Return the order as a reservation nobody knew of.

        Where it does not say its price, that is 0 with ``details["price_stated"]`` false; it is
        never another than the one that was previewed.
        """
        blank = Reservation(
            reference=reference,
            supplier_id=self.id,
            confirmation_code=self.id,
            provider="Booking.com",
            price=Money(amount=0, currency="USD"),
            details={"price_stated": False},
        )
        seen = self.as_seen(blank, answer)
        if seen.price is not blank.price:
            seen.details.pop("price_stated")
        return seen

    def as_seen(self, known: Reservation, answer: JsonAnswer) -> Reservation:
        """Return a reservation as the order has it now; what it does not say stays."""
        name = self.accommodation_details.name if self.accommodation_details else None
        price, due = known.price, known.pay_at_property
        if self._prices and self.currency is not None:
            total = sum(price.collected for price in self._prices)
            price = answer.money(Decimal(total), self.currency.booker)
            due = tuple(c for one in self._prices for c in one.at_property(self.currency))
        facts = {
            "pincode": self.pincode,
            "checkin": self.checkin.isoformat() if self.checkin else None,
            "checkout": self.checkout.isoformat() if self.checkout else None,
        }
        created = {"created": self.created.isoformat()} if self.created else {}
        return known.model_copy(
            update={
                "confirmation_code": self.reservation or known.confirmation_code,
                "provider": name or known.provider,
                "price": price,
                "pay_at_property": due,
                "status": (
                    ReservationStatus.CONFIRMED if self.live else ReservationStatus.CANCELLED
                ),
                "details": created | known.details | {n: f for n, f in facts.items() if f},
            }
        )


class OrderDetails(Message):
    """``/orders/details/accommodations``."""

    data: list[OrderDetail]


class _CancelStatus(Message):
    status: str


class Cancelled(Message):
    """``/orders/cancel``."""

    data: _CancelStatus

    @property
    def done(self) -> bool:
        """Whether it says that the order was cancelled."""
        return self.data.status == "successful"
