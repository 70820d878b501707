"""``POST …/availability/check``: what is free, and what stands in the way. Nothing is held."""

import asyncio
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from api.core.callers import KnownCaller
from api.core.context import AppContext
from api.reservations import asking, venues
from api.reservations.answers import (
    AlternativeAnswer,
    AvailabilityAnswer,
    CapacityAnswer,
    ConflictAnswer,
    DepositAnswer,
    PacingAnswer,
)
from api.reservations.presenter import offset_of
from api.reservations.requests import AvailabilityBody
from models.core.keys import item_reference, parse_booking_id
from models.core.venues import TIME_DOES_NOT_EXIST, Alternative, Price, VenueSlot
from models.reservations.conflicts import Room, find_room
from models.reservations.messages import SLOT
from models.reservations.venues import Venue

MOST_ALTERNATIVES = 5


async def check(
    context: AppContext, caller: KnownCaller, body: AvailabilityBody
) -> AvailabilityAnswer:
    """Say whether a party would find a place.

    Raises:
        SlotRefused, TimeDoesNotExist, OffsetDoesNotFit: it cannot be asked for.
        VenuesUnavailable, NoReservations: nobody can tell.
    """
    venue = await venues.venue_of(context, caller, body.venue)
    wish = venues.wish_of(body, body.venue, venue)
    excluded = parse_booking_id(body.exclude_booking_id or "")
    reference = item_reference(excluded, SLOT) if excluded else None
    found, price = await asyncio.gather(
        asking.availability(context, wish, excluding=reference), asking.estimate(context, wish)
    )
    if found.reason == TIME_DOES_NOT_EXIST:
        raise asking.does_not_exist(wish, found)
    room = await _room(context, caller, body, venue, found.slot, excluded)
    return AvailabilityAnswer(
        available=found.available and room.is_free,
        checked_at=found.checked_at,
        reason=found.reason,
        time_zone=found.slot.time_zone,
        starts_at=found.slot.starts_at,
        ends_at=found.slot.ends_at,
        turn_minutes=found.turn_minutes,
        approval=venue.policy.approval if venue else "instant",
        capacity=CapacityAnswer(
            total=found.capacity.total,
            free=_fewer(found.capacity.free, room.covers_free)
            if found.capacity.unit == "covers"
            else found.capacity.free,
            unit=found.capacity.unit,
        ),
        pacing=PacingAnswer(starts_free=room.starts_free, covers_free=room.arrivals_free),
        deposit=_deposit(price),
        conflicts=[
            ConflictAnswer(
                kind=one.kind,
                booking_reference=one.reference,
                starts_at=one.starts_at,
                ends_at=one.ends_at,
            )
            for one in room.conflicts
        ],
        alternatives=[
            _alternative(one, found.slot.time_zone)
            for one in found.alternatives[:MOST_ALTERNATIVES]
        ],
    )


async def _room(
    context: AppContext,
    caller: KnownCaller,
    body: AvailabilityBody,
    venue: Venue | None,
    slot: VenueSlot,
    excluded: str | None,
) -> Room:
    if venue is None:
        return Room()

    async def query(session: AsyncSession) -> Room:
        return await find_room(session, caller.id, venue, slot, body.guest_id, excluded)

    return await context.record.read(query)


def _fewer(first: int, second: int | None) -> int:
    return first if second is None else min(first, second)


def _deposit(price: Price) -> DepositAnswer | None:
    if price.due.amount == 0:
        return None
    return DepositAnswer(amount=price.due.amount, currency=price.currency)


def _alternative(one: Alternative, zone: str) -> AlternativeAnswer:
    local = one.starts_at.astimezone(ZoneInfo(zone))
    return AlternativeAnswer(
        date=local.date().isoformat(),
        time=f"{local:%H:%M}",
        utc_offset=offset_of(one.starts_at, zone),
        free=one.free,
    )
