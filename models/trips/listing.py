"""Bookings as callers and operators look for them, newest first. Only reads."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    RowMapping,
    Select,
    and_,
    any_,
    bindparam,
    func,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import FromClause

from models.bookings.lifecycle import BookingKind, BookingState
from models.bookings.listing import Place, Range, newest_first, page, ranges
from models.bookings.tables import BOOKING_ITEMS, BOOKINGS
from models.core.cases import has_open_case, with_open_case
from models.payments.tables import PAYMENTS


@dataclass(frozen=True)
class BookingSearch:
    """Which bookings are looked for; all that is given must fit."""

    owner: str | None
    """The caller whose they are; None for anybody's (operators)."""
    kinds: Collection[BookingKind] = (BookingKind.TRIP,)
    states: Collection[BookingState] = ()
    attention: bool | None = None
    """Whether a case about the traveller is open."""
    travelers: Collection[tuple[str, str]] | None = None
    """Callers, each with its id of the traveller looked for (``models.core.keys.traveler_id``)."""
    code: str | None = None
    """A PNR, a supplier's confirmation code or id, or our reference at the supplier."""
    suppliers: Collection[str] = ()
    """All there are: the indexes of their codes begin with the supplier."""
    payment: str | None = None
    """The gateway's id of a payment."""
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    """Made at this moment or later, and before that one."""


async def list_bookings(
    session: AsyncSession, search: BookingSearch, *, limit: int, after: Place | None = None
) -> Sequence[RowMapping]:
    """Return bookings that fit, newest first; ``after`` is the last one of the page before."""
    found = _page(search, limit, after).subquery()
    item = BOOKING_ITEMS.c
    titles = (
        select(func.array_agg(aggregate_order_by(item.title, item.number)))
        .where(item.booking_id == found.c.id)
        .scalar_subquery()
    )
    attention = has_open_case(found.c.id)
    shown: Select[Any] = select(*found.c, titles.label("titles"), attention.label("attention"))
    shown = shown.order_by(*newest_first(found))
    rows: Sequence[RowMapping] = (await session.execute(shown)).mappings().all()
    return rows


def _page(search: BookingSearch, limit: int, after: Place | None) -> Select[Any]:
    """Select the page.

    What people know of a booking names a few. They are looked up first, and PostgreSQL keeps to
    that because they are materialised: by its figures it might as well walk all bookings of a
    caller, of whom it only knows how many others have.
    """
    named = _named(search)
    source: FromClause = BOOKINGS
    if named:
        columns = [*_SHOWN, BOOKINGS.c.caller_id, BOOKINGS.c.traveler_id]
        source = select(*columns).where(*named).cte("few").prefix_with("MATERIALIZED")
    table = source.c
    conditions: list[ColumnElement[bool]] = []
    if search.since is not None:
        conditions.append(table.created_at >= search.since)
    if search.until is not None:
        conditions.append(table.created_at < search.until)
    if search.attention is False:
        conditions.append(~has_open_case(table.id))
    shown = [table[column.name] for column in _SHOWN]
    if not named and search.travelers is None:
        merged = ranges(search.owner, search.kinds, search.states)
        return page(shown, merged, *conditions, limit=limit, after=after)
    if search.owner is not None:
        conditions.append(table.caller_id == search.owner)
    if search.states:
        conditions.append(table.state.in_(search.states))
    of_kind: list[Range] = [table.kind == kind for kind in search.kinds]
    if search.travelers is None:
        return page(shown, of_kind, *conditions, limit=limit, after=after, source=source)
    whose = _pairs(search.travelers)
    of_kind = [and_(or_(*of_kind), table.traveler_id == whose.c.t, table.caller_id == whose.c.c)]
    theirs = page(shown, of_kind, *conditions, limit=limit, after=after, source=source).lateral()
    merge: Select[Any] = select(*theirs.c).select_from(whose.join(theirs, true()))
    return merge.order_by(*newest_first(theirs)).limit(limit)


def _pairs(travelers: Collection[tuple[str, str]]) -> FromClause:
    """Return callers (``c``) and their travellers (``t``) as rows."""
    callers, ids = (list(part) for part in zip(*travelers, strict=True))
    pairs = func.unnest(
        bindparam(None, callers, ARRAY(BOOKINGS.c.caller_id.type)),
        bindparam(None, ids, ARRAY(BOOKINGS.c.traveler_id.type)),
    )
    return pairs.table_valued("c", "t", name="whose").render_derived()


def _named(search: BookingSearch) -> list[Range]:
    """Return the conditions that name a few bookings."""
    named: list[Range] = []
    if search.attention:
        named.append(_one_of(with_open_case()))
    if search.code is not None:
        named.append(_one_of(_with_code(search.code, search.suppliers)))
    if search.payment is not None:
        paid = PAYMENTS.c.payment_intent_id == search.payment
        named.append(_one_of(select(PAYMENTS.c.booking_id).where(paid)))
    return named


def _one_of(found: Select[Any] | CompoundSelect[Any]) -> Range:
    """Return that a booking is one of those found, which are found first.

    Of ``IN`` PostgreSQL may make a join that begins with all bookings.
    """
    column = BOOKINGS.c.id
    return column == any_(func.array(found.scalar_subquery(), type_=ARRAY(column.type)))


_SHOWN = [
    BOOKINGS.c[name]
    for name in (
        "id",
        "reference",
        "kind",
        "state",
        "accepted_total",
        "captured",
        "refunded",
        "currency",
        "failed_step",
        "created_at",
        "updated_at",
    )
]


def _with_code(code: str, suppliers: Collection[str]) -> CompoundSelect[Any]:
    """Return the bookings of which an item has this code; each part has an index."""
    item = BOOKING_ITEMS.c
    theirs = item.supplier.in_(suppliers)
    found: list[ColumnElement[bool]] = [
        item.pnr == code.upper(),
        and_(theirs, item.vendor_confirmation == code),
        and_(theirs, item.supplier_id == code),
        item.reference == code,
    ]
    return union_all(*(select(item.booking_id).where(condition) for condition in found))
