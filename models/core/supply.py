"""What suppliers answer: quote, reservation, cancellation. Supplier-neutral, no I/O."""

import datetime as dt
from contextlib import suppress
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from models.core.exchange import Converted, ExchangeRate, converted, rounded_down
from models.core.legs import Leg
from models.core.money import Currency, MinorUnits, Money, exponent, smallest_charge
from models.core.terms import CancellationTerms
from models.core.text import SUPPLIER, CamelModel, Key, Text
from models.core.times import Moment

HOUSE: Final = "house"
"""The supplier's name of what is bought of the marketplace's providers. No HTTP."""


class ItemType(StrEnum):
    """What kind of thing an item is; ACTIVITY is the contract's word for an experience."""

    FLIGHT = "FLIGHT"
    HOTEL = "HOTEL"
    ACTIVITY = "ACTIVITY"
    VENUE_SLOT = "VENUE_SLOT"
    STAY = "STAY"
    PACKAGE = "PACKAGE"
    TOUR = "TOUR"


TripItemType = Literal[ItemType.FLIGHT, ItemType.HOTEL, ItemType.ACTIVITY]
"""What a trip can be made of; the other types are of other kinds of bookings."""


class TripComponent(CamelModel):
    """One thing of a trip option that can be booked at one supplier."""

    model_config = ConfigDict(extra="ignore")  # a planner may say more than we need

    component_id: Key
    type: TripItemType
    supplier: Annotated[Text, Field(max_length=40, pattern=SUPPLIER)]
    title: Annotated[Text, Field(max_length=300)] = ""
    price: MinorUnits
    currency: Currency
    starts_at: Moment
    ends_at: Moment
    offer: dict[str, Any]
    """The supplier's own offer as the planner found it; only the supplier's adapter reads it."""

    @property
    def money(self) -> Money:
        """The price the traveller was shown, for the whole party."""
        return Money(amount=self.price, currency=self.currency)


class PropertyCharge(BaseModel):
    """A tax or fee that the traveller pays at the hotel: it is not in the price."""

    model_config = ConfigDict(frozen=True)

    name: str
    """What for, in the supplier's word ("city tax")."""
    price: Money | None
    """For the whole party and stay, in the currency in which it is paid; None: not said."""
    conditional: bool = False
    """Only paid if its reason occurs (cleaning, a late arrival)."""

    @classmethod
    def of(
        cls, name: str, amount: Decimal | None, currency: str, *, conditional: bool = False
    ) -> Self:
        """Return it from major units, rounded to the currency's minor unit.

        It is shown and never reckoned with, so that an amount or currency that is none leaves the
        price unsaid instead of raising.
        """
        price = None
        with suppress(ValueError, ArithmeticError):
            code = currency.upper()
            if amount is not None:
                exact = amount.quantize(Decimal(1).scaleb(-exponent(code)), ROUND_HALF_UP)
                price = Money.from_decimal(exact, code)
        return cls(name=name, price=price, conditional=conditional)


class Quote(BaseModel):
    """The verified price and terms of an item, now: the snapshot that is stored with it.

    ``price`` and ``terms`` are the supplier's own, in its currency: adapters compare with them.
    What the traveller pays and gets back is reckoned with ``payable``.
    """

    model_config = ConfigDict(frozen=True)

    price: Money
    """For the whole party and stay, in the supplier's currency."""
    terms: CancellationTerms
    """Fees in the supplier's currency."""
    title: str
    """What it is, verified at the supplier: "IB 6253 MAD–JFK", "Hotel Aurora"."""
    expires_at: AwareDatetime | None = None
    """When the supplier stops honouring this quote (UTC); None when it does not say."""
    offer: dict[str, Any]
    """What the supplier's ``book`` needs back, unchanged (priced offer, order token, …)."""
    holdable: bool = False
    """``book`` will only hold it: undoing costs nothing until it is completed."""
    warnings: tuple[str, ...] = ()
    """What the traveller has to know of what will be booked, in plain words."""
    rate: ExchangeRate | None = None
    """How it was converted; None when the supplier's currency is the payment's."""
    converted: Converted | None = None
    """Price and terms as they are charged, where that is not what the supplier says."""
    legs: tuple[Leg, ...] = ()
    """Where the traveller has to be, and when."""
    pay_at_property: tuple[PropertyCharge, ...] = ()
    """What the hotel takes itself, on top of ``price``."""

    @model_validator(mode="after")
    def _converted_by_its_rate(self) -> Self:
        if self.rate is not None and self.converted is None:
            raise ValueError("a rate without what it made of the price")
        return self

    @property
    def payable(self) -> Converted:
        """Price and terms as they are charged, in the currency of the payment."""
        return self.converted or Converted(price=self.price, terms=self.terms)

    @property
    def figures(self) -> "Quote":
        """The same without what only the record needs: offer, legs, charges, the terms' source."""
        paid = self.converted and self.converted.model_copy(
            update={"terms": self.converted.terms.model_copy(update={"source": ""})}
        )
        terms = self.terms.model_copy(update={"source": ""})
        only_figures: dict[str, Any] = {"offer": {}, "legs": (), "pay_at_property": ()}
        return self.model_copy(update={**only_figures, "terms": terms, "converted": paid})

    def payable_by(self, rate: ExchangeRate | None) -> "Quote":
        """Return the same quote with what it is in the payment's currency, and in chargeable sums.

        ``rate`` is None when the supplier's currency is the payment's.

        Raises:
            ValueError: the price is not in the rate's base currency, or too large in the other.
        """
        if rate is not None:
            paid = converted(self.price, self.terms, rate)
            return self.model_copy(update={"rate": rate, "converted": paid})
        if smallest_charge(self.price.currency) == 1:
            return self
        paid = rounded_down(self.price, self.terms)
        exact = paid == Converted(price=self.price, terms=self.terms)
        return self if exact else self.model_copy(update={"converted": paid})


