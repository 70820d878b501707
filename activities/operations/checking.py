"""Holding the invariants against record, ledger and gateway; a case for each that is broken.

A case closes by itself when a later round finds its violation gone.
"""

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from activities.operations.comparisons import GatewayComparison
from activities.operations.listing import AHEAD
from models.core.cases import CaseKind, CaseRow, close_case, list_open_cases, open_case
from models.core.database import Sessions
from models.core.errors import ProviderError
from models.core.keys import is_booking_id
from models.operations.invariants import (
    ALL_TIME,
    INVARIANTS,
    MOST_FOUND,
    NAMES,
    Violation,
    find_broken_chains,
    find_violations,
)
from models.operations.messages import CheckCall, Checked
from models.payments.recorded import FIRST
from payments.core.protocol import Gateway

CHAINS_AT_ONCE = 500
FULL_SECONDS = 300
"""How long one statement over everything may take."""
BY = "watching"
OF_THE_GATEWAY = frozenset({"I1", "I2", "I9"})
"""Invariants that are also held against the gateway's list."""

log = logging.getLogger("tripsaga.watching")


@dataclass(frozen=True)
class Window:
    """How far back a round looks."""

    record: dt.datetime
    """Bookings that changed since then, and ledger entries written since."""
    gateway: dt.datetime
    """Payments made since then."""


class Checker:
    """One check of all invariants."""

    def __init__(self, sessions: Sessions, gateway: Gateway) -> None:
        self._sessions = sessions
        self._gateway = gateway

    async def run(self, call: CheckCall, window: Window) -> Checked:
        """Check everything in ``window``, what may still move, and what has an open case."""
        async with self._sessions() as session:
            cases = await list_open_cases(session, CaseKind.INVARIANT, limit=MOST_FOUND)
        since = ALL_TIME if call.full else window.record
        found = await self._by_database(cases, since, full=call.full)
        answer = Checked()
        judged = set(NAMES)
        try:
            found += await self._by_gateway(cases, window.gateway, call.unsettled)
        except ProviderError as error:
            log.warning("invariants could not be held against the gateway: %s", error)
            answer.gateway = False
            judged -= OF_THE_GATEWAY
        broken: dict[str, list[Violation]] = defaultdict(list)
        for violation in found:
            if violation.booking_id not in call.unsettled:
                broken[violation.source].append(violation)
        answer.violations = dict.fromkeys(NAMES, 0)
        for violations in broken.values():
            answer.violations[violations[0].invariant] += 1
        # What was cut off is not gone.
        judged -= {name for name, number in answer.violations.items() if number >= MOST_FOUND}
        answer.opened = await self._open(broken)
        answer.closed = await self._close(
            [
                case
                for case in cases
                if _invariant(case) in judged and case.booking_id not in call.unsettled
            ],
            broken,
        )
        return answer

    # -- checks --------------------------------------------------------------------------------

    async def _by_database(
        self, cases: Sequence[CaseRow], since: dt.datetime, *, full: bool
    ) -> list[Violation]:
        found: list[Violation] = []
        for invariant in INVARIANTS:
            also = _bookings(cases, invariant.name)
            # A case about no booking is about a table: only reading it whole tells it is over.
            whole = full or len(also) < sum(_invariant(c) == invariant.name for c in cases)
            for query in invariant.queries:
                if query.only_full and not whole:
                    continue
                async with self._sessions() as session:
                    await _patiently(session, full=whole)
                    found += await find_violations(
                        session, query, invariant.name, since=since, also=also
                    )
        return found + await self._chains(since, _bookings(cases, "I8"))

    async def _chains(self, since: dt.datetime, also: Sequence[str]) -> list[Violation]:
        found: list[Violation] = []
        after: str | None = FIRST
        while after is not None:
            async with self._sessions() as session:
                after, broken = await find_broken_chains(
                    session, since=since, also=also, after=after, limit=CHAINS_AT_ONCE
                )
            found += broken
        return found

    async def _by_gateway(
        self, cases: Sequence[CaseRow], since: dt.datetime, excused: Sequence[str]
    ) -> list[Violation]:
        also = {
            case.booking_id: list(case.details.get("payments", []))
            for case in cases
            if case.booking_id is not None and _invariant(case) in OF_THE_GATEWAY
        }
        comparison = GatewayComparison(self._sessions, self._gateway)
        until = dt.datetime.now(dt.UTC) + AHEAD
        return await comparison.violations(since, until, also=also, excused=excused)

    # -- cases ---------------------------------------------------------------------------------

    async def _open(self, broken: dict[str, list[Violation]]) -> int:
        opened = 0
        texts = {invariant.name: invariant.text for invariant in INVARIANTS}
        for source, violations in broken.items():
            first = violations[0]
            payments = sorted({payment for v in violations for payment in v.payments})
            async with self._sessions.begin() as session:
                is_new = await open_case(
                    session,
                    kind=CaseKind.INVARIANT,
                    source=source,
                    summary=f"{first.invariant} is broken: {'; '.join(v.what for v in violations)}",
                    booking_id=first.booking_id,
                    details={
                        "invariant": first.invariant,
                        "means": texts[first.invariant],
                        "payments": payments,
                    },
                )
            if is_new:
                opened += 1
                log.error("invariant broken: %s: %s", source, violations[0].what)
        return opened

    async def _close(self, cases: Sequence[CaseRow], broken: dict[str, list[Violation]]) -> int:
        closed = 0
        for case in cases:
            if case.source not in broken:
                async with self._sessions.begin() as session:
                    closed += await close_case(
                        session, source=case.source, by=BY, resolution="no longer found"
                    )
        return closed


def _invariant(case: CaseRow) -> str:
    return case.source.split(":")[1]


def _bookings(cases: Sequence[CaseRow], invariant: str) -> list[str]:
    subjects = [case.source.split(":", 2)[2] for case in cases if _invariant(case) == invariant]
    return [subject for subject in subjects if is_booking_id(subject)]


async def _patiently(session: AsyncSession, *, full: bool) -> None:
    """Raise the statement timeout, for this transaction only."""
    if full:
        await session.execute(text(f"SET LOCAL statement_timeout = '{FULL_SECONDS}s'"))
