"""Mails and texts that wait: written with what they are about, leased, sent, ended."""

import datetime as dt
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, insert, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.core.sealing import Sealer, opened, sealed
from models.core.text import storable
from models.messages.tables import MESSAGES, Channel, MessageState

LEASE = dt.timedelta(seconds=90)
"""How long a claimed message is one worker's: longer than sending it may take."""
_PAUSES = tuple(dt.timedelta(seconds=one) for one in (2, 5, 15, 60, 300, 1800, 7200, 21600))
"""After each attempt that failed for a while; after the last the message is given up."""
KEPT = dt.timedelta(days=30)
"""How long messages stay after they were made: they name people."""
EXPIRED = "it was too late to be sent"
LONGEST_ERROR = 500


@dataclass(frozen=True)
class Message:
    """What is to be told to whom."""

    channel: Channel
    recipient: str = field(repr=False)
    template: str
    content: Mapping[str, Any] = field(default_factory=dict)
    secret: Mapping[str, str] | None = field(default=None, repr=False)
    """What else the template tells, and nobody may read in the record."""
    lives: dt.timedelta | None = None
    """It is not sent later."""
    locale: str = "en"


@dataclass(frozen=True)
class Claimed:
    """A message that this worker sends until the lease runs out."""

    id: str
    channel: Channel
    recipient: str = field(repr=False)
    template: str
    locale: str
    content: Mapping[str, Any]
    secret: bytes | None = field(repr=False)
    attempts: int
    """This one included."""
    created_at: dt.datetime

    def told(self, sealer: Sealer) -> dict[str, Any]:
        """Return everything the template tells. Raises as ``opened``."""
        if self.secret is None:
            return dict(self.content)
        return {**self.content, **json.loads(opened(sealer, _row(self.id), self.secret))}


def _row(message_id: str) -> str:
    return f"message:{message_id}"


async def post(session: AsyncSession, sealer: Sealer, message: Message) -> str:
    """Have a message sent once this transaction is committed; returns its id."""
    message_id = str(uuid.uuid4())
    secret = message.secret and sealed(sealer, _row(message_id), json.dumps(dict(message.secret)))
    await session.execute(
        insert(MESSAGES).values(
            id=message_id,
            channel=message.channel,
            recipient=message.recipient,
            template=message.template,
            locale=message.locale,
            content=dict(message.content),
            secret=secret,
            due_at=func.clock_timestamp(),
            created_at=func.clock_timestamp(),
            expires_at=message.lives and func.clock_timestamp() + message.lives,
        )
    )
    return message_id


_EXPIRE = text(f"""
UPDATE messages SET state = 'FAILED', secret = NULL, last_error = coalesce(last_error || '; ', '')
    || '{EXPIRED}', ended_at = clock_timestamp()
WHERE id IN (
    SELECT id FROM messages WHERE state = 'QUEUED' AND expires_at <= clock_timestamp()
    ORDER BY due_at LIMIT 100 FOR UPDATE SKIP LOCKED
)
""")  # noqa: S608
_CLAIM = text("""
UPDATE messages SET attempts = attempts + 1, due_at = clock_timestamp() + :lease
WHERE id IN (
    SELECT id FROM messages WHERE state = 'QUEUED' AND due_at <= statement_timestamp()
        AND (expires_at IS NULL OR expires_at > clock_timestamp())
    ORDER BY due_at LIMIT :room FOR UPDATE SKIP LOCKED
)
RETURNING id::text, channel, recipient, template, locale, content, secret, attempts, created_at
""")


async def claim(
    session: AsyncSession, room: int, *, lease: dt.timedelta = LEASE
) -> Sequence[Claimed]:
    """Take up to ``room`` messages that are due, and end those that are too late."""
    await session.execute(_EXPIRE)
    rows = await session.execute(_CLAIM, {"room": room, "lease": lease})
    return [Claimed(**{**row._mapping, "channel": Channel(row.channel)}) for row in rows]


async def sent(session: AsyncSession, claimed: Claimed) -> None:
    """Note that a server has taken a message."""
    await _end(session, claimed, MessageState.SENT, None)


async def given_up(session: AsyncSession, claimed: Claimed, error: str) -> None:
    """Note that a message will never be taken."""
    await _end(session, claimed, MessageState.FAILED, error)


async def postponed(session: AsyncSession, claimed: Claimed, error: str) -> bool:
    """Have a message tried again after a pause; False: it was tried often enough, and is over."""
    if claimed.attempts > len(_PAUSES):
        await given_up(session, claimed, error)
        return False
    await session.execute(
        _own(claimed).values(
            due_at=func.clock_timestamp() + _PAUSES[claimed.attempts - 1], last_error=_kept(error)
        )
    )
    return True


async def _end(
    session: AsyncSession, claimed: Claimed, state: MessageState, error: str | None
) -> None:
    await session.execute(
        _own(claimed).values(
            state=state, secret=None, last_error=_kept(error), ended_at=func.clock_timestamp()
        )
    )


def _own(claimed: Claimed) -> Any:
    """Return an update of a claimed message, unless somebody else has claimed it since."""
    table = MESSAGES.c
    return update(MESSAGES).where(
        table.id == claimed.id,
        table.attempts == claimed.attempts,
        table.state == MessageState.QUEUED,
    )


def _kept(error: str | None) -> str | None:
    return None if error is None else storable(error)[:LONGEST_ERROR]


async def overdue_seconds(session: AsyncSession) -> float:
    """Return for how long the message that waits longest has been due; 0 without any."""
    waiting = "SELECT extract(epoch FROM clock_timestamp() - min(due_at))::float8 FROM messages"
    found = await session.scalar(text(f"{waiting} WHERE state = 'QUEUED'"))
    return max(float(found or 0), 0.0)


async def forget(session: AsyncSession) -> int:
    """Delete messages that are old; returns how many."""
    done = await session.execute(
        text(
            "DELETE FROM messages WHERE id IN (SELECT id FROM messages"
            " WHERE created_at < now() - :kept AND state <> 'QUEUED' LIMIT 5000)"
        ),
        {"kept": KEPT},
    )
    return int(done.rowcount)  # type: ignore[attr-defined]
