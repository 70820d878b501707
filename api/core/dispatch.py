"""Which providers a new booking asks by local activities: those that answered fast of late."""

import logging
import time
from functools import partial

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from api.core.record import Record
from models.core.attempts import quick_providers
from models.core.domain_errors import TooManyReads
from models.core.patience import Patience
from settings import Settings
from temporal import patience

FRESH_SECONDS = 10.0
"""How long a measurement is used."""

log = logging.getLogger("tripsaga.api")


class Dispatch:
    """Knows who answers fast, from the attempt log of all workers (docs/decisions/0039)."""

    def __init__(self, record: Record, settings: Settings) -> None:
        self._record = record
        self._settings = settings
        self._quick: frozenset[str] = frozenset()
        self._read_at = float("-inf")

    async def patience(self) -> Patience:
        """Return the waiting times and dispatch of a booking that starts now.

        As long as the record does not answer, what was measured last counts.
        """
        if time.monotonic() - self._read_at > FRESH_SECONDS:
            self._read_at = time.monotonic()
            names = self._settings.dispatch.model_dump()
            try:
                self._quick = await self._record.read(partial(quick_providers, providers=names))
            except (DBAPIError, PoolTimeoutError, TooManyReads, TimeoutError, OSError) as error:
                log.warning("it is not known who answers fast: %s", error)
        return patience(self._settings, self._quick)
