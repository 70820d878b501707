"""What the database has of reservations: judged by SQL of its own, and read for the model."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row

# Each line is something that must never be, whatever the model says.
_WRONG = """
WITH claims AS MATERIALIZED (
    SELECT * FROM inventory_claims WHERE venue_id = ANY(%(venues)s::uuid[])
), live AS (
    SELECT * FROM claims WHERE state IN ('HELD', 'SOLD')
), counted AS (
    SELECT venue_id, bucket, sum(covers) AS covers, sum(starts) AS starts,
        sum(arrivals) AS arrivals
    FROM (SELECT venue_id, generate_series(
            date_bin('15 minutes', lower(during), timestamptz 'epoch'),
            upper(during) - interval '1 microsecond', interval '15 minutes') AS bucket,
            units AS covers, 0 AS starts, 0 AS arrivals
          FROM claims WHERE counted AND state IN ('HELD', 'SOLD', 'USED')
          UNION ALL SELECT venue_id, slot_at, 0, 1, units
          FROM claims WHERE counted AND state IN ('HELD', 'SOLD', 'USED')) AS each
    GROUP BY venue_id, bucket
), slots AS (
    SELECT * FROM venue_slots WHERE venue_id = ANY(%(venues)s::uuid[])
), booked AS (
    SELECT b.id, b.state, b.version, r.state AS listed_as, r.starts_at, r.ends_at, r.time_zone,
        r.local_date, r.local_time, r.party_size
    FROM bookings b JOIN reservations r ON r.booking_id = b.id
    WHERE r.venue_id = ANY(%(venues)s::uuid[])
), heard AS (
    SELECT e.*, p.seq AS pending FROM outbox_events e JOIN booked b ON b.id = e.booking_id
    LEFT JOIN outbox_pending p ON p.event_id = e.id
)
SELECT 'two parties at one table' AS wrong FROM live a JOIN live b ON a.id < b.id
    AND a.resource_no = b.resource_no AND a.during && b.during
UNION ALL SELECT 'one guest twice' FROM live a JOIN live b ON a.id < b.id
    AND a.guest_no = b.guest_no AND NOT a.duplicate_ok AND NOT b.duplicate_ok AND a.visit && b.visit
UNION ALL SELECT 'counters are not what claims make' FROM counted FULL JOIN slots
    USING (venue_id, bucket) WHERE (coalesce(covers_taken, 0), coalesce(starts_taken, 0),
        coalesce(arrivals_taken, 0)) IS DISTINCT FROM (coalesce(counted.covers, 0),
        coalesce(counted.starts, 0), coalesce(counted.arrivals, 0))
UNION ALL SELECT 'more than there is room for' FROM slots WHERE covers_taken > covers
    OR starts_taken > starts OR arrivals_taken > arrivals
UNION ALL SELECT 'two live claims of one booking' FROM live GROUP BY booking_id HAVING count(*) > 1
UNION ALL SELECT 'live, though over: ' || b.state FROM booked b JOIN live l ON l.booking_id = b.id
    WHERE b.state IN ('CANCELLED', 'FAILED', 'EXPIRED', 'COMPLETED', 'NO_SHOW')
UNION ALL SELECT 'paid for and not sold: ' || b.state FROM booked b
    WHERE b.state IN ('PROCESSING', 'CONFIRMED', 'CHECKED_IN') AND NOT EXISTS (
        SELECT FROM claims c WHERE c.booking_id = b.id AND c.state IN ('SOLD', 'USED'))
UNION ALL SELECT 'listed in another state' FROM booked WHERE state <> listed_as
UNION ALL SELECT 'a version is missing' FROM booked b LEFT JOIN booking_history h
    ON h.booking_id = b.id GROUP BY b.id, b.version
    HAVING array_agg(h.version ORDER BY h.version)
        IS DISTINCT FROM (SELECT array_agg(n::int) FROM generate_series(1, b.version) AS n)
