"""The activity that says what cancelling would cost now. It changes nothing."""

import asyncio
import datetime as dt
from collections.abc import Mapping

from temporalio import activity
from temporalio.exceptions import ApplicationError

from models import calls
from models.bookings.booking import Item
from models.bookings.repository import load_booking
from models.core.database import Sessions
from models.core.errors import NotCancellable, ProviderError
from models.core.supply import CancelQuote
from models.trips.cancellation_quotes import (
    CancellationQuoted,
    QuoteCancellationRequest,
    compared,
    items_to_cancel,
    reckon,
)
from suppliers.core.protocol import QuotesCancellation, Supplier

ANSWER_SECONDS = 8.0
"""A supplier that takes longer to say what it would keep did not say."""


class CancelQuoteActivities:
    """Reckons by the stored terms; suppliers are asked for their own word where they give one."""

    def __init__(self, sessions: Sessions, suppliers: Mapping[str, Supplier]) -> None:
        self._sessions = sessions
        self._suppliers = suppliers

    @activity.defn(name=calls.QUOTE_CANCELLATION.name)
    async def quote_cancellation(self, request: QuoteCancellationRequest) -> CancellationQuoted:
        """Say what would be kept and given back, item by item, if it were cancelled now.

        Raises:
            ApplicationError: there is no such booking (not retryable).
        """
        async with self._sessions() as session:
            booking = await load_booking(session, request.booking_id)
        if booking is None:
            raise ApplicationError(
                f"no booking {request.booking_id}", type="UnknownBooking", non_retryable=True
            )
        items = items_to_cancel(booking, request.components)
        now = dt.datetime.now(dt.UTC)
        answers = await asyncio.gather(*map(self._ask, items))
        quoted = reckon(booking, items, now)
        for line, item, says in zip(quoted.items, items, answers, strict=True):
            if says is not None:
                compared(line, item, says, now)
        return quoted

    async def _ask(self, item: Item) -> CancelQuote | None:
        supplier = self._suppliers.get(item.supplier)
        if supplier is None or item.reservation is None:
            return None
        if not isinstance(supplier, QuotesCancellation):
            return None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await supplier.cancel_quote(item.reservation)
        except NotCancellable as refusal:
            return CancelQuote(cancellable=False, reason=str(refusal))
        except (ProviderError, TimeoutError) as error:
            activity.logger.warning(
                "%s did not say what cancelling %s costs: %s",
                item.supplier,
                item.reference,
                error or "no answer in time",
            )
            return None
