"""``POST …/availability/check``: what is free, and what stands in the way. Nothing is held."""

import asyncio
import datetime as dt

from sqlalchemy.ext.asyncio import AsyncSession

from api.core.context import AppContext
from api.core.named import booking_named
from api.core.principals import Principal
from api.reservations import alternatives, asking, finding, presenter, venues
from api.reservations.answers import (
    AvailabilityAnswer,
    CapacityAnswer,
    ConflictAnswer,
    DepositAnswer,
    PacingAnswer,
)
from api.reservations.requests import AvailabilityBody
from models.core.venues import TIME_DOES_NOT_EXIST, Price
from models.reservations.conflicts import Room, find_room


async def check(
    context: AppContext, caller: Principal, body: AvailabilityBody
) -> AvailabilityAnswer:
    """Say whether a party would find a place.

    Raises:
        BookingNotFound: what is to be looked past is none of the caller's.
        SlotRefused, TimeDoesNotExist, OffsetDoesNotFit: it cannot be asked for.
        VenuesUnavailable, NoReservations: nobody can tell.
    """
    known = await venues.venue_of(context, caller, body.venue)
    wish = venues.wish_of(body, body.venue, known)
    venue = known or venues.unregistered(caller, body.venue)
    excluded = await _excluded(context, caller, body.exclude_booking_id)
    search = alternatives.Search(caller.id, venue, body.guest_id, excluded)
    found, price = await asyncio.gather(
        asking.availability(context, wish, excluding=search.excluding),
        asking.estimate(context, wish),
    )
    if found.reason == TIME_DOES_NOT_EXIST:
        raise asking.does_not_exist(wish, found)
    if known is not None:
        venues.expect_zone(known, found.slot)

    async def query(session: AsyncSession) -> Room:
        return await find_room(session, caller.id, venue, found.slot, body.guest_id, excluded)

    room = await context.record.read(query)
    reason = (
        found.reason
        or venue.policy.out_of_time(found.slot.starts_at, dt.datetime.now(dt.UTC))
        or room.reason
    )
    others = [] if reason is None else await alternatives.find(context, search, found)
    return AvailabilityAnswer(
        available=reason is None,
        checked_at=found.checked_at,
        reason=reason,
        time_zone=found.slot.time_zone,
        starts_at=found.slot.starts_at,
        ends_at=found.slot.ends_at,
        turn_minutes=found.turn_minutes,
        approval=venue.policy.approval,
        capacity=CapacityAnswer(
            total=found.capacity.total,
            free=room.fewer(found.capacity.free, found.capacity.unit),
            unit=found.capacity.unit,
        ),
        pacing=PacingAnswer(starts_free=room.starts_free, covers_free=room.arrivals_free),
        deposit=_deposit(price),
        conflicts=[
            ConflictAnswer(
                kind=one.kind,
                venue_id=one.venue_id,
                booking_reference=one.reference,
                starts_at=one.starts_at,
                ends_at=one.ends_at,
            )
            for one in room.conflicts
        ],
        alternatives=[presenter.alternative(one) for one in others],
    )


async def _excluded(context: AppContext, caller: Principal, name: str | None) -> str | None:
    """Return the id of the caller's reservation that is looked past. Raises BookingNotFound."""
    if name is None:
        return None
    found, _ = await finding.find(context, caller, await booking_named(context, caller, name))
    return found.booking.id


def _deposit(price: Price) -> DepositAnswer | None:
    if price.due.amount == 0:
        return None
    return DepositAnswer(amount=price.due.amount, currency=price.currency)
