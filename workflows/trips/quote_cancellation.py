"""QuoteCancellation: say what cancelling a booking, or a part of it, would cost now.

It changes nothing. It is a workflow because only workers reach suppliers.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.trips.cancellation_quotes import CancellationQuoted, QuoteCancellationRequest
    from workflows.core.activity_calls import perform_local
    from workflows.core.policies import Policy

_SOON = Policy(
    retry=RetryPolicy(
        initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=2)
    ),
    start_to_close=timedelta(seconds=15),
    schedule_to_close=timedelta(seconds=25),
)
"""Somebody waits for the answer, and can ask again."""


@workflow.defn(name="QuoteCancellation")
class QuoteCancellation:
    """Runs beside whatever runs for the booking; equal questions at one time share an answer."""

    @workflow.run
    async def run(self, request: QuoteCancellationRequest) -> CancellationQuoted:
        """Return what would be kept and given back."""
        return await perform_local(
            calls.QUOTE_CANCELLATION, request, _SOON, "What would cancelling cost now?"
        )
