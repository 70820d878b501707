"""What a user may change: the offers of providers of which it is a member.

Whose something is stands in the WHERE of one statement: another's and what there is not are not
told apart, by their answers or by what was asked.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models.marketplace.catalogue.errors import OfferNotFound
from models.marketplace.catalogue.tables import (
    HotelPackageRow,
    ListingRow,
    RatePlanRow,
    RoomRow,
    TourPackageRow,
)
from models.marketplace.providers.errors import ProviderNotFound
from models.marketplace.providers.tables import ProviderMemberRow, ProviderRow
from models.marketplace.stock.tables import DepartureRow
from models.marketplace.versions import Expected

Owned = ListingRow | RoomRow | RatePlanRow | HotelPackageRow | TourPackageRow | DepartureRow
Row = TypeVar(
    "Row", ListingRow, RoomRow, RatePlanRow, HotelPackageRow, TourPackageRow, DepartureRow
)

WHAT: Final[Mapping[type[Owned], str]] = {
    ListingRow: "listing",
    RoomRow: "room",
    RatePlanRow: "rate plan",
    HotelPackageRow: "package",
    TourPackageRow: "tour",
    DepartureRow: "departure",
}
"""What each is called."""

_ABOVE: Final[Mapping[type[Owned], tuple[type[Owned], Any]]] = {
    RatePlanRow: (RoomRow, col(RoomRow.id) == col(RatePlanRow.room_id)),
    RoomRow: (ListingRow, col(ListingRow.id) == col(RoomRow.listing_id)),
    DepartureRow: (TourPackageRow, col(TourPackageRow.id) == col(DepartureRow.package_id)),
}
"""What a thing is part of; the others have a provider themselves."""


def owned_by(row: type[Row], user: str) -> Select[Any]:
    """Select what a user may change."""
    statement, at = select(row), row
    above: type[Any] = at
    while above in _ABOVE:
        above, joined = _ABOVE[above]
        statement = statement.join(above, joined)
    member = ProviderMemberRow
    return (
        statement.join(member, col(member.provider_id) == above.provider_id)
        .where(col(member.user_id) == user)
        .execution_options(populate_existing=True)
    )


async def load_own(
    session: AsyncSession, row: type[Row], user: str, row_id: str, *, lock: bool = False
) -> Row:
    """Return what a user may change, by its id. Raises OfferNotFound."""
    statement = owned_by(row, user).where(col(row.id) == row_id)
    if lock:
        statement = statement.with_for_update(of=row)
    found: Row | None = await session.scalar(statement)
    if found is None:
        raise OfferNotFound(WHAT[row])
    return found


async def load_own_provider(session: AsyncSession, user: str, provider_id: str) -> ProviderRow:
    """Return a provider of which a user is a member. Raises ProviderNotFound."""
    member = ProviderMemberRow
    found = await session.scalar(
        select(ProviderRow)
        .join(member, col(member.provider_id) == col(ProviderRow.id))
        .where(col(ProviderRow.id) == provider_id, col(member.user_id) == user)
    )
    if found is None:
        raise ProviderNotFound
    return found


def differs(row: Owned, changes: Mapping[str, Any]) -> bool:
    """Tell whether changes make a row another one."""
    return any(getattr(row, name) != value for name, value in changes.items())


async def change(
    session: AsyncSession, row: Row, changes: Mapping[str, Any], expected: Expected
) -> Row:
    """Change a row that is locked; its version grows by one. What is so already is no change.

    Raises:
        MarketVersionConflict: it is in another version than was expected.
    """
    if not differs(row, changes):
        return row
    expected.check(row.version)
    return await write(session, row, changes)


async def write(session: AsyncSession, row: Row, changes: Mapping[str, Any]) -> Row:
    """Write changes of a row that is locked; its version grows by one."""
    kind = type(row)
    written: Row | None = await session.scalar(
        update(kind)
        .where(col(kind.id) == row.id)
        .values(**changes, version=row.version + 1, updated_at=func.now())
        .returning(kind),
        execution_options={"populate_existing": True},
    )
    assert written is not None, "it is locked"
    return written
