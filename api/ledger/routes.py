"""For operators: what the ledger says, whether it is right, and what we earn."""

import datetime as dt
from typing import Annotated

from fastapi import Body, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api.core.audience import Audience, Policy
from api.core.context import Context, TheCaller
from api.core.idempotency import TheOperation, keyed
from api.core.named import BookingId
from api.ledger.schemas import (
    BalanceAnswer,
    BalancesAnswer,
    CheckAnswer,
    RuleAnswer,
    RuleBody,
    RulesAnswer,
    StatementAnswer,
)
from api.openapi import READING, WRITING, problems, shown
from models.bookings.errors import BookingNotFound
from models.core.times import Moment
from models.ledger import add_rule
from models.ledger.checking import check as check_ledger
from models.ledger.commission import CommissionRule
from models.ledger.reading import load_rules
from models.ledger.reports import balances as ledger_balances
from models.ledger.reports import statement as ledger_statement

router = Audience(Policy.OPERATOR, prefix="/operator/ledger", tags=["operators"])

CHECKED = dt.timedelta(days=1)
"""How far back bookings are checked one by one unless asked otherwise."""

_ASKING = (401, 403, 422, 500, 503)


@router.listing(
    "/balances",
    operation_id="listLedgerBalances",
    summary="What stands on every account",
    responses={200: {"content": shown("LEDGER_BALANCES")}, **problems(*_ASKING)},
)
async def balances(
    context: Context,
    at: Annotated[Moment | None, Query(description="As of this moment; now if left out.")] = None,
) -> BalancesAnswer:
    """Return every account's balance: what was debited, what credited, and the difference."""
    found = await context.record.read(lambda session: ledger_balances(session, at), snapshot=True)
    return BalancesAnswer(at=at, balances=[BalanceAnswer.of(one) for one in found])


@router.get(
    "/bookings/{bookingId}",
    operation_id="getLedgerStatement",
    summary="The statement of a booking",
    responses={200: {"content": shown("LEDGER_STATEMENT")}, **problems(*READING, 403, 422)},
)
async def statement(context: Context, booking_id: BookingId) -> StatementAnswer:
    """Return every entry of a booking, with what the traveller is owed after each."""
    found = await context.record.read(
        lambda session: ledger_statement(session, booking_id), snapshot=True
    )
    if found is None:
        raise BookingNotFound(booking_id)
    return StatementAnswer.of(found)


@router.listing(
    "/check",
    operation_id="checkLedger",
    summary="Whether the ledger is right",
    responses={200: {"content": shown("LEDGER_RIGHT", "LEDGER_WRONG")}, **problems(*_ASKING)},
)
async def check(
    context: Context,
    since: Annotated[
        Moment | None,
        Query(description="Verify bookings that changed since then; a day back if left out."),
    ] = None,
) -> CheckAnswer:
    """Check the sums over the whole ledger, and recent bookings entry by entry.

    `tripsaga ledger check` looks at all bookings, however long it takes.
    """
    start = since or dt.datetime.now(dt.UTC) - CHECKED
    return CheckAnswer.of(
        await context.record.read(lambda session: check_ledger(session, start), snapshot=True)
    )


@router.listing(
    "/commission-rules",
    operation_id="listCommissionRules",
    summary="What we earn of sales",
    responses={200: {"content": shown("COMMISSION_RULES")}, **problems(*_ASKING)},
)
async def commission_rules(context: Context) -> RulesAnswer:
    """Return all rules, also those that newer ones have replaced or that begin later."""
    rules = await context.record.read(load_rules)
    return RulesAnswer(rules=[RuleAnswer.of(rule) for rule in rules])


@router.post(
    "/commission-rules",
    operation_id="addCommissionRule",
    status_code=201,
    summary="Set a commission",
    responses={
        200: {
            "description": "This share is in force already: nothing was added.",
            "model": RuleAnswer,
            "content": shown("COMMISSION_RULE"),
        },
        201: {"content": shown("COMMISSION_RULE")},
        **problems(*(status for status in WRITING if status != 404), 403, 409),
    },
)
@keyed()
async def set_commission(
    context: Context,
    caller: TheCaller,
    response: Response,
    body: Annotated[RuleBody, Body()],
    operation: TheOperation,
) -> RuleAnswer:
    """Add a rule for sales to come; what was sold keeps its commission. A repeat adds nothing."""
    who = f"operator {caller.name}"

    async def add(session: AsyncSession) -> tuple[CommissionRule, bool]:
        return await add_rule(
            session,
            supplier=body.supplier,
            provider=body.provider,
            basis_points=body.basis_points,
            valid_from=body.valid_from,
            who=who,
        )

    rule, is_new = await context.record.write(add)
    if not is_new and not (operation.repeated and rule.who == who):
        response.status_code = 200
    return RuleAnswer.of(rule)
