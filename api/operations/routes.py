"""For operators: what must be settled by a person, and what became of the gateways' events."""

from typing import Annotated

from fastapi import Body, Path, Query
from sqlalchemy.ext.asyncio import AsyncSession

from api.core.audience import Audience, Policy
from api.core.context import Context, TheCaller
from api.core.cursors import page_of
from api.core.filters import Flag, Words
from api.core.idempotency import TheOperation, keyed
from api.core.named import NAME_MAX, booking_named
from api.core.schemas import LARGEST
from api.openapi import READING, WRITING, problems, shown
from api.operations.schemas import (
    CaseAnswer,
    CasePage,
    DecisionAnswer,
    EventAnswer,
    EventPage,
    ResolveCaseBody,
    WholeCase,
    WholeEvent,
)
from models.bookings.errors import BookingNotFound
from models.bookings.repository import Decision, load_decisions
from models.core.cases import CaseKind, CaseRow, close_case, close_case_by_id, list_cases, load_case
from models.inbox.errors import EventNotEnded, EventNotFound, EventOfOtherMode
from models.inbox.repository import (
    EventStatus,
    WebhookEventRow,
    list_events,
    load_event,
    retry_event,
)
from models.operations.errors import CaseAlreadyDecided, CaseDecidedAtBooking, CaseNotFound

router = Audience(Policy.OPERATOR, prefix="/operator", tags=["operators"])

DECIDED_AT_THE_BOOKING = frozenset({CaseKind.SAGA})
"""Cases that a workflow waits for: closing them here would leave it waiting."""


CaseId = Annotated[int, Path(alias="caseId", ge=1, le=LARGEST)]
WebhookId = Annotated[int, Path(alias="webhookId", ge=1, le=LARGEST)]
Limit = Annotated[int, Query(ge=1, le=100, description="At most so many.")]
After = Annotated[
    int | None, Query(ge=1, le=LARGEST, description="`next` of the page before this one.")
]


@router.listing(
    "/cases",
    operation_id="listCases",
    response_model_exclude_none=True,
    summary="Cases, newest first",
    responses={200: {"content": shown("CASES")}, **problems(*READING, 403, 422)},
)
async def cases(
    context: Context,
    caller: TheCaller,
    *,
    booking: Annotated[
        Words | None,
        Query(alias="bookingId", max_length=NAME_MAX, description="Its id or its reference."),
    ] = None,
    is_open: Annotated[
        Flag | None, Query(alias="open", description="Only open, or only settled, ones.")
    ] = None,
    limit: Limit = 20,
    after: After = None,
) -> CasePage:
    """List what must be settled, or was."""
    booking_id = None
    if booking is not None:
        try:
            booking_id = await booking_named(context, caller, booking)
        except BookingNotFound:
            return CasePage(cases=[])
    rows = await context.record.read(
        lambda session: list_cases(
            session, is_open=is_open, limit=limit + 1, booking_id=booking_id, after=after
        )
    )
    cases, last = page_of(rows, limit)
    return CasePage(cases=[CaseAnswer.of(row) for row in cases], next=last and last.id)


@router.get(
    "/cases/{caseId}",
    operation_id="getCase",
    response_model_exclude_none=True,
    summary="A case",
    responses={200: {"content": shown("CASE", "DECIDED_CASE")}, **problems(*READING, 403, 422)},
)
async def case(context: Context, case_id: CaseId) -> WholeCase:
    """Return one case, and every decision about it: who, what, why, and what came of it."""

    async def read(session: AsyncSession) -> tuple[CaseRow, list[Decision]]:
        row = _found(await load_case(session, case_id), case_id)
        if row.booking_id is None:
            return row, []
        return row, await load_decisions(session, row.booking_id, case_id)

    row, decisions = await context.record.read(read)
    answer = WholeCase.of(row)
    answer.decisions = [
        DecisionAnswer.model_validate(one, from_attributes=True) for one in decisions
    ]
    return answer


