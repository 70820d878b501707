"""What was bought, as it is told of: read beside its booking."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from models.core.database import Executor


@dataclass(frozen=True)
class StoredPurchase:
    """What a booking has beside its spine."""

    quote_id: str | None
    snapshot: dict[str, Any]
    """The newest price snapshot (``models.marketplace.quotes.snapshot``)."""
    snapshot_version: int
    sha256: bytes
    starts_at: dt.datetime
    ends_at: dt.datetime
    travelers: list[dict[str, Any]]
    contact: dict[str, Any]


_FIND = text("""
SELECT (SELECT q.id::text FROM quotes q WHERE q.booking_id = b.id) AS quote_id,
    s.data AS snapshot, s.version AS snapshot_version, s.sha256, p.starts_at, p.ends_at,
    b.travelers, b.contact
FROM bookings b JOIN purchases p ON p.booking_id = b.id, LATERAL (
    SELECT data, version, sha256 FROM price_snapshots WHERE booking_id = b.id
    ORDER BY version DESC LIMIT 1) AS s
WHERE b.id = :booking
""")


async def find_purchase(connection: Executor, booking_id: str) -> StoredPurchase | None:
    """Return what was bought with a booking; None: it is of another kind."""
    row = (await connection.execute(_FIND, {"booking": booking_id})).mappings().one_or_none()
    return None if row is None else StoredPurchase(**row)
