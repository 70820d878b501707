"""``GET …/guest/{guest_id}`` and ``…/venue/{venue_id}``: a caller's reservations, page by page."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Query, Request
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from api.core.audience import Audience, Policy
from api.core.context import Context, TheCaller
from api.core.cursors import cursor_of, page_of, place_of
from api.core.filters import Counted, Cursor
from api.core.named import GuestId, VenueId
from api.core.principals import Principal
from api.openapi import problems, shown
from api.reservations import presenter
from api.reservations.answers import ListedReservation, ReservationPage, Status
from api.reservations.venues import expect_day
from models.bookings.lifecycle import BookingState
from models.bookings.listing import Count
from models.core.callers import Scope
from models.core.times import Day, Moment
from models.reservations.errors import Contradiction
from models.reservations.listing import count_of_guest, count_of_venue, of_guest, of_venue
from models.reservations.venues import find_venue

router = Audience(
    Policy.CALLER, Scope.RESERVATIONS_READ, prefix="/api/v1/bookings", tags=["reservations"]
)
_LISTED = {
    200: {"content": shown("RESERVATIONS", "RESERVATIONS_COUNTED")},
    **problems(400, 401, 404, 422, 500, 503),
}

Wanted = Annotated[list[Status] | None, Query(alias="status", description="One of these.")]
Limit = Annotated[int, Query(ge=1, le=100, description="At most so many.")]
Behind = Annotated[Cursor | None, Query(description="`next_cursor` of the page before this one.")]
Since = Annotated[Moment | None, Query(alias="from", description="Beginning then or later.")]
Until = Annotated[Moment | None, Query(alias="to", description="Beginning before then.")]
_Found = tuple[Sequence[RowMapping], Count | None]


@router.listing(
    "/guest/{guest_id}",
    operation_id="listReservationsOfGuest",
    response_model_exclude_unset=True,
    summary="Reservations of a guest, the latest first",
    responses=_LISTED,
)
async def guests(
    context: Context,
    caller: TheCaller,
    request: Request,
    guest_id: GuestId,
    *,
    status: Wanted = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
    cursor: Behind = None,
    count: Counted = False,
) -> ReservationPage:
    """List the caller's reservations of a guest; of a guest nobody knows there are none.

    With `count=true` the page tells how many all pages have, up to 1,000.
    """
    before = None if cursor is None else place_of(request, caller, cursor)
    filters: dict[str, Any] = {"states": _states(status), "since": since, "until": until}

    async def find(session: AsyncSession) -> _Found:
        whose = caller.id, guest_id
        rows = await of_guest(session, *whose, before=before, limit=limit + 1, **filters)
        return rows, await count_of_guest(session, *whose, **filters) if count else None

    return _page(request, caller, await context.lists.read(find), limit)


@router.listing(
    "/venue/{venue_id}",
    operation_id="listReservationsOfVenue",
    response_model_exclude_unset=True,
    summary="Reservations at a venue, the earliest first",
    responses=_LISTED,
)
async def venues(
    context: Context,
    caller: TheCaller,
    request: Request,
    venue_id: VenueId,
    *,
    date: Annotated[Day | None, Query(description="On this day at the venue.")] = None,
    status: Wanted = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
    cursor: Behind = None,
    count: Counted = False,
) -> ReservationPage:
    """List the reservations at the caller's venue; at one nobody knows there are none.

    With `count=true` the page tells how many all pages have, up to 1,000.
    """
    if date is not None and (since or until):
        raise Contradiction("date", "Ask for a date, or for from and to.")
    if date is not None:
        expect_day(date)
    after = None if cursor is None else place_of(request, caller, cursor)

    async def find(session: AsyncSession) -> _Found:
        venue = await find_venue(session, caller.id, venue_id)
        if venue is None:
            return [], Count(0, exceeded=False) if count else None
        first, last = (since, until) if date is None else _day(date, venue.time_zone)
        filters = {"states": _states(status), "since": first, "until": last}
        rows = await of_venue(session, venue.id, after=after, limit=limit + 1, **filters)
        return rows, await count_of_venue(session, venue.id, **filters) if count else None

    return _page(request, caller, await context.lists.read(find), limit)


def _day(date: dt.date, zone: str) -> tuple[dt.datetime, dt.datetime]:
    """Return when a day begins and ends at a venue (UTC)."""
    midnights = (
        dt.datetime.combine(day, dt.time(), ZoneInfo(zone)).astimezone(dt.UTC)
        for day in (date, date + dt.timedelta(days=1))
    )
    return next(midnights), next(midnights)


def _states(wanted: list[Status] | None) -> list[BookingState]:
    return [state for state in BookingState if presenter.status_of(state) in (wanted or ())]


def _page(request: Request, caller: Principal, found: _Found, limit: int) -> ReservationPage:
    rows, count = found
    shown, last = page_of(rows, limit)
    page = ReservationPage(
        bookings=[_listed(row) for row in shown],
        has_more=last is not None,
        next_cursor=last
        and cursor_of(request, caller, (last["starts_at"], str(last["booking_id"]))),
    )
    if count is not None:
        page.count, page.count_exceeded = count.rows, count.exceeded
    return page


def _listed(row: RowMapping) -> ListedReservation:
    return ListedReservation(
        id=str(row["booking_id"]),
        booking_reference=row["reference"],
        version=row["version"],
        status=presenter.status_of(BookingState(row["state"])),
        attention=row["attention"],
        guest_id=row["guest_id"],
        guest_name=row["guest_name"],
        venue_id=row["venue_id"],
        venue_name=row["venue_name"],
        date=row["local_date"].isoformat(),
        time=f"{row['local_time']:%H:%M}",
        utc_offset=presenter.offset_of(row["starts_at"], row["time_zone"]),
        time_zone=row["time_zone"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        party_size=row["party_size"],
        resource_id=row["resource_id"],
        total=row["accepted_total"],
        currency=row["currency"],
        created_at=row["created_at"],
    )
