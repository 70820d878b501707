"""For operators: the daily reconciliations with the gateway."""

from typing import Annotated

from fastapi import Query

from api.core.audience import Audience, Policy
from api.core.context import Context
from api.openapi import READING, problems, shown
from api.payments.schemas import (
    DayAnswer,
    ReconciliationPage,
    ReconciliationSummary,
    WholeReconciliation,
)
from models.core.times import Day
from models.payments.errors import DayNotReconciled
from models.payments.reconciliations import load_reports

router = Audience(Policy.OPERATOR, prefix="/operator/reconciliations", tags=["operators"])


@router.listing(
    "",
    operation_id="listReconciliations",
    summary="Daily reconciliations, newest first",
    responses={200: {"content": shown("RECONCILIATIONS")}, **problems(401, 403, 422, 500, 503)},
)
async def reconciliations(
    context: Context,
    limit: Annotated[int, Query(ge=1, le=100, description="At most so many.")] = 31,
) -> ReconciliationPage:
    """List days with what record, gateway and ledger have of their payments."""
    reports = await context.record.read(lambda session: load_reports(session, limit=limit))
    return ReconciliationPage(
        reconciliations=[ReconciliationSummary.of(report) for report in reports]
    )


@router.get(
    "/{day}",
    operation_id="getReconciliation",
    response_model_exclude_none=True,
    summary="The reconciliation of a day",
    responses={200: {"content": shown("RECONCILIATION")}, **problems(*READING, 403, 422)},
)
async def reconciliation(context: Context, day: Day) -> DayAnswer:
    """Return one UTC day with every difference found."""
    reports = await context.record.read(lambda session: load_reports(session, day=day))
    if not reports:
        raise DayNotReconciled(day)
    return DayAnswer(reconciliations=[WholeReconciliation.of(report) for report in reports])
