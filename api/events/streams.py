"""``GET /api/v1/events/stream``: a caller's events as server-sent events, as they come."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial

from sse_starlette import EventSourceResponse
from starlette.types import Receive, Scope, Send

from api.core.context import AppContext
from api.core.tail import Tail
from models.core.database import DATABASE_AWAY
from models.core.domain_errors import DomainError
from models.events.errors import EventsGone
from models.events.feed import FeedPage, Told, read_feed

PING_SECONDS = 15
LONGEST_SECONDS = 1800.0
"""A stream ends after this; clients come back by themselves with ``Last-Event-ID``."""
PAGE = 200
WAIT_SECONDS = 30.0
AWAY_SECONDS = 1.0


class EventStream(EventSourceResponse):
    """A stream that counts as its caller's as long as it is open."""

    def __init__(self, tail: Tail, caller_id: str, events: AsyncIterator[bytes]) -> None:
        super().__init__(events, ping=PING_SECONDS, headers={"Cache-Control": "no-store"})
        self._tail = tail
        self._caller_id = caller_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until the stream ends, by either side."""
        self._tail.streams[self._caller_id] += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._tail.streams[self._caller_id] -= 1
            if not self._tail.streams[self._caller_id]:
                del self._tail.streams[self._caller_id]


async def stream(
    context: AppContext, owner: str | None, types: Sequence[str], page: FeedPage
) -> AsyncIterator[bytes]:
    """Yield the events of ``page`` and those that come behind it, one server-sent event each."""
    tail, until = context.tail, time.monotonic() + LONGEST_SECONDS
    for event in page.events:
        yield _sent(event)
    position, caught_up = page.next, page.caught_up
    while time.monotonic() < until:
        if caught_up:
            await tail.moved(owner, WAIT_SECONDS)
        new = tail.behind(position, owner)
        if new is not None:
            events, position = new
            events = [event for event in events if not types or event.type in types]
            caught_up = True
        else:
            try:
                page = await _read(context, position, owner, types)
            except EventsGone:
                return  # the client comes back, and is told
            except (DomainError, TimeoutError, *DATABASE_AWAY):
                await asyncio.sleep(AWAY_SECONDS)
                continue
            events, position, caught_up = page.events, page.next, page.caught_up
        for event in events:
            yield _sent(event)


async def _read(
    context: AppContext, position: int, owner: str | None, types: Sequence[str]
) -> FeedPage:
    async with context.tail.catching_up:
        return await context.record.read(
            partial(read_feed, after=position, limit=PAGE, owner=owner, types=types)
        )


def _sent(event: Told) -> bytes:
    return b"id: %d\r\nevent: %s\r\ndata: %s\r\n\r\n" % (
        event.position,
        event.type.encode(),
        event.body,
    )
