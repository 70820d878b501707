"""Who calls: API keys of services, looked up by their hash (contracts.md; S1)."""

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.core.record import Record
from models.core.callers import Caller, CallerKey
from models.core.domain_errors import CallerUnknown

_WITH_KEY = text(f"""
WITH used AS (
    UPDATE {CallerKey.__tablename__} SET last_used_at = now()
    WHERE key_hash = :digest
        AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
)
SELECT c.id::text, c.name, c.role, c.may_hand_in_trips
FROM {CallerKey.__tablename__} k JOIN {Caller.__tablename__} c ON c.id = k.caller_id
WHERE k.key_hash = :digest AND k.revoked_at IS NULL
    AND (k.expires_at IS NULL OR k.expires_at > now())
""")  # noqa: S608
"""Notes once a minute that the key was used."""

HEADER = "X-API-Key"
_KEPT_SECONDS = 5.0
_KEPT_UNKNOWN_SECONDS = 1.0
_KEPT_AT_MOST = 1_000


@dataclass(frozen=True)
class KnownCaller:
    """A service that may call."""

    id: str
    name: str
    role: str
    """``planner`` or ``operator``."""
    may_hand_in_trips: bool = False
    """Whether it may send a whole trip with a booking (docs/trip-planner.md)."""

    @property
    def is_operator(self) -> bool:
        """Whether it may read every booking and settle cases."""
        return self.role == "operator"


class Callers:
    """Looks callers up, remembering each for a few seconds.

    A revoked or expired key therefore works for at most five seconds more.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._kept: OrderedDict[str, tuple[float, KnownCaller | None]] = OrderedDict()

    async def identify(self, key: str | None) -> KnownCaller:
        """Return the caller that has this key, one of several maybe.

        Raises:
            CallerUnknown: the same for a missing, an unknown, an expired and a revoked key.
        """
        caller = await self._find(key) if key and len(key) <= 200 else None
        if caller is None:
            raise CallerUnknown
        return caller

    async def _find(self, key: str) -> KnownCaller | None:
        # Hashed before anything else: keys are neither kept nor compared in the clear. Header
        # values arrive as Latin-1, whatever was sent.
        digest = hashlib.sha256(key.encode("latin-1", "replace")).hexdigest()
        kept = self._kept.get(digest)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        known = await self._record.read(lambda session: _with_key(session, digest))
        seconds = _KEPT_SECONDS if known else _KEPT_UNKNOWN_SECONDS
        self._kept[digest] = (time.monotonic() + seconds, known)
        while len(self._kept) > _KEPT_AT_MOST:
            self._kept.popitem(last=False)
        return known


async def _with_key(session: AsyncSession, digest: str) -> KnownCaller | None:
    row = (await session.execute(_WITH_KEY, {"digest": digest})).one_or_none()
    return KnownCaller(*row) if row else None
