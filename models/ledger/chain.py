"""The hash chain: each entry of a booking seals itself and the one before it. No I/O.

The database refuses changes; the chain shows them all the same when somebody goes around it, for
a changed, removed or inserted entry no longer fits its neighbours. What it cannot show by itself
is that the newest entries are missing: the report compares the ledger with the bookings for that.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from models.ledger.entries import Entry

GENESIS = "0" * 64
"""What the first entry of a chain follows."""


@dataclass(frozen=True)
class Sealed:
    """An entry as the ledger has it."""

    id: int
    entry: Entry
    booking_id: str | None
    created_at: dt.datetime
    previous_hash: str
    hash: str


def seal(entry: Entry, booking_id: str | None, created_at: dt.datetime, previous: str) -> str:
    """Return the hash of an entry: SHA-256, hex, over ``previous`` and all the entry says."""
    content = [
        previous,
        booking_id,
        entry.type,
        entry.source,
        entry.description,
        created_at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        [
            [line.place.account, line.place.owner, line.direction, line.amount, line.currency]
            for line in entry.lines
        ],
    ]
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


def breaks(entries: Sequence[Sealed]) -> list[tuple[int, str]]:
    """Return what is wrong with one booking's chain, oldest first: entry id and reason."""
    found = []
    previous = GENESIS
    for sealed in entries:
        if sealed.previous_hash != previous:
            found.append((sealed.id, "does not follow the entry before it"))
        content = seal(sealed.entry, sealed.booking_id, sealed.created_at, sealed.previous_hash)
        if content != sealed.hash:
            found.append((sealed.id, "was changed after it was written"))
        previous = sealed.hash
    return found