class ReservationStatus(StrEnum):
    """Where a reservation stands at its supplier."""

    HELD = "HELD"
    """Reserved until ``held_until``; nothing is owed before ``complete``."""
    PENDING = "PENDING"
    """Asked for; the supplier has yet to accept or refuse it. It may cost what ``cancel`` costs."""
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"
    """It stood, was held or was asked for, and is gone."""
    REJECTED = "REJECTED"
    """The supplier has refused what was pending: nothing stands, nothing is owed."""


GONE = frozenset({ReservationStatus.CANCELLED, ReservationStatus.REJECTED})
"""Nothing stands at the supplier any more."""

FOUND_BY_HAND = "found_by_hand"
"""In ``Reservation.details``: a person typed the id in; an adapter makes sure that we booked it."""


class Reservation(BaseModel):
    """What a supplier gave us under our reference."""

    model_config = ConfigDict(frozen=True)

    reference: str
    """Our reference, made before the call."""
    supplier_id: str
    """The supplier's own id, the one its cancel wants."""
    confirmation_code: str
    """What the traveller shows at the desk."""
    pnr: str | None = None
    provider: str
    """Who delivers it: the airline, the hotel, the tour operator."""
    price: Money
    status: ReservationStatus = ReservationStatus.CONFIRMED
    held_until: AwareDatetime | None = None
    """Of a HELD one: when the supplier lets it go by itself (UTC)."""
    settles_by: AwareDatetime | None = None
    """Of a PENDING one: by when the supplier will have decided (UTC); None: days."""
    look_after: AwareDatetime | None = None
    """Of a PENDING one: when the supplier wants to be asked again at the earliest (UTC)."""
    starts_at: AwareDatetime | None = None
    """When it begins, as the supplier has it now, where it says so; else None."""
    ends_at: AwareDatetime | None = None
    legs: tuple[Leg, ...] = ()
    """As the supplier has them now; empty: as they were quoted."""
    pay_at_property: tuple[PropertyCharge, ...] = ()
    """As the hotel has it now; empty: as it was quoted."""
    details: dict[str, Any] = {}
    """Further facts worth keeping (pin code, voucher URL, ticketing deadline); JSON only."""


class Cancellation(BaseModel):
    """A supplier's answer to a cancel."""

    model_config = ConfigDict(frozen=True)

    already: bool = False
    """It had been cancelled before; success all the same."""
    fee: Money | None = None
    """What the supplier says it keeps; None when it does not say."""
    details: dict[str, Any] = {}


class CancelQuote(BaseModel):
    """What a supplier would keep if a reservation were cancelled now. Nothing is cancelled."""

    model_config = ConfigDict(frozen=True)

    cancellable: bool = True
    gone: bool = False
    """It is cancelled there already: cancelling it has an effect no more, and is no trouble."""
    fee: Money | None = None
    """What it would keep, in its own currency; None when it does not say."""
    expires_at: AwareDatetime | None = None
    """Until when it stands by this, where it says so (UTC)."""
    reason: str = ""
    """Why it would not cancel; for people."""


class SupplierEvent(BaseModel):
    """What a supplier's genuine webhook is about: a reason to look, never the truth itself."""

    model_config = ConfigDict(frozen=True)

    id: str
    """Unique at the supplier; a repeat has the same."""
    type: str
    at: AwareDatetime
    """When it happened (UTC), as the supplier says."""
    reference: str | None = None
    """Our reference, where the event names it."""
    supplier_id: str | None = None
    """The supplier's id of the reservation, where the event names it."""
    livemode: bool = False


class SupplierChange(BaseModel):
    """A reservation that has changed at a supplier, found in its list of changes."""

    model_config = ConfigDict(frozen=True)

    reference: str | None
    supplier_id: str
    kind: str
    """In the supplier's words: CONFIRMATION, REJECTION, CANCELLATION, AMENDMENT, …"""
    at: AwareDatetime
    acknowledgement: str | None = None
    """What acknowledging it takes, where the supplier wants that."""


class Capabilities(BaseModel):
    """What holds of a supplier, above all about an answer that never came (providers.md §8).

    What only some suppliers can do is a protocol of its own (``suppliers.core.protocol``).
    """

    model_config = ConfigDict(frozen=True)

    repeats: bool
    """Repeating ``book`` with the same reference and quote cannot make a second reservation."""
    lapses: bool = False
    """What an unanswered ``book`` may have left lets itself go soon and costs nothing (a hold):
    it need not be found, and booking again is safe."""
    repeat_after: dt.timedelta = dt.timedelta(0)
    """How long look-ups must have found nothing before ``book`` is repeated, or given up."""
    timeout: dt.timedelta
    """How long an answer may take at most, as documented."""
