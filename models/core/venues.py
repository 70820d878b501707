"""Slots at venues: what is asked of a venue's inventory and prices, and what they answer. No I/O.

A slot is asked for in the venue's local time (record-and-marketplace.md §1.3), for its zone may not
be known before its inventory has answered; :class:`VenueSlot` is a slot whose zone is known.
"""

import datetime as dt
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from models.core.legs import known_zone
from models.core.money import Currency, MinorUnits, Money
from models.core.supply import ItemType, Quote
from models.core.terms import CancellationTerms
from models.core.text import CamelModel, Prose, Text
from models.core.times import Day, Moment

TITLE: Final = 300
"""Characters of a title, at most."""
_NAMED_AT_MOST = TITLE - len(", 31 Dec 2031 23:59")

VENUE: Final = "venue"
"""The supplier's name: in items, attempts, the ledger, and the queue ``trips-venue``."""

VenueType = Literal["HOTEL", "RESTAURANT", "CAFE", "RETAIL"]
VenueId = Annotated[Text, Field(min_length=1, max_length=200)]
ResourceId = Annotated[Text, Field(min_length=1, max_length=200)]
"""A table, room, fitting room or stylist, by the venue's own id."""
DAY_MINUTES: Final = 1_440
Minutes = Annotated[int, Field(ge=5, le=DAY_MINUTES)]
"""How long a venue gives a party by itself, in real time."""
Duration = Annotated[int, Field(ge=5, le=90 * DAY_MINUTES)]
"""How long a slot lasts, in real time, also over a change of clocks. Longer than a day only at a
HOTEL: a stay of up to 90 nights (record-and-marketplace.md §2.2)."""
PartySize = Annotated[int, Field(ge=1, le=500)]


def _zone(name: str) -> str:
    if known_zone(name) is None:
        raise ValueError("must be a time zone of the IANA database, such as Europe/Berlin")
    return name


TimeZone = Annotated[Text, Field(min_length=1, max_length=64), AfterValidator(_zone)]
"""A time zone's name in the IANA database."""


class SlotWish(BaseModel):
    """A slot as a guest asks for it: on the clock at the venue's wall."""

    model_config = ConfigDict(frozen=True)

    venue_id: VenueId
    venue_type: VenueType
    date: Day
    time: dt.time
    """Local, without a zone; whole minutes."""
    utc_offset_minutes: int | None = Field(default=None, ge=-1_440, le=1_440)
    """Which of two, where the local time exists twice (autumn); None: the first."""
    duration_minutes: Duration | None = None
    """None: as long as the venue gives such a party."""
    party_size: PartySize
    resource_id: ResourceId | None = None
    """None: whatever is free."""
    time_zone: TimeZone | None = None
    """The venue's, where it is registered: for an inventory that does not know it."""

    @model_validator(mode="after")
    def _whole_minutes(self) -> Self:
        if self.time.tzinfo is not None or self.time.second or self.time.microsecond:
            raise ValueError("time must be local, in whole minutes")
        return self


