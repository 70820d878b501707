"""The health of suppliers: measured by every call of this process, shared through the record.

Three things stand on it: new bookings are turned away early while a supplier is down, operators
see it, and a supplier that is down for long is a case. It never stands in the way of a call that a
booking under way needs: those are always made.
"""

import asyncio
import datetime as dt
import functools
import inspect
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession

from models.core.cases import CaseKind, close_case, open_case
from models.core.database import Sessions, autocommit
from models.core.errors import Fault, ProviderError, Refusal
from models.suppliers.health import (
    Circuit,
    Health,
    claim_trial,
    load_health,
    note_answers,
    note_fault,
)
from models.suppliers.listings import title_of
from settings import Settings
from suppliers.core.protocol import Sells

FRESH_SECONDS = 2.0
"""How long figures read from other processes are used."""
TELL_SECONDS = 10.0
"""How often answers are noted, as long as nothing changes by them."""
BY = "supplier health"

_DATABASE_AWAY = (DBAPIError, PoolTimeoutError, OSError)
_UNANSWERED = frozenset({"no_answer", "not_sent"})

Seller = TypeVar("Seller", bound=Sells[Any, Any])

log = logging.getLogger("tripsaga.suppliers")


@dataclass(frozen=True)
class Down:
    """A supplier that new bookings are not begun with."""

    supplier: str
    since: dt.datetime
    retry_after: int
    """Seconds until somebody may try again."""


def is_outage(error: BaseException) -> bool:
    """Tell whether a failed call says that its supplier is in trouble: 5xx, timeouts, resets.

    Not a refusal, nor 429: then it answers. Nor what we held back ourselves.
    """
    if not isinstance(error, Fault):
        return False
    if error.status is not None:
        return error.status >= 500
    return error.code in _UNANSWERED


class SupplierHealth:
    """How the suppliers do, as far as this process knows; it shares what it measures."""

    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        self._sessions = sessions
        self._down_after = settings.supplier_down_after
        self._trial_seconds = settings.supplier_trial_seconds
        self._case_seconds = settings.supplier_down_case_seconds
        self._known: dict[str, Health] = {}
        self._read_at = float("-inf")
        self._answers: dict[str, float] = {}
        """When suppliers answered (monotonic), as far as it is not recorded yet."""
        self._told_at = float("-inf")
        self._telling: asyncio.Task[None] | None = None

    # -- reads ------------------------------------------------------------------------------

    async def turned_away(self, suppliers: Collection[str]) -> Down | None:
        """Return which of these suppliers a new booking must not be begun with; None: go on.

        Every so often one booking is let through although a supplier is down, as a trial.
        """
        try:
            known = await self._current()
            down = [known[name] for name in sorted(suppliers) if name in known]
            down = [health for health in down if health.state is not Circuit.UP]
            if not down:
                return None
            waiting = [(self._pause_left(health), health) for health in down]
            longest, slowest = max(waiting, key=lambda pair: pair[0])
            if longest > 0:
                return _down(slowest, longest)
            async with autocommit(self._sessions) as session:
                for health in down:
                    if not await claim_trial(session, health.supplier, self._trial_seconds):
                        return _down(health, self._trial_seconds)
                    log.info("supplier %s: one booking is let through to try it", health.supplier)
            self._read_at = float("-inf")
        except _DATABASE_AWAY as error:
            log.warning("it is not known which suppliers are down: %s", error)
        return None

    def _pause_left(self, health: Health) -> float:
        if health.tried_at is None:
            return 0.0
        passed = (dt.datetime.now(dt.UTC) - health.tried_at).total_seconds()
        return self._trial_seconds - passed

    async def _current(self) -> dict[str, Health]:
        if time.monotonic() - self._read_at > FRESH_SECONDS:
            async with autocommit(self._sessions) as session:
                self._known = await load_health(session)
            self._read_at = time.monotonic()
        return self._known

    # -- measurements -----------------------------------------------------------------------

    @asynccontextmanager
    async def watching(self, supplier: str) -> AsyncIterator[None]:
        """Learn from how the call within ends."""
        try:
            yield
        except ProviderError as error:
            if is_outage(error):
                await self._failed(supplier, error)
            elif isinstance(error, Refusal):
                await self._answered(supplier)
            raise
        await self._answered(supplier)

    async def _failed(self, supplier: str, error: ProviderError) -> None:
        self._answers.pop(supplier, None)
        code = error.code if error.status is None else str(error.status)
        try:
            async with self._sessions.begin() as session:
                health = await note_fault(
                    session, supplier, code=code, words=str(error), down_after=self._down_after
                )
                if health.down_for >= self._case_seconds:
                    await open_down_case(session, health)
        except _DATABASE_AWAY as away:
            log.warning("a fault of %s could not be noted: %s", supplier, away)
            return
        self._known[supplier] = health
        if health.faults == self._down_after:
            log.error(
                "supplier %s is down after %d faults in a row: %s", supplier, health.faults, error
            )

    async def _answered(self, supplier: str) -> None:
        self._answers[supplier] = time.monotonic()
        known = self._known.get(supplier)
        if known is not None and (known.faults or known.state is not Circuit.UP):
            await self._tell()
        elif self._telling is None or self._telling.done():
            pause = self._told_at + TELL_SECONDS - time.monotonic()
            self._telling = asyncio.create_task(self._tell_later(max(pause, 0.0)))

    async def _tell_later(self, pause: float) -> None:
        await asyncio.sleep(pause)
        await self._tell()

    async def _tell(self) -> None:
        """Record all answers that are not recorded yet, in one statement."""
        answers, self._answers = self._answers, {}
        if not answers:
            return
        now = self._told_at = time.monotonic()
        try:
            async with autocommit(self._sessions) as session:
                back = await note_answers(session, {n: now - at for n, at in answers.items()})
                for supplier in back:
                    await close_down_case(session, supplier)
        except _DATABASE_AWAY as error:
            log.warning("answers of suppliers could not be noted: %s", error)
            return
        for supplier, health in back.items():
            log.warning("supplier %s is up again after %.0f s", supplier, health.down_for)
        for supplier in answers:
            self._known.pop(supplier, None)  # read again when somebody asks
        if back:
            self._read_at = float("-inf")

    async def close(self) -> None:
        """Record what is not recorded yet."""
        if self._telling is not None:
            self._telling.cancel()
            with suppress(asyncio.CancelledError):
                await self._telling
        await self._tell()