UNION ALL SELECT 'a history that is none' FROM booked b JOIN booking_history h
    ON h.booking_id = b.id LEFT JOIN booking_history p
    ON p.booking_id = b.id AND p.version = h.version - 1
    WHERE h.from_state IS DISTINCT FROM p.to_state
        OR (h.version = b.version AND h.to_state <> b.state)
        OR (h.version > 1 AND NOT EXISTS (SELECT FROM booking_transitions t WHERE t.kind =
            'RESERVATION' AND t.from_state = h.from_state AND t.to_state = h.to_state))
UNION ALL SELECT 'an event that nobody will send' FROM heard WHERE pending IS NULL
UNION ALL SELECT 'an event of no version' FROM heard e LEFT JOIN booking_history h
    ON h.booking_id = e.booking_id AND h.version = e.booking_version WHERE h.version IS NULL
UNION ALL SELECT 'the clock at the wall shows another time' FROM booked
    WHERE starts_at AT TIME ZONE time_zone <> local_date + local_time
UNION ALL SELECT 'held for too long' FROM live
    WHERE %(swept)s AND state = 'HELD' AND expires_at <= %(now)s
UNION ALL SELECT 'the claim is elsewhere' FROM booked b JOIN live l ON l.booking_id = b.id
    WHERE NOT b.id = ANY(%(moving)s::uuid[])
        AND (lower(l.visit), upper(l.visit), l.units) <> (b.starts_at, b.ends_at, b.party_size)
"""

_SEEN = """
SELECT b.id::text, b.state, b.version, r.starts_at, r.ends_at, r.party_size, r.resource_id,
    r.time_zone,
    ARRAY(SELECT c.state FROM inventory_claims c WHERE c.booking_id = b.id ORDER BY c.version)
        AS claims,
    ARRAY(SELECT t.external_id FROM inventory_claims c LEFT JOIN venue_resources t
        ON t.no = c.resource_no WHERE c.booking_id = b.id ORDER BY c.version) AS tables,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(e.booking_version, e.type)
        ORDER BY e.booking_version, e.ordinal), '[]') FROM outbox_events e
        WHERE e.booking_id = b.id) AS events,
    ARRAY(SELECT h.to_state FROM booking_history h WHERE h.booking_id = b.id ORDER BY h.version)
        AS states,
    d.action, d.due_at,
    EXISTS (SELECT FROM booking_requests q WHERE q.booking_id = b.id AND q.ended_at IS NULL) AS busy
FROM bookings b JOIN reservations r ON r.booking_id = b.id
LEFT JOIN booking_due d ON d.booking_id = b.id
WHERE r.venue_id = ANY(%(venues)s::uuid[])
"""


@dataclass
class Seen:
    """A reservation as the database has it."""

    id: str
    state: str
    version: int
    starts_at: dt.datetime
    ends_at: dt.datetime
    party_size: int
    resource_id: str | None
    time_zone: str
    claims: list[str]
    """States, in the order in which they were made."""
    tables: list[str | None]
    """Of each claim."""
    events: list[list[Any]]
    """Version and type of each."""
    states: list[str]
    """Of its history."""
    action: str | None
    due_at: dt.datetime | None
    busy: bool


def wrong(
    eyes: psycopg.Connection[Any],
    venues: list[str],
    now: dt.datetime,
    *,
    moving: list[str],
    swept: bool,
) -> list[str]:
    """Return what is wrong at some venues, whatever has happened there."""
    values = {"venues": venues, "now": now, "moving": moving, "swept": swept}
    return [str(row[0]) for row in eyes.execute(_WRONG, values)]


def seen(eyes: psycopg.Connection[Any], venues: list[str]) -> dict[str, Seen]:
    """Return all reservations at some venues, by the ids of their bookings."""
    with eyes.cursor(row_factory=class_row(Seen)) as cursor:
        return {one.id: one for one in cursor.execute(_SEEN, {"venues": venues})}
