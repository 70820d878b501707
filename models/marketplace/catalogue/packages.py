"""Hotel packages and tours: made, changed and read. Callers own the transaction."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import Range, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models.marketplace.catalogue.errors import FieldFixed, OfferRefused
from models.marketplace.catalogue.lifecycle import AvailabilityRule
from models.marketplace.catalogue.messages import PackageWhole, TourWhole
from models.marketplace.catalogue.ownership import differs, load_own, write
from models.marketplace.catalogue.repository import (
    expect_not_archived,
    expect_type,
    insert_once,
    placed,
)
from models.marketplace.catalogue.rules import expect_package
from models.marketplace.catalogue.tables import (
    HotelPackageRoomRow,
    HotelPackageRow,
    ItineraryDayRow,
    ListingRow,
    PickupRow,
    RoomRow,
    TourPackageRow,
)
from models.marketplace.providers.lifecycle import ProviderType
from models.marketplace.stock.tables import DepartureRow
from models.marketplace.versions import Expected

Parts = Sequence[Mapping[str, Any]]
"""Rows of a package's rooms, or of a tour's days or pickups, without its id."""


async def create_package(
    session: AsyncSession,
    user: str,
    package_id: str,
    listing_id: str,
    values: Mapping[str, Any],
    rooms: Parts,
) -> PackageWhole:
    """Make a hotel package of a listing, a draft.

    Raises:
        OfferNotFound: there is no such listing, or it is another provider's.
        OfferStateConflict: the listing is archived.
        OfferRefused: what is said of it contradicts itself, or a room is none of the listing's.
    """
    listing = await load_own(session, ListingRow, user, listing_id)
    expect_not_archived(listing.status)
    _expect_fit(values)
    await _expect_rooms(session, listing_id, rooms)
    made = {"id": package_id, "listing_id": listing_id, "provider_id": listing.provider_id}
    if await insert_once(session, HotelPackageRow, {**made, **values}):
        await _put(session, HotelPackageRoomRow, package_id, rooms)
    return await load_package(session, user, package_id)


async def change_package(
    session: AsyncSession,
    user: str,
    package_id: str,
    values: Mapping[str, Any],
    rooms: Parts | None,
    expected: Expected,
) -> PackageWhole:
    """Change a hotel package; its rooms whole, where they are named.

    Raises:
        OfferNotFound: there is none, or it is another provider's.
        MarketVersionConflict: it is in another version.
        OfferStateConflict: it is archived.
        OfferRefused: as :func:`create_package`.
    """
    row = await load_own(session, HotelPackageRow, user, package_id, lock=True)
    expect_not_archived(row.status)
    before = await load_package(session, user, package_id)
    moved = rooms is not None and _other(before.rooms, rooms)
    if not moved and not differs(row, values):
        return before
    expected.check(row.version)
    names = ("availability_rule", "season", "weekdays", "nights")
    _expect_fit({**{name: getattr(row, name) for name in names}, **values})
    if rooms is not None and moved:
        await _expect_rooms(session, row.listing_id, rooms)
        await _put(session, HotelPackageRoomRow, package_id, rooms)
    await write(session, row, values)
    return await load_package(session, user, package_id)


async def load_package(session: AsyncSession, user: str, package_id: str) -> PackageWhole:
    """Return a hotel package with its rooms. Raises OfferNotFound."""
    row = await load_own(session, HotelPackageRow, user, package_id)
    rooms = select(HotelPackageRoomRow).where(col(HotelPackageRoomRow.package_id) == package_id)
    found = (await session.scalars(rooms.order_by(col(HotelPackageRoomRow.room_id)))).all()
    currency = select(col(ListingRow.currency)).where(col(ListingRow.id) == row.listing_id)
    return PackageWhole(row, found, str(await session.scalar(currency)))


async def create_tour(
    session: AsyncSession,
    user: str,
    tour_id: str,
    provider_id: str,
    values: Mapping[str, Any],
    parts: Mapping[str, Parts],
) -> TourWhole:
    """Make a tour, a draft; ``parts``: its ``itinerary`` and ``pickups``.

    Raises:
        ProviderNotFound: there is none, or the user is no member.
        OfferRefused: the provider cannot have tours, or what is said contradicts itself.
    """
    await expect_type(session, user, provider_id, ProviderType.TOUR_OPERATOR)
    _expect_tour({"min_seats": 0, **values}, parts.get("itinerary", ()))
    made = {"id": tour_id, "provider_id": provider_id, **placed(values)}
    if await insert_once(session, TourPackageRow, made):
        await _put_parts(session, tour_id, parts)
    return await load_tour(session, user, tour_id)


async def change_tour(
    session: AsyncSession,
    user: str,
    tour_id: str,
    values: Mapping[str, Any],
    parts: Mapping[str, Parts],
    expected: Expected,
) -> TourWhole:
    """Change a tour; its itinerary and its pickups whole, where they are named.

    Raises:
        OfferNotFound: there is none, or it is another provider's.
        MarketVersionConflict: it is in another version.
        OfferStateConflict: it is archived.
        FieldFixed: its time zone or days are to change and it has departures, or its currency is,
            and seats are held or sold.
        OfferRefused: as :func:`create_tour`.
    """
    row = await load_own(session, TourPackageRow, user, tour_id, lock=True)
    expect_not_archived(row.status)
    before = await load_tour(session, user, tour_id)
    changes = placed(values)
    stored = {"itinerary": before.itinerary, "pickups": before.pickups}
    moved = {name: part for name, part in parts.items() if _other(stored[name], part)}
    if not moved and not differs(row, changes):
        return before
    expected.check(row.version)
    names = ("days", "min_seats", "max_seats")
    now = {**{name: getattr(row, name) for name in names}, **values}
    itinerary = moved.get("itinerary", [{"day": one.day} for one in before.itinerary])
    _expect_tour(now, itinerary)
    await _expect_unsold(session, row, changes)
    await _put_parts(session, tour_id, moved)
    await write(session, row, changes)
    return await load_tour(session, user, tour_id)


async def load_tour(session: AsyncSession, user: str, tour_id: str) -> TourWhole:
    """Return a tour with its itinerary and pickups. Raises OfferNotFound."""
    row = await load_own(session, TourPackageRow, user, tour_id)
    days = select(ItineraryDayRow).where(col(ItineraryDayRow.package_id) == tour_id)
    pickups = select(PickupRow).where(col(PickupRow.package_id) == tour_id)
    return TourWhole(
        row,
        (await session.scalars(days.order_by(col(ItineraryDayRow.day)))).all(),
        (await session.scalars(pickups.order_by(col(PickupRow.number)))).all(),
    )


def _expect_fit(values: Mapping[str, Any]) -> None:
    season: Range[dt.date] | None = values.get("season")
    bounds = None
    if season is not None:
        assert season.lower is not None
        assert season.upper is not None
        bounds = season.lower, season.upper
    rule = AvailabilityRule(values["availability_rule"])
    expect_package(rule, bounds, values.get("weekdays"), values["nights"])


def _expect_tour(values: Mapping[str, Any], itinerary: Parts) -> None:
    if values["min_seats"] > values["max_seats"]:
        raise OfferRefused("min_seats", "min_seats must not be more than max_seats.")
    days = [one["day"] for one in itinerary]
    if len(set(days)) != len(days):
        raise OfferRefused("itinerary", "The itinerary names a day twice.")
    if days and max(days) > values["days"]:
        raise OfferRefused("itinerary", f"The tour has {values['days']} days, and no day more.")


async def _expect_rooms(session: AsyncSession, listing_id: str, rooms: Parts) -> None:
    """Make sure that rooms are the listing's, each once. Raises OfferRefused."""
    wanted = [room["room_id"] for room in rooms]
    if len(set(wanted)) != len(wanted):
        raise OfferRefused("rooms", "A room is named twice: say how many units of it instead.")
    known = select(col(RoomRow.id)).where(
        col(RoomRow.listing_id) == listing_id, col(RoomRow.id).in_(wanted)
    )
    found = set((await session.scalars(known)).all())
    for number, room in enumerate(wanted):
        if room not in found:
            raise OfferRefused(f"rooms[{number}].room_id", "The listing has no such room.")


