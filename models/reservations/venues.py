"""Venues on record: found and kept under the id that their caller knows them by."""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.core.domain_errors import DomainError
from models.core.venues import VenueType
from models.reservations.policy import VenuePolicy

_NAMESPACE = uuid.UUID("7d0e5f0c-3e61-5b0a-9d5b-2f1c8a4be6a3")


@dataclass(frozen=True)
class Venue:
    """A venue."""

    id: str
    external_id: str
    type: VenueType
    name: str
    time_zone: str
    policy: VenuePolicy
    version: int


class VenueChanged(DomainError):
    """The venue is in another version than the one that was to be changed.

    Attributes:
        venue: as it stands.
    """

    def __init__(self, venue: Venue) -> None:
        super().__init__(f"venue {venue.id} is in version {venue.version}")
        self.venue = venue


def venue_id(caller: str, external_id: str) -> str:
    """Return the id of a caller's venue: the same, whoever makes it first."""
    return str(uuid.uuid5(_NAMESPACE, f"{caller}\n{external_id}"))


_COLUMNS = "id::text, external_id, type, name, time_zone, policy, version"

_FIND = text(f"""
SELECT {_COLUMNS} FROM venues WHERE caller_id = :caller AND external_id = :external
""")  # noqa: S608

_ADD = text("""
INSERT INTO venues (id, caller_id, external_id, type, name, time_zone, policy, version)
VALUES (:id, :caller, :external, :type, :name, :zone, CAST(:policy AS jsonb), 1)
ON CONFLICT (caller_id, external_id) DO NOTHING
""")

_PUT = text(f"""
INSERT INTO venues AS v (id, caller_id, external_id, type, name, time_zone, policy, version)
VALUES (:id, :caller, :external, :type, :name, :zone, CAST(:policy AS jsonb), 1)
ON CONFLICT (caller_id, external_id) DO UPDATE SET type = excluded.type, name = excluded.name,
    time_zone = excluded.time_zone, policy = excluded.policy, version = v.version + 1,
    updated_at = now()
WHERE (v.type, v.name, v.time_zone, v.policy)
    IS DISTINCT FROM (excluded.type, excluded.name, excluded.time_zone, excluded.policy)
    AND (CAST(:expected AS int) IS NULL OR v.version = :expected)
RETURNING {_COLUMNS}
""")  # noqa: S608

_RESOURCE = text("""
WITH added AS (
    INSERT INTO venue_resources (venue_id, external_id) VALUES (:venue, :external)
    ON CONFLICT (venue_id, external_id) DO NOTHING RETURNING no
)
SELECT no FROM added
UNION ALL SELECT no FROM venue_resources WHERE venue_id = :venue AND external_id = :external
LIMIT 1
""")


async def find_venue(session: AsyncSession, caller: str, external_id: str) -> Venue | None:
    """Return a caller's venue; None when it has none of this id."""
    found = await session.execute(_FIND, {"caller": caller, "external": external_id})
    row = found.mappings().one_or_none()
    return None if row is None else _venue(row)


async def load_policy(session: AsyncSession, venue: str) -> VenuePolicy:
    """Return the policy of a venue that is on record."""
    policy = await session.scalar(text("SELECT policy FROM venues WHERE id = :id"), {"id": venue})
    return VenuePolicy.model_validate(policy)


async def add_venue(session: AsyncSession, caller: str, venue: Venue) -> None:
    """Keep a venue of which nobody has said anything; one that is there stays as it is."""
    await session.execute(_ADD, _values(caller, venue))


async def put_venue(
    session: AsyncSession, caller: str, venue: Venue, *, expected: int | None
) -> Venue:
    """Keep a venue as it is said to be; returns it with its version, which grows by a change.

    Reservations that stand keep the times and buffers they were made with.

    Raises:
        VenueChanged: it is not in the version ``expected``.
    """
    values = {**_values(caller, venue), "expected": expected}
    row = (await session.execute(_PUT, values)).mappings().one_or_none()
    if row is not None:
        return _venue(row)
    stored = await find_venue(session, caller, venue.external_id)
    assert stored is not None, "neither put nor there"
    if expected not in (None, stored.version):
        raise VenueChanged(stored)
    return stored


async def resource_no(session: AsyncSession, venue: str, external_id: str) -> int:
    """Return the number of a table, room or stylist of a venue; it is numbered when first named."""
    values = {"venue": venue, "external": external_id}
    number = await session.scalar(_RESOURCE, values)
    if number is None:  # numbered by somebody else since this statement began
        number = await session.scalar(_RESOURCE, values)
    return int(number)


def _venue(row: RowMapping) -> Venue:
    return Venue(**{**row, "policy": VenuePolicy.model_validate(row["policy"])})


def _values(caller: str, venue: Venue) -> dict[str, Any]:
    return {
        "id": venue_id(caller, venue.external_id),
        "caller": caller,
        "external": venue.external_id,
        "type": venue.type,
        "name": venue.name,
        "zone": venue.time_zone,
        "policy": venue.policy.model_dump_json(exclude_defaults=True),
    }
