"""What the inventory and pricing services answer (docs/inventory-and-pricing.md), read strictly."""

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictInt, ValidationError

from models.core.errors import InvalidRequest
from models.core.terms import CancellationTerms, FeeStep
from models.core.venues import (
    ZONE_UNKNOWN,
    Alternative,
    Availability,
    Price,
    PriceLine,
    Shift,
    SlotCapacity,
    SlotWish,
    TimeZone,
    VenueSlot,
    VenueType,
)
from suppliers.core.answers import Clock, JsonAnswer, Loose, LooseList, Message, Moment

Name = Annotated[str, Field(min_length=1, max_length=200)]
Count = Annotated[StrictInt, Field(ge=0)]
Amount = Annotated[StrictInt, Field(ge=0, le=99_999_999_999)]
"""Minor units."""


def _date(value: object) -> object:
    return dt.date.fromisoformat(value) if isinstance(value, str) else value


class Venue(Message):
    """Whose slot it is."""

    id: Name
    type: VenueType
    name: Loose[str] = None


class ZoneUnknown(ValueError):
    """Neither the service nor we know in which time zone a venue is."""


class Slot(Message):
    """A slot, resolved: with its zone, and when it begins and ends."""

    venue: Venue
    date: Annotated[dt.date, BeforeValidator(_date)]
    time: Clock
    time_zone: TimeZone | None = None
    """None: it is not known there; only a venue that is registered with us has one then."""
    starts_at: Moment
    ends_at: Moment
    duration_minutes: StrictInt
    party_size: StrictInt
    resource_id: Name | None

    def slot(self, zone: str | None) -> VenueSlot:
        """Return it in our words; ``zone``: the venue's, where the answer does not tell it.

        Raises:
            ZoneUnknown: nobody knows it.
            ValueError: it contradicts itself.
        """
        known = self.time_zone or zone
        if known is None:
            raise ZoneUnknown("the venue's time zone is not known")
        made = VenueSlot(
            title=VenueSlot.title_of(
                self.venue.name or self.venue.id, dt.datetime.combine(self.date, self.time)
            ),
            venue_id=self.venue.id,
            venue_type=self.venue.type,
            venue_name=self.venue.name or "",
            time_zone=known,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            duration_minutes=self.duration_minutes,
            party_size=self.party_size,
            resource_id=self.resource_id,
        )
        local = made.local
        if (local.date(), local.time()) != (self.date, self.time):
            raise ValueError(f"{self.starts_at} is not {self.date} {self.time} there")
        return made

    def other_than(self, asked: SlotWish, *, anyhow: bool = False) -> list[str]:
        """Say how it differs from the slot that was asked for; empty: it does not.

        ``anyhow``: the time may be another, for the one asked for does not exist.
        """
        found = self.slot(asked.time_zone)
        pairs: list[tuple[str, object, object]] = [
            ("venue", (self.venue.id, self.venue.type), (asked.venue_id, asked.venue_type)),
            ("party", self.party_size, asked.party_size),
            ("resource", self.resource_id, asked.resource_id),
        ]
        if not anyhow:
            pairs.append(("time", (self.date, self.time), (asked.date, asked.time)))
        if asked.utc_offset_minutes is not None and not anyhow:
            pairs.append(("offset", found.utc_offset_minutes, asked.utc_offset_minutes))
        elif not anyhow:
            pairs.append(("offset", found.local.fold, 0))  # the first, where there are two
        if asked.duration_minutes is not None:
            pairs.append(("duration", self.duration_minutes, asked.duration_minutes))
        return [
            f"its {name} is {got!s:.60}, not {wanted!s:.60}"
            for name, got, wanted in pairs
            if got != wanted
        ]


class _Capacity(Message):
    total: Count
    free: Count
    unit: Literal["covers", "resources"]


MOST_ALTERNATIVES = 20
"""So many are looked at; the contract has five."""


class _Alternative(Message):
    starts_at: Moment
    free: Annotated[StrictInt, Field(ge=1)]


class _Shift(Message):
    opens_at: Moment
    closes_at: Moment


