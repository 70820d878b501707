"""Orders at suppliers, as operators look for them (contracts.md §4). Only reads; names nobody."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    String,
    bindparam,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.tables import BOOKING_ITEMS, BOOKINGS
from models.suppliers.listings import BY_NAME

# Written as their indexes are.
_SEARCHED = literal_column("(booking_items.offer -> 'offer' ->> 'book_hash')", String)
_BOOKED = literal_column("(booking_items.quote -> 'offer' ->> 'book_hash')", String)


@dataclass(frozen=True)
class OrderSearch:
    """Which orders at suppliers are looked for; all that is given must fit (contracts.md §4)."""

    traveler_id: str | None = None
    supplier: str | None = None
    status: str | None = None
    order_id: str | None = None
    """The supplier's."""
    reference: str | None = None
    """Our reference: RateHawk's partner order id, Viator's partnerBookingRef, …"""
    hash: str | None = None
    """Of the rate that was searched, or of the one that was booked, where a supplier has such."""


Place = tuple[dt.datetime, str, int]
"""Where an order stands in the list: when it was made, its booking, its item."""


async def list_orders(
    session: AsyncSession, search: OrderSearch, *, limit: int, after: Place | None = None
) -> Sequence[RowMapping]:
    """Return orders at suppliers, newest first; ``after`` is the last of the page before."""
    item = BOOKING_ITEMS.c
    statement: Select[Any] = (
        select(
            item.booking_id,
            item.number,
            BOOKINGS.c.traveler_id,
            item.supplier,
            item.title,
            item.reference,
            item.supplier_id.label("order_id"),
            item.vendor_confirmation.label("confirmation"),
            _SEARCHED.label("search_hash"),
            _BOOKED.label("book_hash"),
            item.offer["startsAt"].as_string().label("starts_at"),
            item.offer["endsAt"].as_string().label("ends_at"),
            item.status,
            item.saga_state,
            item.amount,
            item.currency,
            item.created_at,
            item.updated_at,
            item.booked_at,
            item.cancelled_at,
        )
        .join(BOOKINGS, BOOKINGS.c.id == item.booking_id)
        .order_by(item.created_at.desc(), item.booking_id.desc(), item.number.desc())
        .limit(limit)
    )
    exact: Mapping[ColumnElement[Any], str | None] = {
        BOOKINGS.c.traveler_id: search.traveler_id,
        item.supplier: search.supplier,
        item.status: search.status,
        item.supplier_id: search.order_id,
        item.reference: search.reference,
    }
    for column, value in exact.items():
        if value is not None:
            statement = statement.where(column == value)
    if search.order_id is not None and search.supplier is None:
        statement = statement.where(item.supplier.in_(BY_NAME))  # all of them: the index begins so
    if search.hash is not None:
        named = [search.hash]
        statement = statement.where(or_(_SEARCHED.in_(named), _BOOKED.in_(named)))
    if after is not None:
        columns = (item.created_at, item.booking_id, item.number)
        values = (bindparam(None, v, c.type) for v, c in zip(after, columns, strict=True))
        statement = statement.where(tuple_(*columns) < tuple_(*values))
    rows: Sequence[RowMapping] = (await session.execute(statement)).mappings().all()
    return rows
