"""WatchMoney: compare the record with the gateway, check the invariants, report each day.

Started by a schedule every few minutes, or by an operator. It decides nothing about a booking: a
payment that differs is put right by the booking's own workflow, ``SettlePayment``.
"""

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.core.calls import Call, Input, Output
    from models.operations.messages import (
        CheckCall,
        ReconcileCall,
        ReportCall,
        WatchRequest,
        WatchSummary,
    )
    from workflows.core import policies
    from workflows.core.activity_calls import perform_local


@workflow.defn(name="WatchMoney")
class WatchMoney:
    """One round. Each part is made whatever became of the one before it."""

    def __init__(self) -> None:
        self._failed: list[str] = []

    @workflow.run
    async def run(self, request: WatchRequest) -> WatchSummary:
        """Look once; returns what was found.

        Raises:
            ApplicationError: a part could not be made (``WatchIncomplete``); the others were, and
                the next round tries again.
        """
        plan = await perform_local(calls.PLAN_WATCH, request, policies.record(), "What is due")
        summary = WatchSummary()
        summary.reconciled = await self._part(
            calls.RECONCILE, ReconcileCall(full=plan.full), "Compare payments with the gateway"
        )
        unsettled = summary.reconciled.unsettled if summary.reconciled else []
        summary.checked = await self._part(
            calls.CHECK, CheckCall(full=plan.full, unsettled=unsettled), "Check the invariants"
        )
        if plan.report is not None:
            summary.reported = await self._part(
                calls.REPORT, ReportCall(day=plan.report), f"Report {plan.report}"
            )
        if self._failed:
            raise ApplicationError(
                "; ".join(self._failed), summary, type="WatchIncomplete", non_retryable=True
            )
        return summary

    async def _part(self, call: Call[Input, Output], message: Input, summary: str) -> Output | None:
        policy = policies.watching()
        try:
            answer: Output = await workflow.execute_activity(
                call.name,
                message,
                result_type=call.output,
                start_to_close_timeout=policy.start_to_close,
                heartbeat_timeout=policies.WATCH_HEARTBEAT,
                retry_policy=policy.retry,
                summary=summary,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._failed.append(f"{call.name}: {error.cause or error}")
            return None
        return answer
