"""The attempt log: the intent before a supplier or gateway is called, the outcome after.

It makes every call safe to repeat. A worker that takes over from a dead one finds here whether
the call was made and how it ended; what nobody knows is settled by looking our reference up,
then by repeating with the same key where the provider allows it, and never by assumption
(design.md, "Three outcomes"; reliability.md rules 1–3).
"""

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import and_, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from logs import about, without_people
from models.core import errors
from models.core.attempts import ATTEMPTS
from models.core.database import DATABASE_AWAY, Sessions, direct
from models.core.errors import ProviderError, Refusal, Retryable, UnknownOutcome
from models.core.money import Money

log = logging.getLogger("tripsaga.calls")

Result = TypeVar("Result", bound=BaseModel)

DONE, REFUSED, NOT_DONE, UNKNOWN = "done", "refused", "not_done", "unknown"
FOUND = "found"
"""How an attempt was settled that turned out to have been done."""
REPEATED = "repeated"
"""Never answered, not visible when looked up, and asked again: it may still take effect."""
OUTCOME_SECONDS = 60
"""How long an answer in hand waits for the database to come back."""

TOMBSTONE = "tombstone"
"""Written by an undo: whoever comes later with this key must not begin."""


# Made once: building a statement takes as long as running it.
_BEGIN = (
    upsert(ATTEMPTS)
    .on_conflict_do_nothing(index_elements=["key", "number"])
    .returning(ATTEMPTS.c.id)
)
_END = update(ATTEMPTS).where(ATTEMPTS.c.id == bindparam("attempt")).values(finished_at=func.now())
_END_UNANSWERED = _END.values(unanswered_at=func.now())
_PAST = select(ATTEMPTS).where(ATTEMPTS.c.key == bindparam("key")).order_by(ATTEMPTS.c.number)


@dataclass(frozen=True)
class Intent:
    """What is about to be asked of a provider."""

    booking_id: str
    provider: str
    operation: str
    key: str
    """The business key; all attempts at one intention share it."""
    item: int | None = None
    names: tuple[str, ...] = ()
    """Of the people it is about: a log line leaves them out of what the provider says."""


@dataclass
class Past:
    """What earlier attempts at an intention came to."""

    rows: list[Any] = field(default_factory=list)

    def last(self, *outcomes: str | None) -> Any | None:
        """Return the last attempt with one of ``outcomes``; None when there is none."""
        return next((row for row in reversed(self.rows) if row.outcome in outcomes), None)

    @property
    def is_tombstoned(self) -> bool:
        """Whether an undo has closed this intention."""
        return self.last(TOMBSTONE) is not None

    @property
    def unsettled(self) -> list[Any]:
        """Attempts whose outcome is unknown: unanswered ones, and those whose worker died."""
        return [row for row in self.rows if row.outcome in (None, UNKNOWN)]

    @property
    def doubtful(self) -> list[Any]:
        """Attempts that may have taken effect, or may yet: what an undo has to look for."""
        return [row for row in self.rows if row.outcome in (None, UNKNOWN, REPEATED)]

    @property
    def unanswered(self) -> list[Any]:
        """Attempts that were never answered, however they have been settled since.

        One that was given up as not done may have been done late.
        """
        return [
            row
            for row in self.rows
            if row.outcome in (None, UNKNOWN, REPEATED)
            or (row.outcome == NOT_DONE and (row.result or {}).get("kind") != "Retryable")
        ]

    @property
    def began(self) -> dt.datetime:
        """When the first attempt began (UTC)."""
        earliest: dt.datetime = min(row.started_at for row in self.rows)
        return earliest

    @property
    def ended(self) -> dt.datetime:
        """When the last attempt was given up, or began when it was not given up (UTC)."""
        latest: dt.datetime = max(row.finished_at or row.started_at for row in self.rows)
        return latest

    @property
    def answered_with_error(self) -> int:
        """How many attempts were answered with an error and then found not to have happened.

        Each needs a fresh idempotency key: providers replay a stored 5xx under the old one.
        """
        return sum(
            row.outcome in (NOT_DONE, REPEATED) and (row.http_status or 0) >= 500
            for row in self.rows
        )


