"""What booking a trip and changing it have in common: how held items are completed, who decides."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.bookings.booking import Item
    from models.bookings.lifecycle import CancelledBy, SagaState
    from models.bookings.messages import CancelRequest
    from models.bookings.problems import Problem
    from workflows.core.saga import finish
    from workflows.trips.steps import TripSteps

T = TypeVar("T")


class Trip(TripSteps):
    """Items are booked and completed, or everything is undone; a person settles what is left."""

    async def _go_on_without(self, items: list[Item], problems: list[Problem | None]) -> None:
        """Go on although some of ``items`` could not be had, or end it here.

        Raises:
            TripFailedError: it makes no sense without them.
        """
        raise NotImplementedError

    async def _complete(self, *, after_capture: bool) -> None:
        """Make ours what is only held: what costs for good is paid once the money is taken."""
        held = [
            item
            for item in self._booking.items
            if item.saga_state is SagaState.HELD
            and (item.number in self._after_capture) is after_capture
        ]
        if not held:
            return
        if not after_capture:
            self._stop_if_cancelled()
            self._stop_if_holds_end()
        problems = await asyncio.gather(*(self._complete_item(item) for item in held))
        await self._go_on_without(held, problems)

    async def _settle_with_operator(self) -> str | None:
        """Wait for a person as long as something is unsettled; answers who decided, if anybody."""
        decided_by = None
        while self._saga.unsettled:
            resolution = await self._ask_operator(self._saga.unsettled)
            if resolution.decision == "retry":
                await self._saga.undo()
            else:
                await self._settled_by_hand()
            self._close_case(resolution)
            decided_by = resolution.who
        return decided_by

    async def _whole(self, step: Coroutine[Any, Any, T]) -> T:
        """Run a step to its end. Temporal's cancel is an operator's wish like any other."""
        return await finish(step, on_cancel=self._operator_cancels)

    def _operator_cancels(self) -> None:
        if self._cancel_wish is None:
            self._cancel_wish = CancelRequest(
                by=CancelledBy.OPERATOR, who="operator", reason="cancelled in Temporal"
            )
