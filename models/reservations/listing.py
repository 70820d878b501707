"""Lists of reservations: of a guest, newest first, and of a venue, in the order of the day."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, bindparam, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.lifecycle import BookingState
from models.bookings.tables import BOOKINGS
from models.reservations.tables import RESERVATIONS, VENUES

Place = tuple[dt.datetime, str]
"""When a reservation begins, and its booking's id: where it stands in a list."""

_R, _B, _V = RESERVATIONS.c, BOOKINGS.c, VENUES.c
_PLACE = tuple_(_R.starts_at, _R.booking_id)
_COLUMNS = (
    _R.booking_id,
    _B.reference,
    _B.version,
    _B.state,
    _B.accepted_total,
    _B.currency,
    _B.created_at,
    _R.guest_id,
    _R.guest["name"].astext.label("guest_name"),
    _V.external_id.label("venue_id"),
    _V.name.label("venue_name"),
    _R.local_date,
    _R.local_time,
    _R.time_zone,
    _R.starts_at,
    _R.ends_at,
    _R.party_size,
    _R.resource_id,
)


async def of_guest(
    session: AsyncSession, caller: str, guest_id: str, *, before: Place | None, **filters: Any
) -> Sequence[RowMapping]:
    """Return a caller's reservations of a guest, the latest first."""
    query = _select(**filters).where(_R.caller_id == caller, _R.guest_id == guest_id)
    if before is not None:
        query = query.where(_typed(before) > _PLACE)
    query = query.order_by(_R.starts_at.desc(), _R.booking_id.desc())
    return (await session.execute(query)).mappings().all()


async def of_venue(
    session: AsyncSession, venue: str, *, after: Place | None, **filters: Any
) -> Sequence[RowMapping]:
    """Return the reservations of a venue (its id on record), the earliest first."""
    query = _select(**filters).where(_R.venue_id == venue)
    if after is not None:
        query = query.where(_typed(after) < _PLACE)
    query = query.order_by(_R.starts_at, _R.booking_id)
    return (await session.execute(query)).mappings().all()


def _typed(place: Place) -> Any:
    columns = (_R.starts_at, _R.booking_id)
    parts = (bindparam(None, v, c.type) for v, c in zip(place, columns, strict=True))
    return tuple_(*parts)


def _select(
    *,
    limit: int,
    states: Sequence[BookingState] = (),
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> Any:
    return (
        select(*_COLUMNS)
        .join(BOOKINGS, _B.id == _R.booking_id)
        .join(VENUES, _V.id == _R.venue_id)
        .where(
            _B.state.in_([str(state) for state in states]) if states else true(),
            _R.starts_at >= since if since else true(),
            _R.starts_at < until if until else true(),
        )
        .limit(limit)
    )
