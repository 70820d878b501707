"""What we say to Booking.com and what it answers (providers.md §4), read strictly."""

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from models.errors import InvalidRequest, Unavailable
from models.money import Currency, Money
from models.supply import Quote, Reservation, ReservationStatus
from models.terms import CancellationTerms, FeeStep
from models.trip import Text, TripComponent
from suppliers.http import Amount, JsonAnswer, Message
from suppliers.protocol import Party

NAME = "booking_com"
Id = Annotated[Text, BeforeValidator(lambda value: str(value) if type(value) is int else value)]
"""An id that the guides show as a number in one place and as a string in another."""

Timing = Literal["pay_online_later", "pay_online_now"]
_TIMINGS: tuple[Timing, ...] = ("pay_online_later", "pay_online_now")
"""How the agency can pay, the better first: later leaves time to cancel at no cost."""


# -- ours ---------------------------------------------------------------------------------------


class Stay(BaseModel):
    """The offer of a trip component: which room, when, for how many."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    accommodation: int
    name: Text
    product: Text
    checkin: dt.date
    checkout: dt.date
    adults: int = Field(ge=1)
    currency: Currency
    country: str = Field(default="us", pattern="^[a-z]{2}$")
    """The booker's country: prices were searched for it."""

    @property
    def booker(self) -> dict[str, str]:
        """Who asks."""
        return {"country": self.country, "platform": "desktop"}


class Priced(BaseModel):
    """A previewed order: the token that orders it, its price and terms."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    order_token: str
    timing: Timing
    issued_at: AwareDatetime
    price: Money
    terms: CancellationTerms


def read_offer(item: TripComponent, party: Party, operation: str) -> Stay:
    """Read a component's offer.

    Raises:
        InvalidRequest: it is no offer of ours, or for another party, currency or dates.
    """
    try:
        stay = Stay.model_validate(item.offer)
    except ValidationError as error:
        raise _invalid(f"the hotel offer cannot be read: {error}", operation) from error
    if stay.adults != len(party.travelers):
        raise _invalid(
            f"the hotel offer is for {stay.adults}, but {len(party.travelers)} travel", operation
        )
    if stay.currency != item.currency:
        raise _invalid(f"the hotel offer is in {stay.currency}, not {item.currency}", operation)
    if stay.checkin >= stay.checkout:
        raise _invalid("the hotel offer has no nights", operation)
    return stay


def read_quote(quote: Quote, stay: Stay) -> Priced:
    """Read our own quote back.

    Raises:
        InvalidRequest: it is none of ours.
    """
    try:
        return Priced.model_validate({**quote.offer, "price": quote.price, "terms": quote.terms})
    except ValidationError as error:
        raise _invalid(f"the quote of {stay.name} cannot be read", "book") from error


def phone(party: Party, agency: str, operation: str) -> str:
    """Return the number a hotel can call.

    Raises:
        InvalidRequest: there is none.
    """
    numbers = [party.contact.phone, *(traveler.phone for traveler in party.travelers), agency]
    for number in numbers:
        if number:
            return number
    raise _invalid("the hotel needs a phone number to reach the traveller", operation)


def order(
    stay: Stay, priced: Priced, party: Party, reference: str, agency_phone: str
) -> dict[str, Any]:
    """Return the body of ``/orders/create``."""
    return {
        "order_token": priced.order_token,
        "booker": {
            "email": party.contact.email,
            "name": {"first_name": party.lead.first_name, "last_name": party.lead.last_name},
            "telephone": phone(party, agency_phone, "book"),
            "language": "en-gb",
        },
        "accommodation": {
            "label": reference,
            "products": [
                {
                    "id": stay.product,
                    "guests": [
                        {
                            "name": f"{traveler.first_name} {traveler.last_name}",
                            "email": traveler.email or party.contact.email,
                        }
                        for traveler in party.travelers
                    ],
                }
            ],
        },
        "payment": {
            "method": "airplus",
            "timing": priced.timing,
            # 17 characters at most: enough to find the booking from a line of the invoice.
            "airplus": {"dbi": {"accounting_code": reference[:17]}},
        },
    }


def as_lenient(
    new: CancellationTerms, old: CancellationTerms, price: Money, now: dt.datetime
) -> bool:
    """Tell whether ``new`` never keeps more than ``old``, from now on."""
    moments = [now, *(s.until for t in (new, old) for s in t.steps if s.until and s.until > now)]
    return all(new.fee_at(m, price.amount) <= old.fee_at(m, price.amount) for m in moments)


def _invalid(message: str, operation: str) -> InvalidRequest:
    return InvalidRequest(message, provider=NAME, operation=operation)


# -- theirs -------------------------------------------------------------------------------------


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
    schedule: list[_Step] = []


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
        timing = next((t for t in _TIMINGS if t in policies.payment.timings), None)
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
