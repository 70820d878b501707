"""Who calls: API keys of services, looked up by their hash (contracts.md; S1)."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Collection
from functools import partial

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.core.batch import Batch
from api.core.principals import Principal
from api.core.record import Record
from models.core.callers import Caller, CallerKey, granted
from models.core.domain_errors import CallerUnknown

_WITH_KEYS = text(f"""
WITH used AS (
    UPDATE {CallerKey.__tablename__} SET last_used_at = now()
    WHERE key_hash = ANY(:digests)
        AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
)
SELECT k.key_hash, c.id::text, c.name, c.scopes, c.role, c.may_hand_in_trips
FROM {CallerKey.__tablename__} k JOIN {Caller.__tablename__} c ON c.id = k.caller_id
WHERE k.key_hash = ANY(:digests) AND k.revoked_at IS NULL
    AND (k.expires_at IS NULL OR k.expires_at > now())
""")  # noqa: S608
"""Notes once a minute that a key was used."""

HEADER = "X-API-Key"
_KEPT_SECONDS = 5.0
_KEPT_UNKNOWN_SECONDS = 1.0
_UNKNOWN_AT_MOST = 1_000
_UNKNOWN_PAUSE_SECONDS = 0.05
"""Between look-ups of keys that nobody has used yet, as long as some of them are wrong."""


class Callers:
    """Looks callers up, remembering each for a few seconds.

    A revoked or expired key therefore works for at most five seconds more. Wrong keys cost at most
    twenty statements a second together, however many they are, and valid ones that have been used
    do not wait for them.
    """

    def __init__(self, record: Record) -> None:
        async def look_up(digests: Collection[str]) -> dict[str, Principal]:
            return await record.read(partial(_with_keys, digests=[*digests]))

        self._known: dict[str, tuple[float, Principal]] = {}
        """By the key's hash, and until when: as many as there are valid keys."""
        self._unknown: OrderedDict[str, float] = OrderedDict()
        """Until when a key counts as wrong."""
        self._again = Batch(look_up)
        self._new = Batch(look_up, pause=_UNKNOWN_PAUSE_SECONDS)

    async def identify(self, key: str | None) -> Principal:
        """Return the caller that has this key, one of several maybe.

        Raises:
            CallerUnknown: the same for a missing, an unknown, an expired and a revoked key.
        """
        caller = await self._find(key) if key and len(key) <= 200 else None
        if caller is None:
            raise CallerUnknown
        return caller

    async def _find(self, key: str) -> Principal | None:
        # Hashed before anything else: keys are neither kept nor compared in the clear. Header
        # values arrive as Latin-1, whatever was sent.
        digest = hashlib.sha256(key.encode("latin-1", "replace")).hexdigest()
        known = self._known.get(digest)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        if self._unknown.get(digest, 0.0) > time.monotonic():
            return None
        caller = await (self._new if known is None else self._again).find(digest)
        if caller is not None:
            self._known[digest] = (time.monotonic() + _KEPT_SECONDS, caller)
            return caller
        self._known.pop(digest, None)
        self._unknown[digest] = time.monotonic() + _KEPT_UNKNOWN_SECONDS
        self._unknown.move_to_end(digest)
        if len(self._unknown) > _UNKNOWN_AT_MOST:
            self._unknown.popitem(last=False)
        return None


async def _with_keys(session: AsyncSession, digests: list[str]) -> dict[str, Principal]:
    rows = await session.execute(_WITH_KEYS, {"digests": digests})
    return {
        digest: Principal.of_caller(
            caller_id, name, granted(scopes, role), may_hand_in_trips=may_hand_in_trips
        )
        for digest, caller_id, name, scopes, role, may_hand_in_trips in rows
    }
