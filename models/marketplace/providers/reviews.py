"""What admins decide about providers, and what a suspension does to what they offer.

A decision is one transaction. It locks the profile first, so that nothing of the provider's is
published meanwhile: publishing reads the profile FOR SHARE (``models.marketplace.catalogue``).
"""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models.bookings.hooks import Hooks
from models.core.cases import CaseKind, close_case, open_case
from models.marketplace.catalogue.suspension import (
    confirmed_bookings_of,
    publish_again,
    take_off_sale,
)
from models.marketplace.providers.errors import ProviderNotFound, ProviderStateConflict
from models.marketplace.providers.lifecycle import TRANSITIONS, VerificationStatus
from models.marketplace.providers.messages import MOVES, Decision, Provider, Reviewed
from models.marketplace.providers.repository import load_history, load_steps, move
from models.marketplace.providers.tables import ProviderHistoryRow, ProviderRow
from models.marketplace.stock.suspension import end_holds_of
from models.marketplace.versions import Expected

Place = tuple[dt.datetime, str]
"""When a profile was submitted, and its id: where it stands in a list."""

_TOLD_IN_A_CASE = 50


async def list_for_review(
    session: AsyncSession, status: VerificationStatus, *, after: Place | None, limit: int
) -> Sequence[ProviderRow]:
    """Return submitted profiles in a status, those submitted first before the others."""
    place = tuple_(col(ProviderRow.submitted_at), col(ProviderRow.id))
    rows = select(ProviderRow).where(
        col(ProviderRow.verification_status) == status, col(ProviderRow.submitted_at).is_not(None)
    )
    if after is not None:
        rows = rows.where(place > after)
    return (await session.scalars(rows.order_by(*place).limit(limit))).all()


async def load_any(session: AsyncSession, provider_id: str) -> Provider:
    """Return any provider with its steps, for an admin. Raises ProviderNotFound."""
    row = await session.get(ProviderRow, provider_id)
    if row is None:
        raise ProviderNotFound
    return Provider(row, None, await load_steps(session, provider_id))


async def load_any_history(session: AsyncSession, provider_id: str) -> Sequence[ProviderHistoryRow]:
    """Return what became of any provider, for an admin. Raises ProviderNotFound."""
    history = await load_history(session, provider_id)
    if not history:  # whoever is made has one
        raise ProviderNotFound
    return history


async def review(
    session: AsyncSession,
    who: str,
    provider_id: str,
    decision: Decision,
    reason: str,
    expected: Expected,
    *,
    hooks: Hooks,
    repeated: bool = False,
) -> Reviewed:
    """Carry a decision out.

    Args:
        session: in a transaction of the caller's.
        who: decides, as the history says it.
        provider_id: about whom.
        decision: what.
        reason: why; the provider reads it.
        expected: the version of the profile that was looked at.
        hooks: of the kinds of bookings, whose open holds end when it is suspended.
        repeated: whether an earlier attempt may have done it.

    Raises:
        ProviderNotFound: there is no such provider.
        MarketVersionConflict: the profile has moved on since.
        ProviderStateConflict: its status does not let this be decided.
    """
    locked = select(ProviderRow).where(col(ProviderRow.id) == provider_id).with_for_update()
    row = await session.scalar(locked.execution_options(populate_existing=True))
    if row is None:
        raise ProviderNotFound
    before, to = MOVES[decision]
    status = VerificationStatus(row.verification_status)
    if repeated and expected.version == row.version - 1 and status is to:
        return Reviewed(row)
    expected.check(row.version)
    if status is not before:
        why = f"{decision} is decided about a provider that is {before}."
        raise ProviderStateConflict(status, TRANSITIONS[status], why)
    await move(session, row, to, who=who, why=reason)
    if decision is Decision.SUSPEND:
        return await _suspended(session, row, hooks, who=who, why=reason)
    if decision is Decision.REINSTATE:
        offers = await publish_again(session, provider_id)
        await close_case(
            session, source=_source(provider_id), by=who, resolution=f"reinstated: {reason}"
        )
        return Reviewed(row, offers=offers)
    return Reviewed(row)


async def _suspended(
    session: AsyncSession, row: ProviderRow, hooks: Hooks, *, who: str, why: str
) -> Reviewed:
    offers = await take_off_sale(session, row.id)
    suspended = f"the provider was suspended: {why}"
    holds = await end_holds_of(session, row.id, hooks, who=who, why=suspended)
    bookings = await confirmed_bookings_of(session, row.id)
    if bookings:
        await open_case(
            session,
            kind=CaseKind.SUPPLIER,
            source=_source(row.id),
            summary=f"The provider {row.display_name or row.id} was suspended, and {len(bookings)}"
            " confirmed bookings with it stand: decide which of them are kept.",
            details={
                "providerId": row.id,
                "reason": why,
                "bookings": len(bookings),
                "bookingIds": list(bookings[:_TOLD_IN_A_CASE]),
            },
        )
    return Reviewed(row, offers=offers, holds=holds, bookings=len(bookings))


def _source(provider_id: str) -> str:
    return f"provider:{provider_id}:suspended"
