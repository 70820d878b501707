"""The activities of ``WatchSuppliers``, and those with which ``FollowBooking`` asks for more."""

import datetime as dt
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from sqlalchemy import select
from temporalio import activity
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.core.heartbeats import beating
from activities.suppliers.following.changes import ChangeReader
from activities.suppliers.following.looking import Looker
from activities.suppliers.items import ItemActivities
from models import calls
from models.bookings.tables import BOOKING_ITEMS
from models.core.cases import CaseKind, open_case
from models.core.database import Sessions
from models.core.patience import Patience
from models.suppliers.following import Followed, FollowPart, LookAgain, Noted
from models.suppliers.looks import ask_for_look, quiet_bookings
from settings import Settings
from suppliers.core.protocol import Supplier

RUNS = "tripsaga_follow_parts"
FOUND = "tripsaga_follow_found"
TROUBLED = "tripsaga_follow_troubled"
QUIET = dt.timedelta(minutes=15)
"""A booking under way records something more often than that, or its workflow waits."""
MOST_QUIET = 100


class FollowActivities:
    """Looks and notes; books, cancels and pays nothing."""

    def __init__(
        self,
        sessions: Sessions,
        items: ItemActivities,
        suppliers: Mapping[str, Supplier],
        settings: Settings,
        patience: Patience,
    ) -> None:
        self._sessions = sessions
        self._items = items
        self._suppliers = suppliers
        self._settings = settings
        self._patience = patience

    @activity.defn(name=calls.READ_CHANGES.name)
    async def read_supplier_changes(self, _: FollowPart) -> Followed:
        """Read what suppliers list as changed into the inbox, where it is handled."""
        async with self._watched(calls.READ_CHANGES.name), beating():
            return _count(await ChangeReader(self._sessions, self._suppliers).run())

    @activity.defn(name=calls.FOLLOW_ITEMS.name)
    async def follow_items(self, _: FollowPart) -> Followed:
        """Look at the items that are due, and have what differs put right."""
        looker = Looker(
            self._sessions,
            self._items,
            self._suppliers,
            self._settings,
            activity.client(),
            self._patience,
        )
        async with self._watched(calls.FOLLOW_ITEMS.name), beating():
            return _count(await looker.run())

    @activity.defn(name=calls.FIND_QUIET.name)
    async def find_quiet_bookings(self, _: FollowPart) -> Followed:
        """Open a case for each booking under way that no workflow works on any more."""
        done = Followed()
        async with self._watched(calls.FIND_QUIET.name), beating():
            async with self._sessions() as session:
                quiet = await quiet_bookings(session, quiet=QUIET, limit=MOST_QUIET)
            for booking_id in quiet:
                if not await _runs(booking_id):
                    done.cases += await self._nobody_works_on(booking_id)
        return _count(done)

    @activity.defn(name=calls.LOOK_AGAIN.name)
    async def look_again(self, call: LookAgain) -> Noted:
        """Have items looked at in the next round."""
        items = BOOKING_ITEMS.c
        async with self._sessions.begin() as session:
            rows = await session.execute(
                select(items.number, items.supplier).where(
                    items.booking_id == call.booking_id, items.number.in_(call.items)
                )
            )
            for row in rows.all():
                await ask_for_look(session, call.booking_id, row.number, row.supplier, why=call.why)
        return Noted()

    async def _nobody_works_on(self, booking_id: str) -> bool:
        async with self._sessions.begin() as session:
            return await open_case(
                session,
                kind=CaseKind.SUPPLIER,
                source=f"quiet:{booking_id}",
                booking_id=booking_id,
                summary=f"The booking {booking_id} is under way, but no workflow works on it. Was"
                " it terminated? See what it has at its suppliers and at the gateway.",
            )

    @asynccontextmanager
    async def _watched(self, part: str) -> AsyncIterator[None]:
        """Count how a part ends."""
        runs = activity.metric_meter().create_counter(RUNS, "Parts of following, by outcome")
        outcome = "failed"
        try:
            yield
            outcome = "done"
        finally:
            runs.add(1, {"part": part, "outcome": outcome})


async def _runs(booking_id: str) -> bool:
    """Tell whether a workflow runs under a booking's id."""
    try:
        found = await activity.client().get_workflow_handle(booking_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return found.status is WorkflowExecutionStatus.RUNNING


def _count(done: Followed) -> Followed:
    meter = activity.metric_meter()
    found = meter.create_counter(FOUND, "What rounds of following found, by kind")
    for kind in ("looked", "news", "listed", "cases"):
        found.add(getattr(done, kind), {"kind": kind})
    troubled = meter.create_counter(TROUBLED, "Suppliers that gave a round no answer")
    for supplier in done.troubled:
        troubled.add(1, {"supplier": supplier})
    return done
