"""Exchange rates: the euro foreign exchange reference rates of the European Central Bank.

Published each working day at about 16:00 CET as ``eurofxref-daily.xml``, units of about thirty
currencies for one euro; weekends and holidays keep the rates of the day before. Any source that
publishes the same file will do. A read touches nothing, so what is not answered is
:class:`~models.errors.Retryable`.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import Callable
from typing import Final, Protocol
from urllib.parse import urlsplit

from models.core.errors import AuthConfig, NoExchangeRate, ProviderError
from models.core.exchange import RateTable
from settings import Settings
from suppliers.core.http import JsonAnswer, JsonClient
from suppliers.exchange_rates.xml import NotTheFeedError, read_daily

log = logging.getLogger("tripsaga.rates")

NAME: Final = "rates"
DOCUMENTED_TIMEOUT: Final = 10.0
"""Seconds; none is documented, and a file of 2 KB that takes longer is not coming."""

_LONGEST: Final = 64 * 1024
_NEXT_LOOK: Final = dt.timedelta(minutes=10)
"""While today's rates are not out yet, how often to look whether they are."""
_AHEAD: Final = dt.timedelta(days=1)
"""How far the source's day may be ahead of UTC's."""


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class RateSource(Protocol):
    """Where exchange rates come from."""

    async def latest(self) -> RateTable:
        """Return the latest rates there are.

        Raises:
            NoExchangeRate: there are none that are young enough to be used.
            AuthConfig: the source does not have them where it was asked.
            Retryable: no answer; nothing was touched.
        """
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


class EcbRates:
    """The daily file of the European Central Bank, kept in memory while it is the latest."""

    def __init__(self, settings: Settings, *, now: Callable[[], dt.datetime] = _now) -> None:
        """Nothing is asked yet.

        Args:
            settings: address, patience, and how old rates may be.
            now: the clock (UTC).
        """
        address = urlsplit(settings.rates_url)
        self._path = address.path + (f"?{address.query}" if address.query else "")
        self._http = JsonClient(
            provider=NAME,
            base_url=f"{address.scheme}://{address.netloc}",
            headers={"Accept": "application/xml, text/xml"},
            timeout=settings.timeout_for(settings.rates_url, DOCUMENTED_TIMEOUT),
            connections=2,
            max_bytes=_LONGEST,
        )
        self._oldest = dt.timedelta(days=settings.exchange_rates.max_age_days)
        self._now = now
        self._table: RateTable | None = None
        self._looked_at: dt.datetime | None = None
        self._look: asyncio.Task[None] | None = None

    async def latest(self) -> RateTable:
        """Return the latest rates; see the protocol.

        Rates in memory serve until their day is over; then the file is looked at again, by one
        call for all who wait. When that fails, those in memory serve on while they are young
        enough: yesterday's rate is what the source itself would say at a weekend.
        """
        if self._is_time_to_look():
            if self._look is None:
                self._look = asyncio.create_task(self._read())
                self._look.add_done_callback(self._looked)
            try:
                await asyncio.shield(self._look)  # the others wait for it too, whoever gives up
            except ProviderError as error:
                if self._table is None or self._age(self._table) > self._oldest:
                    raise
                log.warning("using the rates of %s: %s", self._table.as_of, error)
        assert self._table is not None
        if self._age(self._table) > self._oldest:
            raise NoExchangeRate(
                f"the latest exchange rates are of {self._table.as_of}, older than"
                f" {self._oldest.days} days",
                provider=NAME,
                operation="quote",
                code="stale",
            )
        return self._table

    async def close(self) -> None:
        """Close connections."""
        if self._look is not None:
            self._look.cancel()
        await self._http.close()

    def _is_time_to_look(self) -> bool:
        if self._table is None or self._looked_at is None:
            return True
        if self._age(self._table) > self._oldest:
            return True
        newest = self._table.as_of >= self._now().date()
        return not newest and self._now() >= self._looked_at + _NEXT_LOOK

    def _age(self, table: RateTable) -> dt.timedelta:
        return self._now().date() - table.as_of

    async def _read(self) -> None:
        self._looked_at = self._now()
        answer = await self._http.call("GET", self._path, operation="quote", changes=False)
        if not answer.ok:
            raise _failure(answer)
        try:
            table = read_daily(answer.content)
            if table.as_of > self._now().date() + _AHEAD:
                raise NotTheFeedError(f"it is of {table.as_of}, a day to come")
        except NotTheFeedError as error:
            raise answer.unsettled(
                f"the exchange rates cannot be read: {error}", code="malformed_answer"
            ) from error
        if self._table is None or table.as_of >= self._table.as_of:
            self._table = table

    def _looked(self, look: asyncio.Task[None]) -> None:
        self._look = None
        if not look.cancelled():
            look.exception()  # whoever waited has it; with nobody waiting it is no news


def _failure(answer: JsonAnswer) -> ProviderError:
    message = f"the exchange rates were answered with {answer.status}"
    if 300 <= answer.status < 500 and answer.status not in (408, 425, 429):
        # The address is wrong, or moved: waiting does not mend it.
        return answer.failure(AuthConfig, message)
    return answer.unsettled(message)
