"""A slot as it is asked for, on the venue's clock, and as it is answered, resolved."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from sandbox.venues.catalogue import Resource, Venue, venue_of
from sandbox.venues.desk import Refused
from sandbox.venues.times import exists, moments, next_existing, offset, stamp

Word = Annotated[str, Field(min_length=1, max_length=200)]
TIME_DOES_NOT_EXIST = "time_does_not_exist"


class Body(BaseModel):
    """What a request says; anything else is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Venue(Body):
    id: Word
    type: Literal["HOTEL", "RESTAURANT", "CAFE", "RETAIL"]


class AskedSlot(Body):
    """A slot on the venue's own clock."""

    venue: _Venue
    date: dt.date
    time: str = Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")
    utc_offset: str | None = Field(default=None, pattern=r"^[+-][0-2][0-9]:[0-5][0-9]$")
    duration_minutes: int | None = Field(default=None, ge=5, le=129_600)
    party_size: int = Field(ge=1, le=500)
    resource_id: Word | None = None


@dataclass(frozen=True)
class Slot:
    """A slot, resolved."""

    venue: Venue
    starts_at: dt.datetime
    """UTC."""
    minutes: int
    party: int
    resource_id: str | None
    skipped: bool = False
    """The local time that was asked for does not exist: this is the next one that does."""

    @property
    def zone(self) -> ZoneInfo:
        """The venue's."""
        return ZoneInfo(self.venue.time_zone)

    @property
    def ends_at(self) -> dt.datetime:
        """In real time: a slot over a change of clocks is not longer or shorter."""
        return self.starts_at + dt.timedelta(minutes=self.minutes)

    @property
    def nights(self) -> int:
        """How many nights a stay has; 1 for what is shorter than a day."""
        return -(-self.minutes // 1_440)

    @property
    def local(self) -> dt.datetime:
        """The start, as the clock there shows it."""
        return self.starts_at.astimezone(self.zone)

    @property
    def fitting(self) -> tuple[Resource, ...]:
        """The resources that the party may have, the smallest first."""
        return tuple(
            sorted(
                (
                    one
                    for one in self.venue.resources
                    if one.seats_min <= self.party <= one.seats_max
                    and self.resource_id in (None, one.id)
                ),
                key=lambda one: one.seats_max,
            )
        )

    def at(self, starts_at: dt.datetime) -> "Slot":
        """Return the same slot at another time."""
        return replace(self, starts_at=starts_at, skipped=False)

    def as_json(self) -> dict[str, Any]:
        """Return it as answers write it."""
        local = self.local
        return {
            "venue": {"id": self.venue.id, "type": self.venue.type, "name": self.venue.name},
            "date": local.date().isoformat(),
            "time": f"{local:%H:%M}",
            "utc_offset": offset(self.starts_at, self.zone),
            "time_zone": self.venue.time_zone if self.venue.tells_zone else None,
            "starts_at": stamp(self.starts_at, self.zone),
            "ends_at": stamp(self.ends_at, self.zone),
            "duration_minutes": self.minutes,
            "party_size": self.party,
            "resource_id": self.resource_id,
        }


def resolved(asked: AskedSlot) -> Slot:
    """Return a slot with its zone and its moments.

    Raises:
        Refused: there is no such venue or resource, or no such offset then.
    """
    venue = venue_of(asked.venue.id)
    if venue is None:
        raise Refused(404, "unknown_venue", f"There is no venue {asked.venue.id!r}.")
    if venue.type != asked.venue.type:
        raise Refused(422, "venue_type_mismatch", f"{venue.name} is a {venue.type}.")
    if asked.resource_id and asked.resource_id not in {one.id for one in venue.resources}:
        raise Refused(404, "unknown_resource", f"{venue.name} has no {asked.resource_id!r}.")
    zone = ZoneInfo(venue.time_zone)
    local = dt.datetime.combine(asked.date, dt.time.fromisoformat(asked.time))
    skipped = not exists(local, zone)
    times = moments(next_existing(local, zone), zone)
    if asked.utc_offset is not None and not skipped:
        times = [one for one in times if offset(one, zone) == asked.utc_offset]
        if not times:
            message = f"The clock there is not at {asked.utc_offset} then."
            raise Refused(422, "utc_offset_wrong", message)
    return Slot(
        venue=venue,
        starts_at=times[0],
        minutes=asked.duration_minutes or venue.turn(asked.party_size),
        party=asked.party_size,
        resource_id=asked.resource_id,
        skipped=skipped,
    )


def expect_time(slot: Slot) -> None:
    """Refuse a slot whose local time does not exist.

    Raises:
        Refused: 422 ``time_does_not_exist``, naming the next one that does.
    """
    if slot.skipped:
        message = f"Clocks skip that time; the next one is {slot.local:%H:%M}."
        raise Refused(422, TIME_DOES_NOT_EXIST, message)
