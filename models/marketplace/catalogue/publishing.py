"""Putting on sale what providers offer, pausing it, and taking it off for good.

The provider's profile is read FOR SHARE before the offer is locked: a suspension, which locks the
profile and then what is published, is waited for or waits for us, and nobody locks the other way
round. The last word is a trigger's (migration 0035).
"""

from collections.abc import AsyncIterator
from typing import Any, Final, TypeVar

from sqlalchemy import exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models.marketplace.catalogue.errors import (
    OfferIncomplete,
    OfferNotFound,
    OfferStateConflict,
    ProviderNotApproved,
)
from models.marketplace.catalogue.lifecycle import OfferStatus, PausedBy, RoomStatus
from models.marketplace.catalogue.ownership import WHAT, load_own, write
from models.marketplace.catalogue.tables import (
    HotelPackageRoomRow,
    HotelPackageRow,
    ListingRow,
    RatePlanRow,
    RoomRow,
    TourPackageRow,
)
from models.marketplace.providers.lifecycle import VerificationStatus
from models.marketplace.providers.tables import ProviderMemberRow, ProviderRow
from models.marketplace.versions import Expected

Offer = TypeVar("Offer", ListingRow, HotelPackageRow, TourPackageRow)

_S = OfferStatus
_NEEDED: Final[dict[type[Any], tuple[str, ...]]] = {
    ListingRow: ("address", "city", "country", "time_zone", "check_in_from", "check_out_until"),
    HotelPackageRow: ("terms",),
    TourPackageRow: ("city", "country", "time_zone", "start_time", "terms"),
}
"""Fields without which an offer is not published."""


async def publish(
    session: AsyncSession, kind: type[Offer], user: str, offer_id: str, expected: Expected
) -> Offer:
    """Put an offer on sale, or on sale again; one that is stays so.

    Raises:
        OfferNotFound: there is none, or it is another provider's.
        ProviderNotApproved: its provider is not approved (any more).
        OfferIncomplete: something is missing.
        OfferStateConflict: it is archived.
        MarketVersionConflict: it is in another version than was expected.
    """
    provider = await _shared_provider(session, kind, user, offer_id)
    row = await load_own(session, kind, user, offer_id, lock=True)
    if row.status == _S.PUBLISHED:
        return row
    expected.check(row.version)
    if row.status == _S.ARCHIVED:
        raise OfferStateConflict(row.status, (), "It is archived for good.")
    if provider.verification_status != VerificationStatus.APPROVED:
        raise ProviderNotApproved(provider.verification_status)
    if missing := [one async for one in _missing(session, row)]:
        raise OfferIncomplete(WHAT[kind], missing)
    changes: dict[str, Any] = {"status": _S.PUBLISHED, "paused_by": None}
    if kind is ListingRow:
        changes["published_at"] = func.now()
    try:
        return await write(session, row, changes)
    except IntegrityError as error:
        if "publishing_gate" in str(error.orig):
            raise ProviderNotApproved from error
        raise


async def pause(
    session: AsyncSession, kind: type[Offer], user: str, offer_id: str, expected: Expected
) -> Offer:
    """Take an offer off sale for a while; what a suspension paused stays paused when it ends.

    Raises:
        OfferNotFound: there is none, or it is another provider's.
        OfferStateConflict: it was never on sale, or is archived.
        MarketVersionConflict: it is in another version than was expected.
    """
    row = await load_own(session, kind, user, offer_id, lock=True)
    if row.status == _S.PAUSED and row.paused_by == PausedBy.PROVIDER:
        return row
    expected.check(row.version)
    if row.status not in {_S.PUBLISHED, _S.PAUSED}:
        allowed = () if row.status == _S.ARCHIVED else (_S.PUBLISHED, _S.ARCHIVED)
        raise OfferStateConflict(row.status, allowed, "Only what is published is paused.")
    return await write(session, row, {"status": _S.PAUSED, "paused_by": PausedBy.PROVIDER})


async def archive(
    session: AsyncSession, kind: type[Offer], user: str, offer_id: str, expected: Expected
) -> Offer:
    """Take an offer off sale for good; what is booked stays booked.

    Raises:
        OfferNotFound: there is none, or it is another provider's.
        MarketVersionConflict: it is in another version than was expected.
    """
    row = await load_own(session, kind, user, offer_id, lock=True)
    if row.status == _S.ARCHIVED:
        return row
    expected.check(row.version)
    return await write(session, row, {"status": _S.ARCHIVED, "paused_by": None})


async def _shared_provider(
    session: AsyncSession, kind: type[Any], user: str, offer_id: str
) -> ProviderRow:
    member = ProviderMemberRow
    provider = await session.scalar(
        select(ProviderRow)
        .join(kind, kind.provider_id == col(ProviderRow.id))
        .join(member, col(member.provider_id) == col(ProviderRow.id))
        .where(kind.id == offer_id, col(member.user_id) == user)
        .with_for_update(read=True, of=ProviderRow)
        .execution_options(populate_existing=True)
    )
    if provider is None:
        raise OfferNotFound(WHAT[kind])
    return provider


async def _missing(session: AsyncSession, row: Any) -> AsyncIterator[str]:
    """Yield the names of what an offer needs and has not."""
    for name in _NEEDED[type(row)]:
        if getattr(row, name) in (None, "", []):
            yield name
    if isinstance(row, ListingRow):
        if row.lat is None or row.lon is None:
            yield "coordinates"
        rooms = select(col(RoomRow.id)).where(
            col(RoomRow.listing_id) == row.id, col(RoomRow.status) == RoomStatus.ACTIVE
        )
        if not await session.scalar(select(exists(rooms))):
            yield "rooms"
        plans = rooms.join(RatePlanRow, col(RatePlanRow.room_id) == col(RoomRow.id))
        active = col(RatePlanRow.status) == RoomStatus.ACTIVE
        if not await session.scalar(select(exists(plans.where(active)))):
            yield "rate_plans"
    if isinstance(row, HotelPackageRow):
        rooms = select(col(HotelPackageRoomRow.room_id))
        if not await session.scalar(
            select(exists(rooms.where(col(HotelPackageRoomRow.package_id) == row.id)))
        ):
            yield "rooms"
        published = select(col(ListingRow.id)).where(
            col(ListingRow.id) == row.listing_id, col(ListingRow.status) == _S.PUBLISHED
        )
        if not await session.scalar(select(exists(published))):
            yield "published_listing"