def watched(supplier: Seller, health: SupplierHealth) -> Seller:
    """Return the same supplier, whose every call tells ``health`` how it ended."""
    return cast("Seller", _Watched(supplier, health))


class _Watched:
    """Has the attributes of a supplier, those of optional protocols too; its calls are watched."""

    def __init__(self, supplier: Sells[Any, Any], health: SupplierHealth) -> None:
        for name in dir(supplier):
            if not name.startswith("_"):
                found = getattr(supplier, name)
                is_call = name != "close" and inspect.iscoroutinefunction(found)
                setattr(self, name, _watching(found, supplier.name, health) if is_call else found)


def _watching(
    call: Callable[..., Awaitable[Any]], supplier: str, health: SupplierHealth
) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(call)
    async def watched_call(*arguments: Any, **named: Any) -> Any:
        async with health.watching(supplier):
            return await call(*arguments, **named)

    return watched_call


# -- cases ----------------------------------------------------------------------------------------


async def look_after_outages(sessions: Sessions, after: float) -> None:
    """Open a case for each supplier that is down for ``after`` seconds; close those that ended.

    Part of every round of watching, for when nobody calls a supplier any more.
    """
    async with sessions.begin() as session:
        for health in (await load_health(session)).values():
            if health.state is Circuit.UP:
                await close_down_case(session, health.supplier)
            elif health.down_for >= after:
                await open_down_case(session, health)


async def open_down_case(session: AsyncSession, health: Health) -> bool:
    """Have an operator ask a supplier what is wrong; False when one does already."""
    title = title_of(health.supplier)
    return await open_case(
        session,
        kind=CaseKind.SUPPLIER,
        source=_source(health.supplier),
        summary=f"{title} has not answered since {health.since:%Y-%m-%d %H:%M} UTC"
        f" ({health.last_fault or 'no answer'}). New bookings with it are turned away. Look at its"
        " status page, and ask its support desk.",
        details={
            "supplier": health.supplier,
            "since": health.since.isoformat(),
            "faults": health.faults,
            "code": health.last_fault_code,
        },
    )


async def close_down_case(session: AsyncSession, supplier: str) -> bool:
    """Close the case of a supplier that answers again; False when there is none."""
    return await close_case(session, source=_source(supplier), by=BY, resolution="it answers again")


def _source(supplier: str) -> str:
    return f"supplier-down:{supplier}"


def _down(health: Health, wait: float) -> Down:
    return Down(health.supplier, health.since, max(round(wait), 1))
