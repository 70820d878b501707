"""Requests about bookings: what was asked, when, and what came of it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.messages import BookingRequest, RequestKind, RequestOutcome
from models.bookings.problems import Problem
from models.bookings.tables import BOOKING_REQUESTS


class EndedRequest(BaseModel):
    """How a request ended."""

    problem: Problem | None
    """Why it was not carried out; None when it was."""
    body: dict[str, Any] = Field(default_factory=dict)
    """What was asked for."""


@dataclass(frozen=True)
class Decision:
    """One round of deciding a case: what was asked for, and what came of it."""

    who: str
    at: dt.datetime
    decision: str
    note: str
    problem: str | None
    """Why it did not settle the case; None when it did, or is still being carried out."""
    ended_at: dt.datetime | None


async def load_decisions(session: AsyncSession, booking_id: str, case_id: int) -> list[Decision]:
    """Return every decision about a case of a booking, oldest first."""
    table = BOOKING_REQUESTS.c
    rows = await session.execute(
        select(
            table.who,
            table.requested_at,
            table.body["decision"].as_string(),
            table.body["note"].as_string(),
            table.problem["message"].as_string(),
            table.ended_at,
        )
        .where(
            table.booking_id == booking_id,
            table.kind == RequestKind.RESOLVE,
            table.body["case_id"].as_integer() == case_id,
        )
        .order_by(table.requested_at, table.id)
    )
    return [Decision(*row) for row in rows]


async def begin_request(session: AsyncSession, booking_id: str, request: BookingRequest) -> None:
    """Write down that a request is being carried out; repeating it changes nothing."""
    await session.execute(
        upsert(BOOKING_REQUESTS)
        .values(_columns(booking_id, request))
        .on_conflict_do_nothing(index_elements=["id"])
    )


async def end_requests(
    session: AsyncSession, booking_id: str, outcomes: Sequence[RequestOutcome]
) -> None:
    """Write down how requests ended; repeating it changes nothing."""
    if not outcomes:
        return
    fresh = upsert(BOOKING_REQUESTS).values(
        [
            {
                **_columns(booking_id, outcome.request),
                "problem": outcome.problem and outcome.problem.model_dump(mode="json"),
                "ended_at": func.now(),
            }
            for outcome in outcomes
        ]
    )
    ended = {"problem": fresh.excluded.problem, "ended_at": fresh.excluded.ended_at}
    await session.execute(
        fresh.on_conflict_do_update(
            index_elements=["id"], set_=ended, where=BOOKING_REQUESTS.c.ended_at.is_(None)
        )
    )


def _columns(booking_id: str, request: BookingRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "booking_id": booking_id,
        "kind": request.kind,
        "who": request.who,
        "body": request.body,
        "requested_at": request.requested_at,
    }


async def load_ended_request(session: AsyncSession, request_id: str) -> EndedRequest | None:
    """Return how a request ended; None while it waits, is carried out, or was never made."""
    row = (
        await session.execute(
            select(BOOKING_REQUESTS.c.problem, BOOKING_REQUESTS.c.body).where(
                BOOKING_REQUESTS.c.id == request_id, BOOKING_REQUESTS.c.ended_at.is_not(None)
            )
        )
    ).one_or_none()
    if row is None:
        return None
    problem = Problem.model_validate(row.problem) if row.problem else None
    return EndedRequest(problem=problem, body=row.body)


async def is_begun(session: AsyncSession, request_id: str) -> bool:
    """Tell whether a request is being carried out, or has ended."""
    ours = select(BOOKING_REQUESTS.c.id).where(BOOKING_REQUESTS.c.id == request_id)
    return await session.scalar(ours) is not None
