"""Gauges for Prometheus, shown by every worker through the SDK's own metrics.

They are read from the database, so that it does not matter which worker made the last round.
"""

import asyncio
import logging

from sqlalchemy.exc import DBAPIError
from temporalio.common import MetricMeter

from activities.core.pauses import pause
from models.core.database import Sessions
from models.operations.figures import watch_figures
from models.suppliers.health import Circuit, load_health

LOOK_SECONDS = 2.0

log = logging.getLogger("tripsaga.watching")


class Gauges:
    """Open cases, broken invariants, differences and waiting events, as they stand."""

    def __init__(self, meter: MetricMeter, sessions: Sessions) -> None:
        self._sessions = sessions
        self._cases = meter.create_gauge(
            "tripsaga_open_cases", "What operators have to settle, by kind"
        )
        self._violations = meter.create_gauge(
            "tripsaga_invariant_violations", "Where an invariant is broken now, by invariant"
        )
        self._differences = meter.create_gauge(
            "tripsaga_reconciliation_differences", "In the newest daily report, by gateway"
        )
        self._waiting = meter.create_gauge(
            "tripsaga_webhook_events_waiting", "Events of the gateway that are to be handled"
        )
        self._behind = meter.create_gauge(
            "tripsaga_events_behind", "Events in the feed that are not delivered yet, by sink"
        )
        self._stalled = meter.create_gauge(
            "tripsaga_events_stalled_seconds", "For how long nothing can be delivered, by sink"
        )
        self._oldest = meter.create_gauge(
            "tripsaga_webhook_oldest_pending_seconds",
            "How old the oldest delivery to a webhook endpoint is that is still to be made",
        )
        self._overdue = meter.create_gauge(
            "tripsaga_webhook_overdue_seconds",
            "For how long a delivery to a webhook endpoint has been due and was not tried",
        )
        self._messages = meter.create_gauge(
            "tripsaga_messages_overdue_seconds",
            "For how long a mail or a text has been due and was not tried",
        )
        self._circuit = meter.create_gauge(
            "tripsaga_supplier_down", "0 answers, 1 is being tried, 2 is down; by supplier"
        )
        self._faults = meter.create_gauge(
            "tripsaga_supplier_faults", "Calls in a row without an answer, by supplier"
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Show how things stand every few seconds until ``stop`` is set."""
        while not stop.is_set():
            try:
                await self.show()
            except (DBAPIError, OSError, TimeoutError) as error:
                log.warning("metrics are not up to date: %s", error)
            await pause(stop, LOOK_SECONDS)

    async def show(self) -> None:
        """Look once."""
        async with self._sessions() as session:
            figures = await watch_figures(session)
            suppliers = await load_health(session)
        for kind, number in figures.open_cases.items():
            self._cases.set(number, {"kind": kind})
        for invariant, number in figures.violations.items():
            self._violations.set(number, {"invariant": invariant})
        for gateway, number in figures.differences.items():
            self._differences.set(number, {"gateway": gateway})
        self._waiting.set(figures.events_waiting)
        for sink in figures.sinks:
            self._behind.set(sink.behind, {"sink": sink.name})
            self._stalled.set(int(sink.stalled_seconds), {"sink": sink.name})
        self._oldest.set(int(figures.deliveries.oldest_seconds))
        self._overdue.set(int(figures.deliveries.overdue_seconds))
        self._messages.set(int(figures.messages_overdue_seconds))
        for name, health in suppliers.items():
            self._circuit.set(_CIRCUIT[health.state], {"supplier": name})
            self._faults.set(health.faults, {"supplier": name})


_CIRCUIT = {Circuit.UP: 0, Circuit.TRYING: 1, Circuit.DOWN: 2}
