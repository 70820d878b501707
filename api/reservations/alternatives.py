"""Other times at which a party would be reserved, where it cannot be at the one it asks for."""

import asyncio
import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from api.core.context import AppContext
from api.reservations import asking
from models.bookings.problems import Problem
from models.core.domain_errors import DomainError
from models.core.keys import item_reference
from models.core.supply import Quote
from models.core.venues import (
    DAY_MINUTES,
    TIME_DOES_NOT_EXIST,
    Alternative,
    Availability,
    SlotWish,
    VenueGuest,
    VenueSlot,
)
from models.reservations.conflicts import Room, find_rooms
from models.reservations.errors import SlotUnavailable
from models.reservations.messages import SLOT
from models.reservations.policy import VenuePolicy
from models.reservations.slots import TimeDoesNotExist, blocked, slot_of, utc_of
from models.reservations.venues import Venue

MOST = 5
"""So many are told."""
_FURTHER = dt.timedelta(hours=2)
"""How far behind what a visit itself blocks, before and after, other starts are looked for."""
_STEPS = 50
"""So many slots before and after, at most."""
_DAYS = 7
"""So many days before and after a stay of more than a day."""
SECONDS = 2.0
"""How long a refusal waits for other times, at most: then it tells of none."""


@dataclass(frozen=True)
class Search:
    """Where a place is looked for, and for whom."""

    caller: str
    venue: Venue
    guest_id: str | None
    """None: nobody in particular, or somebody who may be there twice."""
    excluded: str | None = None
    """A booking: as if it were not there."""
    stands_at: dt.datetime | None = None
    """When it begins, where its place is the same otherwise: no other time, but its own."""

    @property
    def excluding(self) -> str | None:
        """What the inventory knows that booking by."""
        return self.excluded and item_reference(self.excluded, SLOT)


async def quote(context: AppContext, search: Search, wish: SlotWish, guest: VenueGuest) -> Quote:
    """Verify that a slot is to be had, and price it. Nothing is held by it.

    Raises:
        SlotUnavailable: with other times.
        TimeDoesNotExist, SlotRefused: it cannot be asked for.
        VenuesUnavailable, NoReservations: nobody can tell.
    """
    try:
        return await asking.quote(context, wish, guest, excluding=search.excluding)
    except SlotUnavailable as refused:
        raise await _unavailable(context, search, wish, refused.reason) from refused


async def taken(
    context: AppContext, search: Search, wish: SlotWish, problem: Problem
) -> DomainError:
    """Return the refusal of a slot that our record or the inventory had no room in."""
    reason = problem.details.get("conflict") or problem.provider_code or "full"
    return await _unavailable(context, search, wish, str(reason).lower())


async def _unavailable(
    context: AppContext, search: Search, wish: SlotWish, reason: str
) -> DomainError:
    """Return the refusal of a slot, with other times if they can be told now."""
    with suppress(DomainError, TimeoutError):
        async with asyncio.timeout(SECONDS):
            return await _told(context, search, wish, reason)
    return SlotUnavailable(reason, moving=search.excluded is not None)


async def _told(context: AppContext, search: Search, wish: SlotWish, reason: str) -> DomainError:
    """Return the refusal of a slot, with other times. Raises as :func:`quote`."""
    found = await asking.availability(context, wish, excluding=search.excluding)
    if found.reason == TIME_DOES_NOT_EXIST:
        return asking.does_not_exist(wish, found)
    others = await find(context, search, found)
    return SlotUnavailable(reason, others, moving=search.excluded is not None)


async def find(context: AppContext, search: Search, found: Availability) -> list[Alternative]:
    """Return other starts at which the party would be reserved, the nearest first, at most five.

    The venue's policy, our record and the inventory all have room then. Where the inventory has
    none at the time asked for, they are of those that it names; where it has, of those nearby (of
    a stay: on days nearby), and it is asked about the nearest that we have room for, all at once.
    Where a venue is not registered, it is not held to the slots of a policy that nobody made.
    """
    venue, slot = search.venue, found.slot
    named = {one.starts_at: one.free for one in found.alternatives}
    starts = _nearby(venue.policy, found) if found.available else named
    now = dt.datetime.now(dt.UTC)
    slots = [
        other
        for other in (_at(slot, start) for start in sorted(starts, key=_distance_to(slot)))
        if venue.policy.out_of_time(other.starts_at, now) is None
        and other.starts_at != search.stands_at
        and (not venue.time_zone or slot_of(venue.policy, other)[0] == other.starts_at)
    ]

    async def query(session: AsyncSession) -> list[Room]:
        whose = search.guest_id, search.excluded
        return await find_rooms(session, search.caller, venue, slots, *whose)

    rooms = await context.record.read(query)
    free = [pair for pair in zip(slots, rooms, strict=True) if pair[1].is_free][:MOST]
    if found.available:
        asked = (_free_at(context, search, other) for other, _ in free)
        told = await asyncio.gather(*asked)
    else:
        told = [named[other.starts_at] for other, _ in free]
    return [
        Alternative(
            starts_at=other.starts_at.astimezone(ZoneInfo(slot.time_zone)),
            free=room.fewer(left, found.capacity.unit),
        )
        for (other, room), left in zip(free, told, strict=True)
        if left
    ]


def _nearby(policy: VenuePolicy, found: Availability) -> Iterable[dt.datetime]:
    """Return the starts around the one asked for that the venue is open for."""
    slot, step = found.slot, dt.timedelta(minutes=policy.slot_minutes)
    if slot.duration_minutes > DAY_MINUTES:
        return _on_other_days(slot)
    begins, ends = blocked(policy, slot)
    here, _ = slot_of(policy, slot)
    steps = min((ends - begins + _FURTHER) // step, _STEPS)
    starts = [here + number * step for number in range(-steps, steps + 1)]
    # Guests of a hotel stay when its desk has closed.
    open_for = dt.timedelta(0) if slot.venue_type == "HOTEL" else slot.ends_at - slot.starts_at
    return [
        start
        for start in starts
        if start != slot.starts_at
        and (
            not found.shifts
            or any(one.opens_at <= start <= one.closes_at - open_for for one in found.shifts)
        )
    ]


def _on_other_days(slot: VenueSlot) -> Iterator[dt.datetime]:
    """Yield the same time on the days around; how long the desk is open then is not known."""
    local = slot.local
    for days in range(-_DAYS, _DAYS + 1):
        with suppress(TimeDoesNotExist):
            if days:
                day = local.date() + dt.timedelta(days=days)
                yield utc_of(day, local.time(), slot.time_zone)


async def _free_at(context: AppContext, search: Search, slot: VenueSlot) -> int:
    """Return how much the inventory has for a slot; 0: nothing, or nobody can tell."""
    with suppress(DomainError):
        async with context.nearby:
            found = await asking.availability(context, slot.wish, excluding=search.excluding)
        return found.capacity.free if found.available else 0
    return 0


def _at(slot: VenueSlot, starts_at: dt.datetime) -> VenueSlot:
    ends_at = starts_at + (slot.ends_at - slot.starts_at)
    return slot.model_copy(update={"starts_at": starts_at, "ends_at": ends_at})


def _distance_to(slot: VenueSlot) -> Callable[[dt.datetime], tuple[dt.timedelta, dt.datetime]]:
    return lambda start: (abs(start - slot.starts_at), start)
