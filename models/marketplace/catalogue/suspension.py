"""What a suspension takes off sale, and what its end puts on sale again: exactly the same.

Callers have locked the provider's profile, so that nothing is published meanwhile.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

_OFFERS = ("listings", "hotel_packages", "tour_packages")

_TAKE_OFF = {
    table: text(f"""
UPDATE {table} SET status = 'PAUSED', paused_by = 'SUSPENSION', version = version + 1,
    updated_at = now()
WHERE provider_id = :provider AND status = 'PUBLISHED'
""")  # noqa: S608
    for table in _OFFERS
}

_PUBLISH = {
    table: text(f"""
UPDATE {table} SET status = 'PUBLISHED', paused_by = NULL, version = version + 1,
    updated_at = now()
WHERE provider_id = :provider AND status = 'PAUSED' AND paused_by = 'SUSPENSION'
""")  # noqa: S608
    for table in _OFFERS
}

_CONFIRMED = text("""
SELECT c.booking_id::text FROM listings l JOIN rooms r ON r.listing_id = l.id
JOIN stock_claims c ON c.room_id = r.id
WHERE l.provider_id = :provider AND c.state = 'SOLD'
UNION
SELECT c.booking_id::text FROM tour_packages t JOIN tour_departures d ON d.package_id = t.id
JOIN stock_claims c ON c.departure_id = d.id
WHERE t.provider_id = :provider AND c.state = 'SOLD'
ORDER BY 1
""")


async def take_off_sale(session: AsyncSession, provider_id: str) -> int:
    """Pause what a provider has published, with the suspension's mark; returns how much."""
    return await _changed(session, _TAKE_OFF, provider_id)


async def publish_again(session: AsyncSession, provider_id: str) -> int:
    """Publish what has the suspension's mark, and nothing else; returns how much."""
    return await _changed(session, _PUBLISH, provider_id)


async def confirmed_bookings_of(session: AsyncSession, provider_id: str) -> Sequence[str]:
    """Return the ids of the bookings with a provider that are sold and not over."""
    return (await session.scalars(_CONFIRMED, {"provider": provider_id})).all()


async def _changed(
    session: AsyncSession, statements: Mapping[str, TextClause], provider_id: str
) -> int:
    changed = 0
    for statement in statements.values():
        done = await session.execute(statement, {"provider": provider_id})
        changed += done.rowcount  # type: ignore[attr-defined]
    return changed