class Checked(Message):
    """``POST check-availability``."""

    available: bool
    reason: Name | None
    slot: Slot
    turn_minutes: Annotated[StrictInt, Field(ge=5, le=1_440)]
    capacity: _Capacity
    alternatives: LooseList[_Alternative] = Field(default_factory=list)
    shifts: LooseList[_Shift] = Field(default_factory=list)
    checked_at: Moment

    def availability(self, zone: str | None) -> Availability:
        """Return it in our words. Raises as :meth:`Slot.slot`."""
        if self.available is (self.reason is not None):
            raise ValueError("available, and a reason why not")
        return Availability(
            available=self.available,
            reason=self.reason,
            slot=self.slot.slot(zone),
            turn_minutes=self.turn_minutes,
            capacity=SlotCapacity(**self.capacity.model_dump()),
            alternatives=tuple(
                Alternative(starts_at=one.starts_at, free=one.free)
                for one in self.alternatives[:MOST_ALTERNATIVES]
            ),
            shifts=tuple(
                Shift(opens_at=one.opens_at, closes_at=one.closes_at) for one in self.shifts
            ),
            checked_at=self.checked_at,
        )


class Reserved(Message):
    """``POST reserve``, ``POST update-reservation``: a reservation as it stands now."""

    inventory_reference: Name
    reference: str
    status: Literal["reserved", "released"]
    revision: Annotated[StrictInt, Field(ge=1)]
    slot: Slot
    assigned_resource_id: Loose[Name] = None

    def facts(self) -> dict[str, Any]:
        """Return what is kept of it beside the slot."""
        return {"revision": self.revision, "assigned_resource_id": self.assigned_resource_id}


class Released(Message):
    """``POST release``."""

    reference: str
    status: Literal["released"]
    already: bool
    """Nothing was released by this very call."""


class _Line(Message):
    description: str
    quantity: Annotated[StrictInt, Field(ge=1)]
    unit_amount: Amount
    amount: Amount


class _Step(Message):
    until: Moment | None
    fee: Amount


class Priced(Message):
    """``POST calculate``, ``POST estimate``."""

    slot: Slot
    lines: list[_Line]
    total: Amount
    currency: str
    deposit: Amount | None
    no_show_fee: Amount
    cancellation: Annotated[list[_Step], Field(min_length=1, max_length=20)]
    valid_until: Moment | None

    def price(self) -> Price:
        """Return it in our words.

        Raises:
            ValueError: it contradicts itself.
        """
        found = Price(
            lines=tuple(PriceLine(**line.model_dump()) for line in self.lines),
            total=self.total,
            currency=self.currency,
            deposit=self.deposit,
            no_show_fee=self.no_show_fee,
            terms=CancellationTerms(
                steps=tuple(
                    FeeStep(until=step.until and step.until.astimezone(dt.UTC), fee=step.fee)
                    for step in self.cancellation
                ),
                source="the pricing service",
            ),
            valid_until=self.valid_until,
        )
        if any(line.quantity * line.unit_amount != line.amount for line in self.lines):
            raise ValueError("a line that is not its quantity times its unit amount")
        if sum(line.amount for line in self.lines) != self.total:
            raise ValueError("the lines are not the total")
        due = found.due.amount
        if due > self.total:
            raise ValueError("the deposit is more than the total")
        if max(self.no_show_fee, *(step.fee for step in self.cancellation)) > due:
            raise ValueError("a fee is more than what is paid when reserving")
        ends = [step.until for step in self.cancellation]
        if ends[-1] is not None or None in ends[:-1] or ends[:-1] != sorted(ends[:-1], key=_key):
            raise ValueError("the steps of cancelling do not follow each other to an open end")
        return found


def _key(moment: dt.datetime | None) -> dt.datetime:
    assert moment is not None
    return moment


def contradicts(answer: JsonAnswer, error: ValueError) -> Exception:
    """Return the error for an answer that contradicts itself, or leaves the time zone open."""
    if isinstance(error, ZoneUnknown):
        return answer.failure(
            InvalidRequest, str(error), code=ZONE_UNKNOWN, field="venue.id", plain=True
        )
    why = (
        "; ".join(one["msg"] for one in error.errors())
        if isinstance(error, ValidationError)
        else str(error)
    )
    return answer.unsettled(
        f"{answer.provider} answered {answer.status} with what cannot be: {why[:200]}",
        code="malformed_answer",
    )