class VenueSlot(CamelModel):
    """What is reserved: the component of an item of type VENUE_SLOT. Trips have none."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: Literal[ItemType.VENUE_SLOT] = ItemType.VENUE_SLOT
    supplier: Literal["venue"] = VENUE
    title: Annotated[Text, Field(max_length=TITLE)] = ""
    venue_id: VenueId
    venue_type: VenueType
    venue_name: Annotated[Text, Field(max_length=300)] = ""
    time_zone: TimeZone
    starts_at: Moment
    ends_at: Moment
    duration_minutes: Duration
    party_size: PartySize
    resource_id: ResourceId | None = None
    """As it was asked for; None: the venue chooses."""

    @model_validator(mode="after")
    def _lasts_as_long(self) -> Self:
        if self.ends_at - self.starts_at != dt.timedelta(minutes=self.duration_minutes):
            raise ValueError("the slot does not end duration_minutes after its start")
        if self.starts_at.second or self.starts_at.microsecond:
            raise ValueError("the slot does not start at a whole minute")
        return self

    @classmethod
    def title_of(cls, name: str, start: dt.datetime) -> str:
        """Return how a slot is called: where it is, and its start on the venue's clock.

        A long name is cut: a title has at most 300 characters.
        """
        short = name if len(name) <= _NAMED_AT_MOST else f"{name[: _NAMED_AT_MOST - 1]}…"
        return f"{short}, {start:%-d %b %Y %H:%M}"

    def named(self, name: str) -> Self:
        """Return the slot at a venue of this name, which its caller gave it; "": as it is."""
        if not name:
            return self
        return self.model_copy(
            update={"venue_name": name, "title": self.title_of(name, self.local)}
        )

    @property
    def local(self) -> dt.datetime:
        """The start as the clock at the venue's wall shows it, with its offset."""
        return self.starts_at.astimezone(ZoneInfo(self.time_zone))

    @property
    def utc_offset_minutes(self) -> int:
        """By how much local time is ahead of UTC at the start."""
        ahead = self.local.utcoffset()
        assert ahead is not None
        return int(ahead.total_seconds() // 60)

    @property
    def wish(self) -> SlotWish:
        """The same slot, as it is asked for."""
        local = self.local
        return SlotWish(
            venue_id=self.venue_id,
            venue_type=self.venue_type,
            date=local.date(),
            time=local.time().replace(tzinfo=None),
            utc_offset_minutes=self.utc_offset_minutes,
            duration_minutes=self.duration_minutes,
            party_size=self.party_size,
            resource_id=self.resource_id,
            time_zone=self.time_zone,
        )


class VenueGuest(BaseModel):
    """What a venue's desk has to know of who comes: no address, no number."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[Text, Field(min_length=1, max_length=240)]
    notes: Annotated[Prose, Field(max_length=1_000)] = ""


class SlotCapacity(BaseModel):
    """How much of its kind there is for the whole slot, and how much of it is free."""

    model_config = ConfigDict(frozen=True)

    total: int = Field(ge=0)
    free: int = Field(ge=0)
    unit: Literal["covers", "resources"]
    """Seats, or tables and rooms that fit the party."""


class Alternative(BaseModel):
    """Another start at which the party would find a place."""

    model_config = ConfigDict(frozen=True)

    starts_at: AwareDatetime
    free: int = Field(ge=1)
    """In the unit of the capacity."""


class Shift(BaseModel):
    """When the venue is open, on the day that was asked for."""

    model_config = ConfigDict(frozen=True)

    opens_at: AwareDatetime
    closes_at: AwareDatetime


ZONE_UNKNOWN: Final = "time_zone_unknown"
"""Code of a refusal: neither the venue's services nor we know its time zone."""
TIME_DOES_NOT_EXIST: Final = "time_does_not_exist"
"""The reason for which a slot is not to be had when clocks skip its local time (spring): the slot
that is answered is at the next time that exists."""


class Availability(BaseModel):
    """What a venue's inventory says of a slot now. Nothing is held by it."""

    model_config = ConfigDict(frozen=True)

    available: bool
    reason: str | None = None
    """Why it is not, as a stable word (docs/inventory-and-pricing.md)."""
    slot: VenueSlot
    """As it was asked for, with zone, end and the venue's name."""
    turn_minutes: Minutes
    """How long the venue gives such a party by itself."""
    capacity: SlotCapacity
    alternatives: tuple[Alternative, ...] = ()
    shifts: tuple[Shift, ...] = ()
    checked_at: AwareDatetime


class PriceLine(BaseModel):
    """A part of the price."""

    model_config = ConfigDict(frozen=True)

    description: str
    quantity: int = Field(ge=1)
    unit_amount: MinorUnits
    amount: MinorUnits
    """``quantity`` times ``unit_amount``."""


class Price(BaseModel):
    """What a slot costs, as the pricing service answered it: the price snapshot."""

    model_config = ConfigDict(frozen=True)

    lines: tuple[PriceLine, ...]
    total: MinorUnits
    """The sum of the lines."""
    currency: Currency
    deposit: MinorUnits | None = None
    """What is paid when reserving; None: the whole."""
    no_show_fee: MinorUnits = 0
    """What is kept of what was paid when nobody comes."""
    terms: CancellationTerms
    """Fees out of what is paid when reserving."""
    valid_until: AwareDatetime | None = None
    """Of an estimate None: it binds nobody."""

    @property
    def due(self) -> Money:
        """What is paid when reserving: the deposit, or the whole."""
        amount = self.total if self.deposit is None else self.deposit
        return Money(amount=amount, currency=self.currency)

    @property
    def whole(self) -> Money:
        """What it costs altogether; what exceeds ``due`` is paid at the venue."""
        return Money(amount=self.total, currency=self.currency)


def price_in(quote: Quote) -> Price:
    """Return what the pricing service answered, out of a quote of a slot.

    ``quote.price`` is what is paid when reserving (``Price.due``), and its terms' fees are out of
    that, as everywhere.

    Raises:
        ValueError: it is no such quote.
    """
    kept: Any = quote.offer.get("price")
    return Price.model_validate(kept)


def slot_in(quote: Quote) -> VenueSlot:
    """Return the slot that a quote is of, with its zone.

    Raises:
        ValueError: it is no quote of a slot.
    """
    return VenueSlot.model_validate(quote.offer.get("slot"))
