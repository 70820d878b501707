"""Requests about bookings that have ended: what was asked, when, and what came of it."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.messages import RequestOutcome
from models.bookings.problems import Problem
from models.bookings.tables import BOOKING_REQUESTS


class EndedRequest(BaseModel):
    """How a request ended."""

    body: dict[str, Any]
    """What was asked, as it was sent."""
    problem: Problem | None
    """Why it was not carried out; None when it was."""


async def end_requests(
    session: AsyncSession, booking_id: str, outcomes: Sequence[RequestOutcome]
) -> None:
    """Write down how requests ended; repeating it changes nothing."""
    if not outcomes:
        return
    rows = [
        {
            "id": outcome.request.id,
            "booking_id": booking_id,
            "kind": outcome.request.kind,
            "who": outcome.request.who,
            "body": outcome.request.body,
            "requested_at": outcome.request.requested_at,
            "problem": outcome.problem and outcome.problem.model_dump(mode="json"),
            "ended_at": func.now(),
        }
        for outcome in outcomes
    ]
    await session.execute(
        upsert(BOOKING_REQUESTS).values(rows).on_conflict_do_nothing(index_elements=["id"])
    )


async def load_ended_request(session: AsyncSession, request_id: str) -> EndedRequest | None:
    """Return how a request ended; None while it waits, is carried out, or was never made."""
    row = (
        await session.execute(
            select(BOOKING_REQUESTS.c.body, BOOKING_REQUESTS.c.problem).where(
                BOOKING_REQUESTS.c.id == request_id
            )
        )
    ).one_or_none()
    if row is None:
        return None
    problem = Problem.model_validate(row.problem) if row.problem else None
    return EndedRequest(body=row.body, problem=problem)
