"""QuoteChange: say what a change of a booking would cost now. It changes nothing."""

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models import calls
    from models.bookings.booking import Booking, Item
    from models.bookings.messages import BookingRef
    from models.core.patience import Patience
    from models.trips.changes import (
        STEP,
        ChangeOutcome,
        ChangeQuote,
        QuoteChangeCall,
        TripChanges,
        gone_items,
        new_items,
        numbered,
        quote_of,
        refusal,
    )
    from models.trips.messages import QuoteChangeRequest
    from workflows.core import policies
    from workflows.core.activity_calls import perform_local
    from workflows.core.fence import fence
    from workflows.core.outcomes import TripFailedError, expect_chargeable, unanswered_read


@workflow.defn(name="QuoteChange")
class QuoteChange:
    """Runs beside whatever runs for the booking."""

    @workflow.run
    async def run(self, request: QuoteChangeRequest) -> ChangeOutcome:
        """Return the quote, or why the change cannot be made."""
        booking = await perform_local(
            calls.LOAD_BOOKING,
            BookingRef(booking_id=request.booking_id),
            policies.record(),
            "Read the booking",
        )
        problem = refusal(booking, request.requested)
        if problem is not None:
            return ChangeOutcome(problem=problem)
        try:
            quote, _, _ = await quoted(booking, request.requested, request.patience)
        except TripFailedError as refused:
            return ChangeOutcome(problem=refused.problem)
        return ChangeOutcome(quote=quote)


async def quoted(
    booking: Booking, requested: TripChanges, patience: Patience, change_id: str | None = None
) -> tuple[ChangeQuote, list[Item], list[Item]]:
    """Return what a change costs now, the items that go, and those that come.

    Raises:
        TripFailedError: a supplier refuses, or does not answer.
    """
    components = numbered(booking, requested)
    gone = gone_items(booking, requested)
    staying = [item.supplier for item in booking.live_items if item not in gone]
    try:
        answer = await perform_local(
            calls.QUOTE_CHANGE,
            QuoteChangeCall(
                booking_id=booking.id,
                components=components,
                travelers=requested.travelers,
                staying=sorted(set(staying)),
                change_id=change_id,
                fence=fence() if change_id else None,
            ),
            policies.reading(patience, sorted({c.supplier for c in components.values()})),
            f"Quote {len(components)} new items",
        )
    except FailureError as error:
        raise TripFailedError(unanswered_read(error, step=STEP)) from error
    if answer.problems:
        raise TripFailedError(answer.problems[0])
    new = new_items(booking, components, answer.quotes)
    quote = quote_of(booking, gone, new, workflow.now())
    expect_chargeable(quote.difference, booking.currency, step=STEP)
    return quote, gone, new
