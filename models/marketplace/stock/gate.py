"""Whether an offer may be sold at this moment: read with locks that keep it as it is until commit.

A suspension, which locks the provider's row for update, waits for whoever has come through the
gate, or is seen by them. A departure is not read here: who takes its seats locks its row for update
anyway, and judges it then. Locked for share first, two buyers would wait for each other.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.marketplace.stock.refusals import NotOnSale
from models.marketplace.stock.wanted import Wanted

CHECK_IN, CHECK_OUT = dt.time(15), dt.time(11)
"""On the clock at the listing, where it does not say."""

_LISTING = """
SELECT l.id::text AS listing, l.provider_id::text AS provider, l.title, l.time_zone,
    l.check_in_from, l.check_out_until, {package}
    (SELECT count(*) FROM rooms r WHERE r.id = ANY(CAST(:rooms AS uuid[])) AND r.listing_id = l.id
        AND r.status = 'ACTIVE') AS rooms
FROM {tables} JOIN provider_profiles p ON p.id = l.provider_id
WHERE {which} AND l.status = 'PUBLISHED' AND l.time_zone IS NOT NULL
    AND p.verification_status = 'APPROVED' {published}
FOR SHARE OF p, l {locked} {wait}
"""
_TOUR = """
SELECT d.package_id::text AS package, t.provider_id::text AS provider, t.title, t.time_zone,
    d.starts_at, d.ends_at
FROM tour_departures d JOIN tour_packages t ON t.id = d.package_id
JOIN provider_profiles p ON p.id = t.provider_id
WHERE d.id = :departure AND t.status = 'PUBLISHED' AND t.time_zone IS NOT NULL
    AND p.verification_status = 'APPROVED'
FOR SHARE OF p, t {wait}
"""
_PACKAGE = {
    "package": "h.id::text AS package,",
    "tables": "hotel_packages h JOIN listings l ON l.id = h.listing_id",
    "which": "h.id = :product",
    "published": "AND h.status = 'PUBLISHED'",
    "locked": ", h",
}
_STAY = {
    "package": "NULL AS package,",
    "tables": "listings l",
    "which": "l.id = :product",
    "published": "",
    "locked": "",
}
_STATEMENTS = {
    (kind, waits): text(sql.format(**parts, wait="" if waits else "NOWAIT"))
    for kind, sql, parts in (
        ("STAY", _LISTING, _STAY),
        ("HOTEL_PACKAGE", _LISTING, _PACKAGE),
        ("TOUR_PACKAGE", _TOUR, {}),
    )
    for waits in (True, False)
}


@dataclass(frozen=True)
class Offer:
    """What is on sale, and when what is wanted of it takes place."""

    provider_id: str
    title: str
    time_zone: str
    """IANA."""
    starts_at: dt.datetime
    """Check-in, or the beginning of the tour (UTC)."""
    ends_at: dt.datetime
    listing_id: str | None = None
    package_id: str | None = None
    check_in: dt.date | None = None
    check_out: dt.date | None = None


async def pass_gate(
    session: AsyncSession, kind: str, product_id: str, wanted: Wanted, *, waits: bool = True
) -> Offer:
    """Return what is wanted as it is on sale, and keep it so until the transaction ends.

    ``product_id`` is of the listing, of the hotel package, or of the departure. For a booking that
    others may have locked ask with ``waits`` false: a suspension locks provider before booking.

    Raises:
        NotOnSale: provider, listing, package or a room is not on sale.
        DBAPIError: somebody changes it this moment (55P03, without ``waits``): to be repeated.
    """
    rooms = {line.room_id for line in wanted.room_nights}
    departure = wanted.departure.departure_id if wanted.departure else None
    values = {"product": product_id, "rooms": sorted(rooms), "departure": departure}
    statement = _STATEMENTS[kind, waits]
    if kind == "TOUR_PACKAGE":
        del values["product"], values["rooms"]
    else:
        del values["departure"]
    found = (await session.execute(statement, values)).mappings().one_or_none()
    if found is None:
        raise NotOnSale(f"{kind} {product_id} is not on sale")
    if kind == "TOUR_PACKAGE":
        return Offer(
            provider_id=found["provider"],
            title=found["title"],
            time_zone=found["time_zone"],
            starts_at=found["starts_at"],
            ends_at=found["ends_at"],
            package_id=found["package"],
        )
    if found["rooms"] != len(rooms):
        raise NotOnSale(f"a room of {kind} {product_id} is not on sale")
    return _stay(found, wanted)


def _stay(found: Any, wanted: Wanted) -> Offer:
    check_in, check_out = span(wanted)
    zone = ZoneInfo(found["time_zone"])
    begins = dt.datetime.combine(check_in, found["check_in_from"] or CHECK_IN, zone)
    ends = dt.datetime.combine(check_out, found["check_out_until"] or CHECK_OUT, zone)
    return Offer(
        provider_id=found["provider"],
        title=found["title"],
        time_zone=found["time_zone"],
        starts_at=begins.astimezone(dt.UTC),
        ends_at=ends.astimezone(dt.UTC),
        listing_id=found["listing"],
        package_id=found["package"],
        check_in=check_in,
        check_out=check_out,
    )


def span(wanted: Wanted) -> tuple[dt.date, dt.date]:
    """Return the first check-in and the last check-out of what is wanted of rooms."""
    lines: Collection[Any] = wanted.room_nights
    return min(line.check_in for line in lines), max(line.check_out for line in lines)
