"""WatchSuppliers: ask suppliers what has become of what was booked, round after round.

Started by a schedule. It decides nothing about a booking: what differs is put right by the
booking's own workflow, ``FollowBooking``.
"""

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.core.calls import Call
    from models.suppliers.following import Followed, FollowPart, FollowRound, FollowSummary
    from workflows.core import policies


@workflow.defn(name="WatchSuppliers")
class WatchSuppliers:
    """One round. Each part is made whatever became of the one before it."""

    def __init__(self) -> None:
        self._failed: list[str] = []

    @workflow.run
    async def run(self, _: FollowRound) -> FollowSummary:
        """Look once; returns what was found.

        Raises:
            ApplicationError: a part could not be made (``WatchIncomplete``); the others were, and
                the next round tries again.
        """
        summary = FollowSummary(
            changes=await self._part(calls.READ_CHANGES, "Read what has changed at suppliers"),
            looks=await self._part(calls.FOLLOW_ITEMS, "Look at what is due"),
            quiet=await self._part(calls.FIND_QUIET, "Find bookings that nobody works on"),
        )
        if self._failed:
            raise ApplicationError(
                "; ".join(self._failed), summary, type="WatchIncomplete", non_retryable=True
            )
        return summary

    async def _part(self, call: Call[FollowPart, Followed], summary: str) -> Followed | None:
        policy = policies.watching()
        try:
            answer: Followed = await workflow.execute_activity(
                call.name,
                FollowPart(),
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