async def _expect_unsold(
    session: AsyncSession, row: TourPackageRow, changes: Mapping[str, Any]
) -> None:
    """Make sure that departures stay what they were made and sold as. Raises FieldFixed."""
    of_it = select(col(DepartureRow.id)).where(col(DepartureRow.package_id) == row.id)
    taken = of_it.where(col(DepartureRow.held) + col(DepartureRow.sold) > 0)
    for field, standing, why in (
        ("time_zone", of_it, "The tour has departures"),
        ("days", of_it, "The tour has departures"),
        ("currency", taken, "Seats of the tour are held or sold"),
    ):
        before, after = getattr(row, field), changes.get(field)
        changes_it = after is not None and before is not None and after != before
        if changes_it and await session.scalar(select(exists(standing))):
            raise FieldFixed(field, f"{why}: its {field} stays as it is.")


_PARTS: Mapping[str, type[Any]] = {"itinerary": ItineraryDayRow, "pickups": PickupRow}


async def _put_parts(session: AsyncSession, tour_id: str, parts: Mapping[str, Parts]) -> None:
    for name, rows in parts.items():
        await _put(session, _PARTS[name], tour_id, rows)


async def _put(session: AsyncSession, row: type[Any], package_id: str, parts: Parts) -> None:
    await session.execute(delete(row).where(row.package_id == package_id))
    if parts:
        await session.execute(
            insert(row).values([{"package_id": package_id, **part} for part in parts])
        )


def _other(stored: Sequence[Any], parts: Parts) -> bool:
    """Tell whether parts are others than those that are stored, in whatever order."""
    had = [one.model_dump(exclude={"package_id"}) for one in stored]
    return sorted(map(repr, map(_sorted, had))) != sorted(map(repr, map(_sorted, parts)))


def _sorted(part: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(part.items())