class AttemptLog:
    """Runs calls to providers at most once in effect."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def past(self, key: str) -> Past:
        """Return the earlier attempts under ``key``."""
        async with direct(self._sessions) as connection:
            return await _past(connection, key)

    async def once(
        self,
        intent: Intent,
        result_type: type[Result],
        act: Callable[[int], Awaitable[Result]],
        *,
        look_up: Callable[[dt.datetime], Awaitable[Result | None]] | None,
        repeat_after: dt.timedelta,
        may_repeat: bool = True,
        fresh_key_after: dt.timedelta = dt.timedelta(0),
        begun: int | None = None,
    ) -> Result:
        """Have ``act`` take effect at most once over all attempts, and return its result.

        ``act`` gets the version of its idempotency key (1, 2, …). ``look_up`` gets the time of
        the first attempt and answers what was done, None for nothing visible; it is None where
        the provider has no look-up. ``repeat_after`` is how long look-ups must have found nothing
        before ``act`` is repeated, or given up where it may not be (``may_repeat``).
        ``fresh_key_after`` is the same for repeating under a fresh idempotency key, which a stored
        5xx makes necessary. ``begun`` is the first attempt, where it is on record already (see
        ``activities.suppliers.ordered_items.load_and_begin``).

        Raises:
            Refusal: a definite "no", also when an earlier attempt got it.
            Retryable: not now; call again.
            UnknownOutcome: no answer; call again and it will be looked up. With code
                ``unsettled`` when no further call can settle it.
        """
        version = 1
        attempt = begun or await self._begin(intent, number=1)
        if attempt is None:
            past = await self.past(intent.key)
            settled = self._settled(past, intent, result_type)
            if settled is not None:
                return settled
            if past.unsettled:
                if any((row.http_status or 0) >= 500 for row in past.unsettled):
                    repeat_after = max(repeat_after, fresh_key_after)
                found = await self._settle(past, intent, look_up, repeat_after)
                if found is None and not may_repeat:
                    raise UnknownOutcome(
                        f"{intent.operation} at {intent.provider} is not visible and may not be"
                        " repeated",
                        provider=intent.provider,
                        operation=intent.operation,
                        code="unsettled",
                    )
                if found is not None:
                    return found
                await self._give_up(past.unsettled)
                past = await self.past(intent.key)
                # While we looked, an undo may have closed it, or another worker settled it.
                settled = self._settled(past, intent, result_type)
                if settled is not None:
                    return settled
            version += past.answered_with_error
            if not past.unsettled:
                attempt = await self._begin(intent, number=len(past.rows) + 1)
        if attempt is None:
            raise Retryable(
                "another worker is at this step",
                provider=intent.provider,
                operation=intent.operation,
            )
        asked = time.monotonic()
        try:
            result = await act(version)
        except ProviderError as error:
            outcome = await self._end_with_error(attempt, error)
            log_call(intent, outcome, asked, error)
            raise
        await self._end(attempt, DONE, result)
        log_call(intent, DONE, asked)
        return result

    async def tombstone(self, intent: Intent) -> Past:
        """Write a tombstone for an intention and return what became of it so far.

        After this no attempt can begin under the key, so that an undo has the last word even
        over a worker that was believed dead. Attempts under way are in ``unsettled``.
        """
        while True:
            past = await self.past(intent.key)
            if past.is_tombstoned:
                return past
            async with direct(self._sessions) as connection:
                tombstone = await connection.scalar(
                    upsert(ATTEMPTS)
                    .values(
                        **_columns(intent, len(past.rows) + 1),
                        outcome=TOMBSTONE,
                        finished_at=func.now(),
                    )
                    .on_conflict_do_nothing(index_elements=["key", "number"])
                    .returning(ATTEMPTS.c.id)
                )
            if tombstone is not None:
                return past

    async def tombstone_all(self, intents: Sequence[Intent]) -> None:
        """Write tombstones for several intentions, mostly in one statement."""
        async with direct(self._sessions) as connection:
            closed = await connection.scalars(
                upsert(ATTEMPTS)
                .values(
                    [
                        {**_columns(intent, 1), "outcome": TOMBSTONE, "finished_at": func.now()}
                        for intent in intents
                    ]
                )
                .on_conflict_do_nothing(index_elements=["key", "number"])
                .returning(ATTEMPTS.c.key)
            )
            fresh = set(closed)
        for intent in intents:
            if intent.key not in fresh:
                await self.tombstone(intent)

    async def adopt(self, past: Past, found: BaseModel) -> None:
        """Write down that an unanswered attempt turned out to have been done."""
        doubted = (past.doubtful or past.unanswered)[-1]
        await self._end(doubted.id, DONE, found, settled=FOUND)

    async def settle_unsettled(self, key: str, outcome: str) -> None:
        """Record how the attempts of unknown outcome have ended."""
        async with direct(self._sessions) as connection:
            await connection.execute(
                update(ATTEMPTS)
                .where(
                    ATTEMPTS.c.key == key,
                    ATTEMPTS.c.outcome.is_(None) | (ATTEMPTS.c.outcome == UNKNOWN),
                )
                .values(
                    outcome=outcome,
                    settled=outcome,
                    finished_at=func.coalesce(ATTEMPTS.c.finished_at, func.now()),
                )
            )

    async def _give_up(self, attempts: list[Any]) -> None:
        """Note that unanswered attempts are repeated, unless one was answered since it was read.

        An error that came in meanwhile asks for a fresh key, and for the patience that this takes.
        """
        as_read = or_(
            *(
                and_(ATTEMPTS.c.id == row.id, ATTEMPTS.c.outcome.is_not_distinct_from(row.outcome))
                for row in attempts
            )
        )
        async with direct(self._sessions) as connection:
            await connection.execute(
                update(ATTEMPTS)
                .where(as_read)
                .values(
                    outcome=REPEATED,
                    settled=REPEATED,
                    finished_at=func.coalesce(ATTEMPTS.c.finished_at, func.now()),
                )
            )

    def _settled(self, past: Past, intent: Intent, result_type: type[Result]) -> Result | None:
        if past.is_tombstoned:
            raise errors.Unavailable(
                "this step has been undone",
                provider=intent.provider,
                operation=intent.operation,
                code=TOMBSTONE,
            )
        done = past.last(DONE)
        if done is not None:
            return result_type.model_validate(done.result)
        refused = past.last(REFUSED)
        if refused is not None:
            raise _refusal(refused)
        return None

    async def _settle(
        self,
        past: Past,
        intent: Intent,
        look_up: Callable[[dt.datetime], Awaitable[Result | None]] | None,
        repeat_after: dt.timedelta,
    ) -> Result | None:
        context: dict[str, Any] = {"provider": intent.provider, "operation": intent.operation}
        if look_up is None:
            raise UnknownOutcome(
                f"nobody knows whether {intent.operation} at {intent.provider} was done,"
                " and it has no look-up by our reference",
                code="unsettled",
                **context,
            )
        found = await look_up(past.began)
        if found is not None:
            await self.adopt(past, found)
            return found
        patience = past.ended + repeat_after - dt.datetime.now(dt.UTC)
        if patience > dt.timedelta(0):
            raise Retryable(
                f"{intent.operation} at {intent.provider} is not visible yet",
                retry_after=pause_within(patience),
                **context,
            )
        return None

    async def _begin(self, intent: Intent, *, number: int) -> int | None:
        """Write the intent, before anything is sent; None when the number is taken.

        The unique index on (key, number) lets one of two workers begin, and none after a tombstone.
        """
        async with direct(self._sessions) as connection:
            attempt = await connection.scalar(_BEGIN, _columns(intent, number))
        return None if attempt is None else int(attempt)

    async def _end(self, attempt: int, outcome: str, result: BaseModel, **more: Any) -> None:
        await self._write_outcome(
            attempt,
            outcome=outcome,
            provider_id=getattr(result, "supplier_id", None) or getattr(result, "id", None),
            result=result.model_dump(mode="json"),
            **more,
        )

    async def _end_with_error(self, attempt: int, error: ProviderError) -> str:
        match error:
            case Refusal():
                outcome = REFUSED
            case Retryable():
                outcome = NOT_DONE
            case _:
                outcome = UNKNOWN
        new_price = getattr(error, "new_price", None)
        await self._write_outcome(
            attempt,
            outcome=outcome,
            provider_code=error.code,
            http_status=error.status,
            request_id=error.request_id,
            message=str(error)[:1000],
            result={
                "kind": error.kind,
                "new_price": new_price and new_price.model_dump(mode="json"),
                **_about_the_request(error),
            },
        )
        return outcome

    async def _write_outcome(self, attempt: int, **outcome: Any) -> None:
        """Write an outcome; retry while the database is unavailable.

        The answer is in hand and exists nowhere else: giving it up would make it unknown.
        """
        until = time.monotonic() + OUTCOME_SECONDS
        end = _END_UNANSWERED if outcome["outcome"] == UNKNOWN else _END
        while True:
            try:
                async with direct(self._sessions) as connection:
                    await connection.execute(end, {"attempt": attempt, **outcome})
            except DATABASE_AWAY:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.5)
            else:
                return


def pause_within(patience: dt.timedelta) -> dt.timedelta:
    """Return the pause before the next look-up: half of what is left, so that a long settling
    period costs few attempts, and never less than 2 s while more than that is left."""
    return max(patience / 2, min(patience, dt.timedelta(seconds=2)))


async def _past(connection: AsyncConnection, key: str) -> Past:
    rows = await connection.execute(_PAST, {"key": key})
    return Past(rows=list(rows.all()))


def _columns(intent: Intent, number: int) -> dict[str, Any]:
    return {
        "booking_id": intent.booking_id,
        "item": intent.item,
        "provider": intent.provider,
        "operation": intent.operation,
        "key": intent.key,
        "number": number,
    }


def log_call(
    intent: Intent, outcome: str, asked: float, error: ProviderError | None = None
) -> None:
    """Write the one line of a call that had an effect or may have had one, or was refused."""
    details: dict[str, object] = {
        **about(intent.booking_id),
        "provider": intent.provider,
        "operation": intent.operation,
        "item": intent.item,
        "outcome": outcome,
        "ms": round((time.monotonic() - asked) * 1000),
    }
    if error is not None:
        details |= {
            "provider_code": error.code,
            "status": error.status,
            "request_id": error.request_id,
        }
    if isinstance(error, errors.InvalidRequest) and intent.item is not None:
        details |= {"field": error.field, "said": without_people(str(error), intent.names)}
    level = logging.INFO if outcome in (DONE, REFUSED) else logging.WARNING
    log.log(level, "%s %s: %s", intent.provider, intent.operation, outcome, extra=details)


def _about_the_request(error: ProviderError) -> dict[str, Any]:
    if not isinstance(error, errors.InvalidRequest):
        return {}
    return {"field": error.field, "plain": error.plain}


def _refusal(row: Any) -> ProviderError:
    """Raise again what an earlier attempt was refused with."""
    stored = row.result or {}
    kind: type[ProviderError] = getattr(errors, stored.get("kind", ""), errors.Unavailable)
    context: dict[str, Any] = {
        "provider": row.provider,
        "operation": row.operation,
        "code": row.provider_code,
        "status": row.http_status,
        "request_id": row.request_id,
    }
    if kind is errors.PriceChanged and stored.get("new_price"):
        context["new_price"] = Money.model_validate(stored["new_price"])
    if issubclass(kind, errors.InvalidRequest):
        context |= {"field": stored.get("field"), "plain": bool(stored.get("plain"))}
    return kind(row.message or "", **context)