@router.post(
    "/cases/{caseId}/resolve",
    operation_id="resolveCase",
    response_model_exclude_none=True,
    summary="Say how a case was settled",
    responses={200: {"content": shown("SETTLED_CASE")}, **problems(*WRITING, 403, 409)},
)
@keyed()
async def resolve(
    context: Context,
    caller: TheCaller,
    case_id: CaseId,
    body: Annotated[ResolveCaseBody, Body()],
    operation: TheOperation,
) -> CaseAnswer:
    """Close a case for which no workflow waits; nothing else happens by it."""

    async def settle(session: AsyncSession) -> CaseRow:
        row = _found(await load_case(session, case_id), case_id)
        if row.kind in DECIDED_AT_THE_BOOKING:
            raise CaseDecidedAtBooking(case_id, row.booking_id)
        who = f"operator {caller.name}"
        if not await close_case_by_id(session, case_id, by=who, resolution=body.note):
            ours = (row.resolved_by, row.resolution) == (who, body.note)
            if not (operation.repeated and ours):
                raise CaseAlreadyDecided(case_id)
        await session.refresh(row)
        return row

    return CaseAnswer.of(await context.record.write(settle))


@router.listing(
    "/webhooks",
    operation_id="listWebhookEvents",
    response_model_exclude_none=True,
    summary="Events of the gateways, newest first",
    responses={200: {"content": shown("EVENTS_TAKEN")}, **problems(*READING, 403, 422)},
)
async def webhooks(
    context: Context,
    *,
    status: Annotated[EventStatus | None, Query(description="Only those of this status.")] = None,
    limit: Limit = 20,
    after: After = None,
) -> EventPage:
    """List events and what became of them."""
    rows = await context.record.read(
        lambda session: list_events(session, status=status, limit=limit + 1, after=after)
    )
    events, last = page_of(rows, limit)
    return EventPage(events=[EventAnswer.of(row) for row in events], next=last and last.id)


@router.get(
    "/webhooks/{webhookId}",
    operation_id="getWebhookEvent",
    response_model_exclude_none=True,
    summary="An event of a gateway",
    responses={200: {"content": shown("EVENT_KEPT")}, **problems(*READING, 403, 422)},
)
async def webhook(context: Context, webhook_id: WebhookId) -> WholeEvent:
    """Return one event with what it says."""
    row = await context.record.read(lambda session: load_event(session, webhook_id))
    return WholeEvent.of(_taken(row, webhook_id))


@router.post(
    "/webhooks/{webhookId}/retry",
    operation_id="retryWebhookEvent",
    response_model_exclude_none=True,
    summary="Have an event handled again",
    responses={200: {"content": shown("EVENT_AGAIN")}, **problems(*READING, 403, 409, 422)},
)
@keyed()
async def retry(
    context: Context, caller: TheCaller, webhook_id: WebhookId, operation: TheOperation
) -> WholeEvent:
    """Hand a kept or dead event to the workers once more; a dead one's case is closed by it."""

    async def again(session: AsyncSession) -> WebhookEventRow:
        row = _taken(await load_event(session, webhook_id), webhook_id)
        if row.livemode is not context.settings.live_money(row.gateway):
            raise EventOfOtherMode(webhook_id)
        if not await retry_event(session, webhook_id):
            if operation.repeated:  # it waits to be handled, as is asked for
                return row
            raise EventNotEnded(webhook_id)
        await close_case(
            session,
            source=f"webhook:{webhook_id}",
            by=f"operator {caller.name}",
            resolution="handled again",
        )
        await session.refresh(row)
        return row

    return WholeEvent.of(await context.record.write(again))


def _found(row: CaseRow | None, case_id: int) -> CaseRow:
    if row is None:
        raise CaseNotFound(case_id)
    return row


def _taken(row: WebhookEventRow | None, webhook_id: int) -> WebhookEventRow:
    if row is None:
        raise EventNotFound(webhook_id)
    return row
