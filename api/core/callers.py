"""Who calls: API keys of services, looked up by their hash (contracts.md; S1)."""

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from api.core.record import Record
from models.core.callers import Caller
from models.core.domain_errors import CallerUnknown

_CALLERS = SQLModel.metadata.tables[str(Caller.__tablename__)].c

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

    A revoked key therefore works for at most five seconds more.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._kept: OrderedDict[str, tuple[float, KnownCaller | None]] = OrderedDict()

    async def identify(self, key: str | None) -> KnownCaller:
        """Return the caller that has this key.

        Raises:
            CallerUnknown: the same for a missing, an unknown and a revoked key.
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
    row = (
        await session.execute(
            select(_CALLERS.id, _CALLERS.name, _CALLERS.role, _CALLERS.may_hand_in_trips).where(
                _CALLERS.key_hash == digest, _CALLERS.revoked_at.is_(None)
            )
        )
    ).one_or_none()
    return KnownCaller(*row) if row else None
