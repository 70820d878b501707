"""Nights of rooms as their provider puts them up for sale: never fewer than are held and sold.

``held`` and ``sold`` are written by the stock alone. Nights are locked in the order room, night, as
holds lock them; a CHECK of the table has the last word.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ARRAY, Date, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models.marketplace.catalogue.errors import BelowSold, OfferRefused, Taken
from models.marketplace.catalogue.messages import NightsChanged
from models.marketplace.catalogue.ownership import load_own
from models.marketplace.catalogue.repository import expect_not_archived
from models.marketplace.catalogue.rules import days_between
from models.marketplace.catalogue.tables import ListingRow, RoomRow
from models.marketplace.stock.tables import NIGHTS, NightRow

NIGHTS_AT_MOST: Final = 730
"""Of one call."""


async def put_nights(
    session: AsyncSession,
    user: str,
    room_id: str,
    since: dt.date,
    until: dt.date,
    weekdays: Collection[int] | None,
    values: Mapping[str, Any],
) -> NightsChanged:
    """Put nights of a room up for sale, or change them; what is not named stays as it is.

    Args:
        session: in a transaction of the caller's.
        user: a member of the room's provider.
        room_id: whose nights.
        since: the first night.
        until: the day after the last night.
        weekdays: on which they begin, ISO; None: on all.
        values: what is said of each, by the names of columns. A night that is not there yet has as
            many units as rooms have by default, if no number is said.

    Raises:
        OfferNotFound: there is no such room, or it is another provider's.
        OfferStateConflict: it is archived.
        OfferRefused: the nights are none, too many, or over.
        BelowSold: of some, more are held and sold than would be offered.
    """
    room = await load_own(session, RoomRow, user, room_id)
    expect_not_archived(room.status)
    days = days_between(since, until, weekdays, at_most=NIGHTS_AT_MOST)
    # A day earlier than here is still going on somewhere.
    if days[0] < dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1):
        raise OfferRefused("from", "These nights are over.")
    await _lock_room(session, room_id)
    nights = (col(NightRow.room_id) == room_id, col(NightRow.night).in_(days))
    locked = select(NightRow).where(*nights).order_by(col(NightRow.room_id), col(NightRow.night))
    found = (await session.scalars(locked.with_for_update())).all()
    if (units := values.get("units")) is not None:
        taken = [Taken(n.night, n.held, n.sold) for n in found if n.held + n.sold > units]
        if taken:
            raise BelowSold(taken)
    try:
        written = await _upsert(session, room, days, values)
    except IntegrityError as error:
        if "inventory_nights_units" in str(error.orig):
            raise BelowSold([]) from error
        raise
    created = len(days) - len(found)
    return NightsChanged(nights=len(days), created=created, changed=written - created)


async def list_nights(
    session: AsyncSession, user: str, room_id: str, since: dt.date, until: dt.date
) -> tuple[RoomRow, Sequence[NightRow], str]:
    """Return a room, its nights from one day to another, which is not meant any more, and their
    currency.

    Raises:
        OfferNotFound: there is no such room, or it is another provider's.
        OfferRefused: these are no days, or too many.
    """
    room = await load_own(session, RoomRow, user, room_id)
    days_between(since, until, None, at_most=NIGHTS_AT_MOST)
    nights = select(NightRow).where(
        col(NightRow.room_id) == room_id,
        col(NightRow.night) >= since,
        col(NightRow.night) < until,
    )
    found = (await session.scalars(nights.order_by(col(NightRow.night)))).all()
    currency = select(col(ListingRow.currency)).where(col(ListingRow.id) == room.listing_id)
    return room, found, str(await session.scalar(currency))


async def _lock_room(session: AsyncSession, room_id: str) -> None:
    """Let nobody else put nights of a room meanwhile; holds, which add no nights, do not wait."""
    room = select(col(RoomRow.id)).where(col(RoomRow.id) == room_id)
    await session.scalar(room.with_for_update(key_share=True))


async def _upsert(
    session: AsyncSession, room: RoomRow, days: Sequence[dt.date], values: Mapping[str, Any]
) -> int:
    """Insert nights and change those that are others; returns how many it wrote."""
    columns, new = NIGHTS.c, {"units": room.units_default, **values}
    day = func.unnest(literal(days, ARRAY(Date))).column_valued("night")
    said = (literal(value, columns[name].type) for name, value in new.items())
    nights = select(literal(room.id, columns.room_id.type), day, *said)
    put = insert(NightRow).from_select(
        ["room_id", "night", *new], nights.order_by(day), include_defaults=False
    )
    if values:
        now = tuple_(*(columns[name] for name in values))
        put = put.on_conflict_do_update(
            index_elements=["room_id", "night"],
            set_={name: put.excluded[name] for name in values},
            where=now.is_distinct_from(tuple_(*(put.excluded[name] for name in values))),
        )
    else:
        put = put.on_conflict_do_nothing()
    return len((await session.execute(put.returning(columns.night))).all())
