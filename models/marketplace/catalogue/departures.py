"""Departures of tours as their operator offers them: made in bulk, changed, closed, cancelled.

``held`` and ``sold`` are written by the stock alone; a CHECK of the table has the last word.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models.bookings.hooks import Hooks
from models.core.cases import CaseKind, open_case
from models.core.local_times import TimeDoesNotExist, utc_of
from models.marketplace.catalogue.errors import (
    BelowSold,
    DepartureTimeDoesNotExist,
    OfferIncomplete,
    OfferNotFound,
    OfferRefused,
    OfferStateConflict,
    Taken,
)
from models.marketplace.catalogue.lifecycle import DepartureStatus
from models.marketplace.catalogue.messages import DeparturesMade
from models.marketplace.catalogue.ownership import change, differs, load_own
from models.marketplace.catalogue.repository import expect_not_archived
from models.marketplace.catalogue.rules import days_between
from models.marketplace.catalogue.tables import TourPackageRow
from models.marketplace.stock.suspension import end_holds_on
from models.marketplace.stock.tables import DepartureRow
from models.marketplace.versions import Expected

DEPARTURES_AT_MOST: Final = 366
"""Days of one call."""
_NAMESPACE: Final = uuid.UUID("0b0c2b8e-6e0a-5c39-8d51-3f7f6c1f7a55")


async def make_departures(
    session: AsyncSession,
    user: str,
    tour_id: str,
    since: dt.date,
    until: dt.date,
    weekdays: Collection[int] | None,
    *,
    time: dt.time | None,
    seats: int | None,
    price: int | None,
) -> DeparturesMade:
    """Make a tour's departures on some days, one a day; those that are there stay as they are.

    Args:
        session: in a transaction of the caller's.
        user: a member of the tour's provider.
        tour_id: of which tour.
        since: the first day.
        until: the day after the last.
        weekdays: ISO; None: on all.
        time: at which they begin, on a clock there; None: the tour's.
        seats: how many each has; None: as many as the tour has at most.
        price: of a seat; None: the tour's, whatever it is when seats are sold.

    Raises:
        OfferNotFound: there is no such tour, or it is another provider's.
        OfferStateConflict: it is archived.
        OfferIncomplete: it has no time zone, or no time.
        OfferRefused: the days are none, too many, or over; or there are too many seats.
        DepartureTimeDoesNotExist: on a day, clocks are put forward over the time. None is made.
    """
    tour = await load_own(session, TourPackageRow, user, tour_id, lock=True)
    expect_not_archived(tour.status)
    zone, start = tour.time_zone, time or tour.start_time
    if zone is None or start is None:
        missing = {"time_zone": zone, "start_time": start}
        raise OfferIncomplete("tour", [name for name, value in missing.items() if value is None])
    _expect_seats(tour, seats)
    days = days_between(since, until, weekdays, at_most=DEPARTURES_AT_MOST)
    moments = [_moments(day, start, zone, tour.days) for day in days]
    if moments[0][0] < dt.datetime.now(dt.UTC):
        raise OfferRefused("from", "The first of these departures is over.")
    made = await session.scalars(
        insert(DepartureRow)
        .values(
            [
                {
                    "id": str(uuid.uuid5(_NAMESPACE, f"{tour_id}\n{day}")),
                    "package_id": tour_id,
                    "departure_date": day,
                    "starts_at": starts_at,
                    "ends_at": ends_at,
                    "seats": tour.max_seats if seats is None else seats,
                    "price": price,
                    "status": DepartureStatus.OPEN,
                    "version": 1,
                }
                for day, (starts_at, ends_at) in zip(days, moments, strict=True)
            ]
        )
        .on_conflict_do_nothing(index_elements=["package_id", "departure_date"])
        .returning(col(DepartureRow.id))
    )
    return DeparturesMade(asked=len(days), created=len(made.all()))


async def list_departures(
    session: AsyncSession, user: str, tour_id: str, since: dt.date, until: dt.date
) -> tuple[TourPackageRow, Sequence[DepartureRow]]:
    """Return a tour, and its departures from one day to another, which is not meant any more.

    Raises:
        OfferNotFound: there is no such tour, or it is another provider's.
        OfferRefused: these are no days, or too many.
    """
    tour = await load_own(session, TourPackageRow, user, tour_id)
    days_between(since, until, None, at_most=DEPARTURES_AT_MOST)
    day = col(DepartureRow.departure_date)
    of_it = (col(DepartureRow.package_id) == tour_id, day >= since, day < until)
    rows = select(DepartureRow).where(*of_it).order_by(day)
    return tour, (await session.scalars(rows)).all()


async def change_departure(
    session: AsyncSession,
    user: str,
    tour_id: str,
    departure_id: str,
    values: Mapping[str, Any],
    expected: Expected,
) -> tuple[TourPackageRow, DepartureRow]:
    """Change a departure: its seats, its price, whether more are sold (OPEN, CLOSED).

    Raises:
        OfferNotFound: there is none, or it is another tour's or another provider's.
        MarketVersionConflict: it is in another version.
        OfferStateConflict: it is cancelled.
        OfferRefused: it would have more seats than the tour.
        BelowSold: it would have fewer than are held and sold.
    """
    row = await _own(session, user, tour_id, departure_id, lock=True)
    tour = await load_own(session, TourPackageRow, user, tour_id)
    if not differs(row, values):
        return tour, row
    expected.check(row.version)
    if row.status == DepartureStatus.CANCELLED:
        raise OfferStateConflict(row.status, (), "It is cancelled for good.")
    seats = values.get("seats")
    _expect_seats(tour, seats)
    if seats is not None and seats < row.held + row.sold:
        raise BelowSold([Taken(row.departure_date, row.held, row.sold)])
    return tour, await change(session, row, values, expected)


async def cancel_departure(
    session: AsyncSession,
    user: str,
    tour_id: str,
    departure_id: str,
    reason: str,
    *,
    hooks: Hooks,
) -> tuple[TourPackageRow, DepartureRow]:
    """Cancel a departure: no seat of it is sold any more. Once more changes nothing.

    What is held of it ends at once (``end_holds_on``); ``hooks`` follow those bookings. What is
    sold stands, and is a case: whoever settles it cancels those bookings. The workflow that does so
    for each of them begins here, when there is one.

    Raises:
        OfferNotFound: there is none, or it is another tour's or another provider's.
    """
    await _own(session, user, tour_id, departure_id)
    why = f"the departure was cancelled: {reason}"
    # Before the departure's row is locked: whoever holds or pays locks it last.
    ended = await end_holds_on(session, departure_id, hooks, who=f"user {user}", why=why)
    row = await _own(session, user, tour_id, departure_id, lock=True)
    tour = await load_own(session, TourPackageRow, user, tour_id)
    if row.status == DepartureStatus.CANCELLED:
        return tour, row
    row = await change(session, row, {"status": DepartureStatus.CANCELLED}, Expected(None))
    if row.sold:
        await open_case(
            session,
            kind=CaseKind.SUPPLIER,
            source=f"departure:{row.id}:cancelled",
            summary=f"The operator has cancelled the departure of {tour.title} on"
            f" {row.departure_date}: {row.sold} seats are sold, and their bookings are to be"
            " cancelled and paid back whole.",
            details={
                "departureId": row.id,
                "tourId": tour_id,
                "reason": reason,
                "sold": row.sold,
                "holdsEnded": ended,
            },
        )
    return tour, row


async def _own(
    session: AsyncSession, user: str, tour_id: str, departure_id: str, *, lock: bool = False
) -> DepartureRow:
    row = await load_own(session, DepartureRow, user, departure_id, lock=lock)
    if row.package_id != tour_id:
        raise OfferNotFound("departure")
    return row


def _expect_seats(tour: TourPackageRow, seats: int | None) -> None:
    if seats is not None and seats > tour.max_seats:
        words = f"The tour has {tour.max_seats} seats a departure at most: change that first."
        raise OfferRefused("seats", words)


def _moments(day: dt.date, time: dt.time, zone: str, days: int) -> tuple[dt.datetime, dt.datetime]:
    """Return when a departure begins, and when its last day is over.

    Of a time that clocks show twice it is the first. Raises DepartureTimeDoesNotExist.
    """
    try:
        begins = utc_of(day, time, zone)
    except TimeDoesNotExist as error:
        raise DepartureTimeDoesNotExist(day, error.following) from error
    over = day + dt.timedelta(days=days)
    try:
        return begins, utc_of(over, dt.time(), zone)
    except TimeDoesNotExist as error:  # where clocks are put forward at midnight
        following = error.following
        return begins, utc_of(following.date(), following.time(), zone)
