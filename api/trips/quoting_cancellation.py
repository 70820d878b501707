"""``POST /booking/cancel?dryRun=true``: what cancelling would cost. It changes nothing."""

import asyncio
import datetime as dt
import hashlib
from datetime import timedelta

from temporalio.client import WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from api.bookings import cancelling, finding
from api.bookings import money as told_money
from api.core.context import RPC_TIMEOUT, AppContext
from api.core.principals import Principal
from api.trips.schemas.cancelling import (
    CancelQuoteAnswer,
    QuotedComponent,
    QuotedTotal,
    SupplierSays,
)
from models.bookings.booking import Booking
from models.bookings.errors import NotCancellable
from models.bookings.lifecycle import BookingState
from models.core.domain_errors import TemporalUnavailable
from models.trips.cancellation_quotes import (
    CancellationQuoted,
    ItemCancelQuote,
    QuoteCancellationRequest,
    items_to_cancel,
)
from temporal import patience
from workflows.trips.quote_cancellation import QuoteCancellation

ANSWER_SECONDS = 28
"""A little longer than the workflow takes at most."""


async def quote(
    context: AppContext, caller: Principal, booking_id: str, components: list[str]
) -> CancelQuoteAnswer:
    """Say what cancelling a booking, or some components, would keep and give back now.

    Raises:
        BookingNotFound, ComponentUnknown, TemporalUnavailable: nobody can tell.
        NotCancellable: it cannot be cancelled (any more).
    """
    booking = (await finding.find(context, caller, booking_id)).booking
    cancelling.check_components(booking, components)
    if booking.state in cancelling.NEVER_CANCELLABLE:
        raise NotCancellable(booking)
    if booking.confirmed_at is None or not items_to_cancel(booking, components):
        return _nothing_kept(booking)
    return _answer(await _ask(context, booking, components))


async def _ask(context: AppContext, booking: Booking, components: list[str]) -> CancellationQuoted:
    request = QuoteCancellationRequest(
        booking_id=booking.id,
        components=sorted(set(components)),
        patience=patience(context.settings),
    )
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            handle = await context.temporal.start_workflow(
                QuoteCancellation.run,
                request,
                id=_workflow_id(request),
                task_queue=context.settings.task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                execution_timeout=timedelta(seconds=ANSWER_SECONDS),
                static_summary=f"What would cancelling {booking.reference} cost?",
                rpc_timeout=RPC_TIMEOUT,
            )
            return await handle.result()
    except (WorkflowFailureError, TimeoutError) as error:
        raise TemporalUnavailable from error


def _workflow_id(request: QuoteCancellationRequest) -> str:
    """Return the id under which equal questions at one time share an answer."""
    asked = hashlib.sha256("\n".join(request.components).encode()).hexdigest()[:16]
    return f"{request.booking_id}:cancel-quote:{asked}"


def _answer(quoted: CancellationQuoted) -> CancelQuoteAnswer:
    currency = quoted.currency
    components = [_component(line, currency) for line in quoted.items]
    kept = sum(line.kept for line in quoted.items)
    ends = [line.until for line in quoted.items if line.until is not None]
    gives, keeps = told_money.amount(quoted.refund, currency), told_money.amount(kept, currency)
    disputed = f" {told_money.in_dispute(quoted.in_dispute, currency)}" if quoted.in_dispute else ""
    return CancelQuoteAnswer(
        dry_run=True,
        booking_id=quoted.booking_id,
        booking_reference=quoted.reference,
        state=quoted.state,
        quoted_at=quoted.at,
        valid_until=min(ends, default=None),
        components=components,
        total=QuotedTotal(
            price=sum(line.price for line in quoted.items),
            kept=kept,
            refund=quoted.refund,
            in_dispute=quoted.in_dispute,
            currency=currency,
        ),
        operator_needed=any(line.for_operator for line in quoted.items),
        money=f"Cancelling now would give back {gives} and keep {keeps}.{disputed}"
        " Nothing has been cancelled.",
    )


def _component(line: ItemCancelQuote, currency: str) -> QuotedComponent:
    says = line.supplier_says
    return QuotedComponent(
        component_id=line.component_id,
        type=line.type,
        title=line.title,
        supplier=line.supplier,
        price=line.price,
        kept=line.kept,
        refund=line.refund,
        currency=currency,
        valid_until=line.until,
        supplier_says=says
        and SupplierSays(
            cancellable=says.cancellable,
            fee=says.fee.amount if says.fee else None,
            currency=says.fee.currency if says.fee else None,
            valid_until=says.expires_at,
            agrees=line.agrees,
            reason=says.reason or None,
        ),
        operator_needed=line.for_operator,
    )


def _nothing_kept(booking: Booking) -> CancelQuoteAnswer:
    """Answer for what is cancelled already, and for a booking that is still being made."""
    if booking.confirmed_at is None and booking.state is not BookingState.CANCELLED:
        money = (
            "The booking is still being made. Cancelling it now would undo everything and keep"
            " nothing; once it is confirmed, the cancellation terms of its parts apply."
        )
    else:
        money = f"Nothing is left to cancel. {told_money.money(booking)}"
    return CancelQuoteAnswer(
        dry_run=True,
        booking_id=booking.id,
        booking_reference=booking.reference,
        state=booking.state,
        quoted_at=dt.datetime.now(dt.UTC),
        valid_until=None,
        components=[],
        total=QuotedTotal(price=0, kept=0, refund=0, currency=booking.currency),
        operator_needed=False,
        money=money,
    )
