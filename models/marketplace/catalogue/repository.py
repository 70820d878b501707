"""Listings, their rooms and rate plans: made, changed and read. Callers own the transaction."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import exists, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models.marketplace.catalogue.errors import FieldFixed, OfferRefused, OfferStateConflict
from models.marketplace.catalogue.lifecycle import OfferStatus, RoomStatus
from models.marketplace.catalogue.messages import ListingWhole, Place, RoomWhole
from models.marketplace.catalogue.ownership import (
    Owned,
    Row,
    change,
    differs,
    load_own,
    load_own_provider,
)
from models.marketplace.catalogue.places import city_norm
from models.marketplace.catalogue.tables import ListingRow, RatePlanRow, RoomRow
from models.marketplace.providers.lifecycle import ProviderType
from models.marketplace.providers.tables import ProviderRow
from models.marketplace.stock.tables import NightRow
from models.marketplace.versions import Expected

ROOMS_AT_MOST: Final = 100
"""Of a listing, archived ones included."""
PLANS_AT_MOST: Final = 20
"""Of a room, likewise."""
_FIXED: Final = ("currency", "time_zone")
"""Of a listing: what held and sold nights were priced and timed by."""


async def insert_once(session: AsyncSession, row: type[Owned], values: Mapping[str, Any]) -> bool:
    """Insert a row under an id of its maker's; False: it is there, and a repeat made it before."""
    columns: Any = row
    made = await session.scalar(
        insert(row)
        .values(_with_defaults(row, values))
        .on_conflict_do_nothing()
        .returning(columns.id)
    )
    return made is not None


async def expect_type(
    session: AsyncSession, user: str, provider_id: str, wanted: ProviderType
) -> ProviderRow:
    """Return a user's provider of a type. Raises ProviderNotFound, OfferRefused: of another one."""
    provider = await load_own_provider(session, user, provider_id)
    if provider.provider_type != wanted:
        words = f"This needs a provider that is a {wanted}, not a {provider.provider_type}."
        raise OfferRefused("provider_id", words)
    return provider


async def create_listing(
    session: AsyncSession, user: str, listing_id: str, provider_id: str, values: Mapping[str, Any]
) -> ListingWhole:
    """Make a listing, a draft. Raises ProviderNotFound, OfferRefused: it cannot have listings."""
    await expect_type(session, user, provider_id, ProviderType.HOTEL_MANAGER)
    made = {"id": listing_id, "provider_id": provider_id, "amenities": [], **placed(values)}
    await insert_once(session, ListingRow, made)
    return await load_listing(session, user, listing_id)


async def change_listing(
    session: AsyncSession, user: str, listing_id: str, values: Mapping[str, Any], expected: Expected
) -> ListingWhole:
    """Change a listing.

    Raises:
        OfferNotFound: there is none, or it is another provider's.
        MarketVersionConflict: it is in another version.
        OfferStateConflict: it is archived.
        FieldFixed: its currency or time zone is to change, and nights of it are held or sold.
    """
    row = await load_own(session, ListingRow, user, listing_id, lock=True)
    expect_not_archived(row.status)
    changes = placed(values)
    for field in _FIXED:
        given = changes.get(field)
        if given is not None and given != getattr(row, field) and getattr(row, field) is not None:
            expected.check(row.version)
            await _expect_nothing_taken(session, listing_id, field)
    await change(session, row, changes, expected)
    return await load_listing(session, user, listing_id)


async def load_listing(session: AsyncSession, user: str, listing_id: str) -> ListingWhole:
    """Return a listing with its rooms and their rate plans. Raises OfferNotFound."""
    listing = await load_own(session, ListingRow, user, listing_id)
    rooms = select(RoomRow).where(col(RoomRow.listing_id) == listing_id)
    plans = select(RatePlanRow).join(RoomRow, col(RoomRow.id) == col(RatePlanRow.room_id))
    plans = plans.where(col(RoomRow.listing_id) == listing_id)
    order = (col(RoomRow.created_at), col(RoomRow.id))
    by_room: dict[str, list[RatePlanRow]] = {}
    found = (await session.scalars(rooms.order_by(*order))).all()
    for plan in await session.scalars(
        plans.order_by(col(RatePlanRow.created_at), col(RatePlanRow.id))
    ):
        by_room.setdefault(plan.room_id, []).append(plan)
    return ListingWhole(listing, [RoomWhole(room, by_room.get(room.id, [])) for room in found])


async def list_of(
    session: AsyncSession,
    row: type[Row],
    user: str,
    provider_id: str,
    *,
    status: str | None,
    before: Place | None,
    limit: int,
) -> Sequence[Row]:
    """Return a provider's listings, packages or tours, newest first. Raises ProviderNotFound."""
    await load_own_provider(session, user, provider_id)
    kind: Any = row
    place = (col(kind.created_at), col(kind.id))
    rows = select(row).where(col(kind.provider_id) == provider_id)
    if status is not None:
        rows = rows.where(col(kind.status) == status)
    if before is not None:
        rows = rows.where(tuple_(*place) < before)
    rows = rows.order_by(*(one.desc() for one in place)).limit(limit)
    return (await session.scalars(rows)).all()


