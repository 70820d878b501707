"""Prices of Booking.com: what it collects of us, and what the property takes itself.

Sources: the guides "Pricing in /orders endpoints", "Prices and extra charges – use cases"
(``chargeable_online``) and the migration guides to 3.2 (one list ``charges`` instead of
``extra_charges.conditional`` and ``.non_conditional``). What an entry of ``charges`` calls a
condition is not published (†).
"""

from decimal import Decimal
from typing import Final

from pydantic import Field

from models.core.supply import PropertyCharge
from models.core.text import Text
from suppliers.core.answers import Amount, Loose, LooseList, Message

_NAMES: Final = {1: "VAT", 2: "city tax"}
"""Charges that the changelog of October 2025 calls by name; the others have numbers only."""


class Pair(Message):
    """An amount: what the booker pays, and the same in the property's currency."""

    booker_currency: Amount
    accommodation_currency: Loose[Amount] = None


class Currencies(Message):
    """The currencies of these amounts."""

    booker: str
    accommodation: Loose[str] = None


class _Charge(Message):
    charge: Loose[int] = None
    name: Loose[Text] = None
    total_amount: Loose[Pair] = None
    chargeable_online: Loose[bool] = None
    conditional: Loose[bool] = None
    condition: Loose[int] = None

    @property
    def may_be_due(self) -> bool:
        """Whether it is due only under a condition."""
        return bool(self.conditional) or self.condition is not None

    @property
    def title(self) -> str:
        """What it is for."""
        return self.name or _NAMES.get(self.charge or 0, f"tax or fee no. {self.charge or '?'}")


class _ExtraCharges(Message):
    conditional: LooseList[_Charge] = Field(default=[])
    non_conditional: LooseList[_Charge] = Field(default=[])


class Price(Message):
    """A price with its charges, as previewed and as ordered."""

    total: Pair
    """All that must be paid, to whomever."""
    chargeable_online: Pair | None = None
    """What of it Booking.com collects; null where it does not say."""
    charges: LooseList[_Charge] = Field(default=[])
    extra_charges: Loose[_ExtraCharges] = None

    @property
    def splits(self) -> bool:
        """Whether it tells what Booking.com collects from what it does not."""
        return bool(self.chargeable_online or self.charges or self.extra_charges)

    @property
    def _due(self) -> list[_Charge]:
        """Charges that must be paid, and at the property."""
        split = self.extra_charges.non_conditional if self.extra_charges else []
        listed = [charge for charge in self.charges if not charge.may_be_due]
        return [charge for charge in (*split, *listed) if charge.chargeable_online is False]

    @property
    def collected(self) -> Decimal:
        """What Booking.com collects of us, in the booker's currency."""
        if self.chargeable_online is not None:
            return self.chargeable_online.booker_currency
        amounts = [charge.total_amount for charge in self._due]
        return self.total.booker_currency - sum(a.booker_currency for a in amounts if a)

    def at_property(self, currency: Currencies) -> tuple[PropertyCharge, ...]:
        """Return what the property takes itself, on top of what is collected of us."""
        split = self.extra_charges.conditional if self.extra_charges else []
        maybe = [*split, *(charge for charge in self.charges if charge.may_be_due)]
        due = self._due
        told = [self._charge(c.title, c.total_amount, currency) for c in due]
        told += [self._charge(c.title, c.total_amount, currency, conditional=True) for c in maybe]
        rest = self.total.booker_currency - self.collected
        rest -= sum(c.total_amount.booker_currency for c in due if c.total_amount)
        if rest > 0:  # not explained by any charge, and the traveller has to know of it
            told.append(PropertyCharge.of("taxes and fees", rest, currency.booker))
        return tuple(charge for charge in told if charge.price is None or charge.price.amount)

    def _charge(
        self, title: str, amount: Pair | None, currency: Currencies, *, conditional: bool = False
    ) -> PropertyCharge:
        if amount is None:
            return PropertyCharge(name=title, price=None, conditional=conditional)
        if amount.accommodation_currency is not None and currency.accommodation:
            local, code = amount.accommodation_currency, currency.accommodation
        else:
            local, code = amount.booker_currency, currency.booker
        return PropertyCharge.of(title, local, code, conditional=conditional)
