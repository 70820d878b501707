"""What the doctor looks at: the gateway's events, from the API's door to the workers."""

import asyncio
import datetime as dt

import httpx
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from commands.findings import Finding
from commands.target import Target
from models.inbox.repository import COUNT, EventStatus
from settings import Settings

_HANDLED_WITHIN = dt.timedelta(minutes=2)
"""An event that is due is handled within seconds, or after a dead worker's lease."""


async def events(target: Target) -> list[Finding]:
    """Look at the API's door for events, and at the inbox behind it.

    Empty where API or database do not answer: other checks say so.
    """
    door, waiting = await asyncio.gather(_door(target), asyncio.to_thread(_inbox, target.settings))
    return [finding for finding in (door, waiting) if finding is not None]


def _inbox(settings: Settings) -> Finding | None:
    """Count the gateway's events: do they wait too long, were any given up?"""
    engine = create_engine(settings.database.sqlalchemy_url, connect_args={"connect_timeout": 3})
    try:
        with engine.connect() as connection:
            rows = {row.status: row for row in connection.execute(COUNT)}
    except SQLAlchemyError:
        return None
    finally:
        engine.dispose()
    count = {status: rows[status].events if status in rows else 0 for status in EventStatus}
    what = ", ".join(
        f"{count[status]} {word}"
        for status, word in (
            (EventStatus.RECEIVED, "waiting"),
            (EventStatus.DONE, "done"),
            (EventStatus.KEPT, "kept"),
            (EventStatus.DEAD, "given up"),
        )
    )
    if count[EventStatus.RECEIVED]:
        overdue = rows[EventStatus.RECEIVED].overdue
        if overdue > _HANDLED_WITHIN:
            minutes = overdue.total_seconds() / 60
            what += f"; the oldest has been due for {minutes:.0f} min"
            return Finding("events", "wrong", what, "no worker handles them: see its log")
    if count[EventStatus.DEAD]:
        return Finding("events", "warning", what, "`tripsaga cases` says why")
    return Finding("events", "ok", what)


async def _door(target: Target) -> Finding | None:
    """Knock at the API's door for the gateway's events without a signature: is there one?"""
    path = f"/webhooks/{target.settings.gateway.replace('_', '-')}"
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            answer = await client.post(f"{target.api}{path}")
    except httpx.HTTPError:
        return None
    if answer.status_code == httpx.codes.NOT_FOUND:
        return Finding(
            "webhooks",
            "warning",
            "off: what happens at the gateway is found by asking, minutes later",
            f"set {target.settings.gateway.upper()}_WEBHOOK_SECRET of the API",
        )
    return Finding("webhooks", "ok", f"on: the gateway's events are taken at {path}")
