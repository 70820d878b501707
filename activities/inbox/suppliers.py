"""Handling the events of suppliers: each is a reason to look at one reservation, nothing more.

The reservation is read anew at its supplier and held against the record, so neither the order of
events nor their number can matter (reliability.md rule 6). While a workflow of the booking runs it
is told to look, and the event waits for its end; at rest, what differs starts FollowBooking.
"""

from collections.abc import Sequence

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.inbox.verdicts import Verdict, later, unknown
from activities.suppliers.following.beginning import begin_following
from activities.suppliers.items import ItemActivities
from models.bookings.lifecycle import SETTLED_STATES
from models.bookings.messages import SUPPLIER_SIGNAL
from models.bookings.repository import load_booking, load_identity
from models.core.database import Sessions
from models.core.patience import Patience
from models.inbox.repository import ClaimedEvent, EventStatus
from models.suppliers.following import news_about
from models.suppliers.looks import find_item


class SupplierEvents:
    """Handles the events of all suppliers."""

    def __init__(
        self, sessions: Sessions, items: ItemActivities, client: Client, patience: Patience
    ) -> None:
        self._sessions = sessions
        self._items = items
        self._client = client
        self._patience = patience

    async def booking_of(self, events: Sequence[ClaimedEvent]) -> str | None:
        """Return the booking on record that events of one reservation are about."""
        found = await self._item_of(events)
        return found[0] if found else None

    async def decide(self, events: Sequence[ClaimedEvent]) -> Verdict:
        """Look at the reservation, and have what differs put right."""
        found = await self._item_of(events)
        if found is None:
            return unknown(events)
        booking_id, number = found
        async with self._sessions() as session:
            booking = await load_booking(session, booking_id)
            owner = await load_identity(session, booking_id)
        assert booking is not None
        assert owner is not None
        if booking.state not in SETTLED_STATES:
            await self._tell_workflow(booking_id)
            return later(f"the booking is {booking.state}: its workflow has been told")
        seen = await self._items.look(booking_id, number)
        item = booking.item(number)
        news = news_about(booking, item, seen)
        if news is None:
            return Verdict(EventStatus.DONE, "the record and the supplier agree")
        types = ", ".join(sorted({event.type for event in events}))
        began = await begin_following(
            self._client,
            self._patience,
            booking,
            f"{item.supplier} reported {types}",
            items=[number],
            caller_id=owner.caller_id,
        )
        if not began:
            return later("a workflow of the booking runs: it owns the booking")
        return Verdict(EventStatus.DONE, f"following: {item.title} is {news}")

    async def _item_of(self, events: Sequence[ClaimedEvent]) -> tuple[str, int] | None:
        async with self._sessions() as session:
            for event in events:
                found = await find_item(session, event.gateway, event.reference, event.supplier_id)
                if found is not None:
                    return found
        return None

    async def _tell_workflow(self, booking_id: str) -> None:
        """Have the workflow look, if it waits for its supplier; if none runs, nobody is told."""
        try:
            await self._client.get_workflow_handle(booking_id).signal(SUPPLIER_SIGNAL)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
