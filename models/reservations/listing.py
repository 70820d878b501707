"""Lists of reservations: of a guest, the latest first, and of a venue, in the order of the day.

A page costs the same wherever it is. There is one index of a guest's reservations and one of a
venue's; both end with (``state``, ``starts_at``, ``booking_id``), so those in one state are a range
that is read in the list's order from any place on. Those in several, or in whatever state, are
merged from their ranges (``models.bookings.listing`` does the same). A second index without the
state would be taken for pages that ask for one: of an average venue either reads a few rows. What
stands elsewhere is joined to the rows of the page alone.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    bindparam,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.lifecycle import BookingState
from models.bookings.listing import Count, Range, count
from models.bookings.tables import BOOKINGS
from models.core.cases import has_open_case
from models.reservations.tables import RESERVATIONS, VENUES

Place = tuple[dt.datetime, str]
"""When a reservation begins, and its booking's id: where it stands in a list."""

_R, _B, _V = RESERVATIONS.c, BOOKINGS.c, VENUES.c
_COLUMNS = (
    _R.booking_id,
    _R.venue_id,
    _R.guest_id,
    _R.guest["name"].astext.label("guest_name"),
    _R.local_date,
    _R.local_time,
    _R.time_zone,
    _R.starts_at,
    _R.ends_at,
    _R.party_size,
    _R.resource_id,
)
_JOINED = (
    _B.reference,
    _B.version,
    _B.state,
    _B.accepted_total,
    _B.currency,
    _B.created_at,
    _V.external_id.label("venue_id"),
    _V.name.label("venue_name"),
)


async def of_guest(
    session: AsyncSession, caller: str, guest_id: str, *, before: Place | None, **filters: Any
) -> Sequence[RowMapping]:
    """Return a caller's reservations of a guest, the latest first."""
    whose = (_R.caller_id == caller, _R.guest_id == guest_id)
    return await _found(session, _page(whose, before, latest_first=True, **filters))


async def of_venue(
    session: AsyncSession, venue: str, *, after: Place | None, **filters: Any
) -> Sequence[RowMapping]:
    """Return the reservations of a venue (its id on record), the earliest first."""
    whose = (_R.venue_id == venue,)
    return await _found(session, _page(whose, after, latest_first=False, **filters))


async def count_of_guest(
    session: AsyncSession, caller: str, guest_id: str, **filters: Any
) -> Count:
    """Return how many reservations :func:`of_guest` lists, on all its pages."""
    whose = (_R.caller_id == caller, _R.guest_id == guest_id)
    return await _count(session, whose, latest_first=True, **filters)


async def count_of_venue(session: AsyncSession, venue: str, **filters: Any) -> Count:
    """Return how many reservations :func:`of_venue` lists, on all its pages."""
    return await _count(session, (_R.venue_id == venue,), latest_first=False, **filters)


async def _count(
    session: AsyncSession,
    whose: Sequence[ColumnElement[bool]],
    *,
    latest_first: bool,
    states: Collection[BookingState] = (),
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> Count:
    ordered = select(_R.booking_id).where(*whose, *_between(since, until))
    ordered = ordered.order_by(*_order(_R, latest_first=latest_first))
    return await count(session, [ordered.where(one) for one in _in(states)])


async def _found(session: AsyncSession, page: Select[Any]) -> Sequence[RowMapping]:
    found: Sequence[RowMapping] = (await session.execute(page)).mappings().all()
    return found


def _page(
    whose: Sequence[ColumnElement[bool]],
    behind: Place | None,
    *,
    latest_first: bool,
    limit: int,
    states: Collection[BookingState] = (),
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> Select[Any]:
    """Select ``limit`` reservations behind a place, in any of the states, or whatever theirs is."""
    # Of two bounds at the same end PostgreSQL begins at either and leaves out the rest row by row.
    if behind is not None and latest_first and until is not None:
        behind, until = (behind, None) if behind[0] < until else (None, until)
    if behind is not None and not latest_first and since is not None:
        behind, since = (behind, None) if behind[0] >= since else (None, since)
    conditions = [*whose, *_between(since, until)]
    if behind is not None:
        place, bound = tuple_(_R.starts_at, _R.booking_id), _typed(behind)
        conditions.append(place < bound if latest_first else place > bound)

    order = partial(_order, latest_first=latest_first)
    # Each range has the limit of its own: PostgreSQL merges only what is in order by itself.
    parts: list[Select[Any]] = [
        select(*_COLUMNS).where(*conditions, one).order_by(*order(_R)).limit(limit)
        for one in _in(states)
    ]
    rows = parts[0].subquery()
    if len(parts) > 1:
        merged = union_all(*parts).subquery()
        rows = select(*merged.c).order_by(*order(merged.c)).limit(limit).subquery()
    return (
        select(
            *(column for column in rows.c if column.name != "venue_id"),
            *_JOINED,
            has_open_case(rows.c.booking_id).label("attention"),
        )
        .join(BOOKINGS, _B.id == rows.c.booking_id)
        .join(VENUES, _V.id == rows.c.venue_id)
        .order_by(*order(rows.c))
    )


def _in(states: Collection[BookingState]) -> list[Range]:
    """Return the ranges of these states, or of all there are."""
    return [_R.state == state for state in sorted(set(states or BookingState))]


def _between(since: dt.datetime | None, until: dt.datetime | None) -> list[ColumnElement[bool]]:
    bounds = [] if since is None else [_R.starts_at >= since]
    return bounds if until is None else [*bounds, _R.starts_at < until]


def _order(rows: Any, *, latest_first: bool) -> Sequence[ColumnElement[Any]]:
    place = (rows.starts_at, rows.booking_id)
    return [one.desc() for one in place] if latest_first else place


def _typed(place: Place) -> Any:
    columns = (_R.starts_at, _R.booking_id)
    return tuple_(*(bindparam(None, v, c.type) for v, c in zip(place, columns, strict=True)))
