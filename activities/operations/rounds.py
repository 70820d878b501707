"""The activities of ``WatchMoney``."""

import datetime as dt
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.core.failures import application_error
from activities.core.heartbeats import beating
from activities.operations.checking import Checker, Window
from activities.operations.progress import Progress
from activities.operations.reconciling import Reconciler
from activities.operations.reporting import Reporter
from activities.operations.unexplained import Unexplained
from activities.payments.activities import PaymentActivities
from activities.suppliers.health import look_after_outages
from models import calls
from models.bookings.lifecycle import SETTLED_STATES
from models.core.attempts import end_forgotten
from models.core.database import Sessions, direct
from models.core.errors import Fault, Refusal
from models.core.idempotency import PURGED_AT_ONCE, purge
from models.core.patience import Patience
from models.events import feed
from models.marketplace.quotes.repository import KEPT as QUOTES_KEPT
from models.marketplace.quotes.repository import PURGED_AT_ONCE as QUOTES_AT_ONCE
from models.marketplace.quotes.repository import purge_quotes
from models.operations.messages import (
    CheckCall,
    Checked,
    ReconcileCall,
    Reconciled,
    ReportCall,
    Reported,
    WatchPlan,
    WatchRequest,
)
from models.operations.retention import BATCH, forget_answers
from models.payments.reconciliations import has_report, save_report
from payments.core.protocol import Gateway
from settings import Settings
from suppliers.core.protocol import Supplier

ROUNDS_SEEN = 3
"""A booking that changed is looked at in this many rounds, so that one may fail."""
RUNS = "tripsaga_watch_parts"


class WatchActivities:
    """Compares, checks and reports; moves no money and writes no booking."""

    def __init__(
        self,
        sessions: Sessions,
        payments: PaymentActivities,
        gateway: Gateway,
        suppliers: Mapping[str, Supplier],
        settings: Settings,
        patience: Patience,
    ) -> None:
        self._sessions = sessions
        self._payments = payments
        self._gateway = gateway
        self._unexplained = Unexplained(sessions, gateway, suppliers)
        self._settings = settings
        self._patience = patience

    @activity.defn(name=calls.PLAN_WATCH.name)
    async def plan_watch(self, request: WatchRequest) -> WatchPlan:
        """Say what is due: everything and yesterday's report once a day, else what is recent."""
        if request.day is not None:
            return WatchPlan(report=request.day, full=request.full)
        yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
        async with self._sessions() as session:
            reported = await has_report(session, yesterday, self._gateway.name)
        if reported:
            return WatchPlan(full=request.full)
        return WatchPlan(report=yesterday, full=True)

    @activity.defn(name=calls.RECONCILE.name)
    async def reconcile_payments(self, call: ReconcileCall) -> Reconciled:
        """Compare record and gateway both ways, and have differences put right.

        An attempt that takes over from a dead worker goes on where that one had got to.

        Raises:
            ApplicationError: the gateway does not answer, or does not let us in.
        """
        progress = Progress.of_this_activity()
        now = dt.datetime.now(dt.UTC)
        reconciler = Reconciler(
            self._sessions,
            self._payments,
            self._gateway,
            self._unexplained,
            activity.client(),
            self._patience,
            progress,
        )
        async with self._watched(calls.RECONCILE.name), beating(progress):
            await reconciler.by_gateway(now - self._listed(full=call.full))
            await reconciler.by_record(
                now - dt.timedelta(seconds=ROUNDS_SEEN * self._settings.watch.seconds)
            )
            await self._unexplained.close_explained()
            await reconciler.await_settled()
            async with self._sessions.begin() as session:
                await end_forgotten(session, now - self._listed(full=call.full), SETTLED_STATES)
        return progress.answer

    @activity.defn(name=calls.CHECK.name)
    async def check_invariants(self, call: CheckCall) -> Checked:
        """Hold the invariants against record, ledger and gateway; open and close their cases."""
        now = dt.datetime.now(dt.UTC)
        window = Window(
            record=now - dt.timedelta(hours=self._settings.watch.window_hours),
            gateway=now - self._listed(full=call.full),
        )
        checker = Checker(self._sessions, self._gateway)
        async with self._watched(calls.CHECK.name), beating():
            await look_after_outages(self._sessions, self._settings.supplier_down_case_seconds)
            await self._purge()
            if call.full:
                await self._forget()
            return await checker.run(call, window)

    async def _purge(self) -> None:
        """Delete answers kept for as long as was promised, and quotes that nobody took."""
        async with direct(self._sessions) as connection:
            purged = PURGED_AT_ONCE
            while purged == PURGED_AT_ONCE:
                purged = await purge(connection)
            purged = QUOTES_AT_ONCE
            while purged == QUOTES_AT_ONCE:
                purged = await purge_quotes(connection, QUOTES_KEPT)

    async def _forget(self) -> None:
        """Forget, once a day, suppliers' answers and events that nobody needs any more."""
        forgotten = BATCH
        while forgotten == BATCH:
            async with self._sessions.begin() as session:
                forgotten = await forget_answers(session, self._settings.attempts_keep_days)
        forgotten = feed.BATCH
        while forgotten == feed.BATCH:
            async with self._sessions.begin() as session:
                forgotten = await feed.purge_feed(session, self._settings.events.keep_days)

    @activity.defn(name=calls.REPORT.name)
    async def report_day(self, call: ReportCall) -> Reported:
        """Make the report of a UTC day and keep it, in place of an earlier one.

        Raises:
            ApplicationError: the gateway does not answer; or the day is still to come.
        """
        if call.day > dt.datetime.now(dt.UTC).date():
            raise ApplicationError(f"{call.day} is still to come", non_retryable=True)
        async with self._watched(calls.REPORT.name), beating():
            report = await Reporter(self._sessions, self._gateway).report(call.day)
        async with self._sessions.begin() as session:
            await save_report(session, report)
        return Reported(day=call.day, differences=len(report.differences))

    def _listed(self, *, full: bool) -> dt.timedelta:
        """Return how far back the gateway's list is read."""
        if full:
            return dt.timedelta(days=self._settings.watch.full_days)
        return dt.timedelta(hours=self._settings.watch.window_hours)

    @asynccontextmanager
    async def _watched(self, part: str) -> AsyncIterator[None]:
        """Count how a part ends, and say so in Temporal's words when it could not be made."""
        runs = activity.metric_meter().create_counter(RUNS, "Parts of watching rounds, by outcome")
        outcome = "failed"
        try:
            yield
            outcome = "done"
        except Fault as fault:
            raise application_error(fault) from fault
        except Refusal as refusal:
            raise ApplicationError(str(refusal), type=refusal.kind, non_retryable=True) from refusal
        finally:
            runs.add(1, {"part": part, "outcome": outcome})
