"""What suppliers answer: quote, reservation, cancellation. Supplier-neutral, no I/O."""

import datetime as dt
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from models.money import Money
from models.terms import CancellationTerms


class Quote(BaseModel):
    """The verified price and terms of an item, now."""

    model_config = ConfigDict(frozen=True)

    price: Money
    """For the whole party and stay."""
    terms: CancellationTerms
    title: str
    """What it is, verified at the supplier: "IB 6253 MAD–JFK", "Hotel Aurora"."""
    expires_at: AwareDatetime | None = None
    """When the supplier stops honouring this quote (UTC); None when it does not say."""
    offer: dict[str, Any]
    """What the supplier's ``book`` needs back, unchanged (priced offer, order token, …)."""


class ReservationStatus(StrEnum):
    """Where a reservation stands at its supplier."""

    CONFIRMED = "CONFIRMED"
    PENDING = "PENDING"
    CANCELLED = "CANCELLED"


FOUND_BY_HAND = "found_by_hand"
"""In ``Reservation.details``: a person typed the id in; an adapter makes sure that it is ours."""


class Reservation(BaseModel):
    """What a supplier gave us under our reference."""

    model_config = ConfigDict(frozen=True)

    reference: str
    """Ours, made before the call."""
    supplier_id: str
    """The supplier's own id, the one its cancel wants."""
    confirmation_code: str
    """What the traveller shows at the desk."""
    pnr: str | None = None
    provider: str
    """Who delivers it: the airline, the hotel, the tour operator."""
    price: Money
    status: ReservationStatus = ReservationStatus.CONFIRMED
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


class Capabilities(BaseModel):
    """What a supplier can do about an answer that never came (providers.md §8)."""

    model_config = ConfigDict(frozen=True)

    finds: bool
    """``find`` looks a reservation up by our reference."""
    repeats: bool
    """Repeating ``book`` with the same reference and quote cannot make a second reservation."""
    repeat_after: dt.timedelta = dt.timedelta(0)
    """How long look-ups must have found nothing before ``book`` is repeated."""
    requests_per_second: float | None = None
    """The documented rate limit; None where none is documented."""
    timeout: dt.timedelta
    """How long an answer may take at most, as documented."""