async def create_room(
    session: AsyncSession, user: str, room_id: str, listing_id: str, values: Mapping[str, Any]
) -> RoomRow:
    """Make a room of a listing.

    Raises:
        OfferNotFound: there is no such listing, or it is another provider's.
        OfferStateConflict: it is archived.
        OfferRefused: it has as many rooms as it may.
    """
    listing = await load_own(session, ListingRow, user, listing_id, lock=True)
    expect_not_archived(listing.status)
    others = col(RoomRow.listing_id) == listing_id, col(RoomRow.id) != room_id
    if (await _count(session, RoomRow, *others)) >= ROOMS_AT_MOST:
        raise OfferRefused("listing_id", f"A listing has at most {ROOMS_AT_MOST} types of rooms.")
    made = {"id": room_id, "listing_id": listing_id, **values}
    await insert_once(session, RoomRow, made)
    return await load_own(session, RoomRow, user, room_id)


async def create_plan(
    session: AsyncSession, user: str, plan_id: str, room_id: str, values: Mapping[str, Any]
) -> RatePlanRow:
    """Make a rate plan of a room. Raises as :func:`create_room`."""
    room = await load_own(session, RoomRow, user, room_id, lock=True)
    expect_not_archived(room.status)
    others = col(RatePlanRow.room_id) == room_id, col(RatePlanRow.id) != plan_id
    if (await _count(session, RatePlanRow, *others)) >= PLANS_AT_MOST:
        raise OfferRefused("room_id", f"A room has at most {PLANS_AT_MOST} rate plans.")
    expect_stay(values.get("min_stay", 1), values.get("max_stay"))
    made = {"id": plan_id, "room_id": room_id, **values}
    await insert_once(session, RatePlanRow, made)
    return await load_own(session, RatePlanRow, user, plan_id)


async def change_room(
    session: AsyncSession, user: str, room_id: str, values: Mapping[str, Any], expected: Expected
) -> RoomRow:
    """Change a room; archived it is not offered any more, and what is sold of it stays.

    Raises:
        OfferNotFound: there is none, or it is another provider's.
        MarketVersionConflict: it is in another version.
    """
    row = await load_own(session, RoomRow, user, room_id, lock=True)
    return await change(session, row, values, expected)


async def change_plan(
    session: AsyncSession, user: str, plan_id: str, values: Mapping[str, Any], expected: Expected
) -> RatePlanRow:
    """Change a rate plan. Raises as :func:`change_room`, and OfferRefused."""
    row = await load_own(session, RatePlanRow, user, plan_id, lock=True)
    if differs(row, values):
        expect_stay(values.get("min_stay", row.min_stay), values.get("max_stay", row.max_stay))
    return await change(session, row, values, expected)


def expect_not_archived(status: str) -> None:
    """Make sure that something is not archived. Raises OfferStateConflict."""
    if status in {OfferStatus.ARCHIVED, RoomStatus.ARCHIVED}:
        raise OfferStateConflict(status, (), "It is archived: nothing of it is changed.")


def expect_stay(least: int, most: int | None) -> None:
    """Make sure that a rate plan can be sold for some length. Raises OfferRefused."""
    if most is not None and most < least:
        raise OfferRefused("max_stay", "max_stay must not be less than min_stay.")


def placed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with what cities are searched by."""
    city = values.get("city")
    return dict(values) if city is None else {**values, "city_norm": city_norm(city)}


def _with_defaults(row: type[Owned], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with those that a new row has beside them."""
    defaults = {
        name: field.get_default(call_default_factory=True)
        for name, field in row.model_fields.items()
        if not field.is_required()
    }
    moments = ("created_at", "updated_at")
    return {n: v for n, v in {**defaults, **values}.items() if n not in moments}


async def _count(session: AsyncSession, row: type[Owned], *of: Any) -> int:
    return int(await session.scalar(select(func.count()).select_from(row).where(*of)) or 0)


async def _expect_nothing_taken(session: AsyncSession, listing_id: str, field: str) -> None:
    """Make sure that no night of a listing is held or sold.

    Whoever takes one reads the listing FOR SHARE, so that it waits for us or we see it.
    """
    taken = (
        select(NightRow)
        .join(RoomRow, col(RoomRow.id) == col(NightRow.room_id))
        .where(col(RoomRow.listing_id) == listing_id, col(NightRow.held) + col(NightRow.sold) > 0)
    )
    if await session.scalar(select(exists(taken.with_only_columns(col(NightRow.room_id))))):
        words = f"Nights of the listing are held or sold: its {field} stays as it is."
        raise FieldFixed(field, words)
