"""For operators: who is told of events, and what they have refused."""

from functools import partial
from typing import Annotated

from fastapi import Path, Query

from api.core.audience import Audience, Policy
from api.core.context import Context
from api.core.cursors import page_of
from api.core.filters import Flag, Words
from api.core.idempotency import natural
from api.core.schemas import LARGEST
from api.events.schemas import DeadLetterAnswer, DeadLetterPage, SinkAnswer, SinksAnswer
from api.openapi import READING, problems, shown
from models.events.sinks import ask_for_replay, list_dead_letters, list_sinks

router = Audience(Policy.OPERATOR, prefix="/operator", tags=["operators"])

_ASKING = (401, 403, 422, 500, 503)

LetterId = Annotated[int, Path(alias="letterId", ge=1, le=LARGEST)]


@router.listing(
    "/sinks",
    operation_id="listSinks",
    response_model_exclude_none=True,
    summary="Who is told of events, and how far they are",
    responses={200: {"content": shown("SINKS")}, **problems(*_ASKING)},
)
async def sinks(context: Context) -> SinksAnswer:
    """List the trip planner, the brokers and whoever else is told of events."""
    found = await context.record.read(list_sinks)
    return SinksAnswer(sinks=[SinkAnswer.of(one) for one in found])


@router.listing(
    "/dead-letters",
    operation_id="listDeadLetters",
    response_model_exclude_none=True,
    summary="Events that were refused, newest first",
    responses={200: {"content": shown("DEAD_LETTERS")}, **problems(*_ASKING)},
)
async def dead_letters(
    context: Context,
    *,
    sink: Annotated[Words | None, Query(max_length=64, description="Who refused them.")] = None,
    is_open: Annotated[
        Flag | None,
        Query(alias="open", description="Only those not accepted since, or only the others."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="At most so many.")] = 20,
    after: Annotated[
        int | None, Query(ge=1, le=LARGEST, description="`next` of the page before this one.")
    ] = None,
) -> DeadLetterPage:
    """List events that somebody refused for good; each has a case."""
    search = partial(list_dead_letters, sink=sink, is_open=is_open, after=after)
    found = await context.record.read(lambda session: search(session, limit + 1))
    letters, last = page_of(found, limit)
    return DeadLetterPage(
        dead_letters=[DeadLetterAnswer.of(one) for one in letters], next=last and last.id
    )


@router.post(
    "/dead-letters/{letterId}/replay",
    operation_id="replayDeadLetter",
    response_model_exclude_none=True,
    summary="Have a refused event sent again",
    responses={200: {"content": shown("DEAD_LETTER")}, **problems(*READING, 403, 409, 422)},
)
@natural
async def replay(context: Context, letter_id: LetterId) -> DeadLetterAnswer:
    """Have the same event sent once more, with its id; accepted, its case is closed by it.

    It is sent within seconds, before what is new. Receivers may know later versions by now.
    """
    found = await context.record.write(lambda session: ask_for_replay(session, letter_id))
    return DeadLetterAnswer.of(found)
