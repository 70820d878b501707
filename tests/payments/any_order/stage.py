"""A world of its own in which bookings live: real servers, a worker, our API over HTTP."""

import asyncio
import datetime as dt
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
import psycopg
from psycopg.rows import DictRow, dict_row
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from models.core.database import create_engine, create_sessions
from models.ledger.checking import Violation, check
from models.operations.messages import WatchRequest, WatchSummary
from tests.api.server import Served, add_caller
from tests.payments.any_order.outside import Outside
from tests.payments.any_order.postman import Postman
from tests.support.stack import Stack
from workflows.operations.watch_money import WatchMoney

SECRET = "whsec_m0ney"


@dataclass
class Tally:
    """What was done, counted; a run that did nothing proves nothing."""

    examples: int = 0
    bookings: int = 0
    openings: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    """Operations that were not possible as the booking or its payment stood."""
    events: Counter[str] = field(default_factory=Counter)
    deliveries: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    """Inbox rows, by what became of them."""
    ends: Counter[str] = field(default_factory=Counter)
    decisions: int = 0
    rounds: int = 0
    """Of reconciliation and invariants."""

    def __str__(self) -> str:
        lines = [
            f"{self.examples} examples, {self.bookings} bookings, {self.events.total()} events,",
            f"  {self.deliveries} deliveries, {self.decisions} decisions, {self.rounds} rounds",
        ]
        for name in ("openings", "done", "refused", "events", "rows", "ends"):
            counted = sorted(getattr(self, name).items())
            lines.append(f"  {name}: " + "; ".join(f"{n} {what}" for what, n in counted))
        return "\n".join(lines)


@dataclass
class Stage:
    """The world, and the ways into it."""

    stack: Stack
    planner: httpx.AsyncClient
    operator: httpx.AsyncClient
    planner_id: str
    postman: Postman
    outside: Outside
    _rows: psycopg.AsyncConnection[DictRow]

    @classmethod
    async def open(cls, stack: Stack, api: Served) -> Self:
        url = stack.settings.database.url
        keys = add_caller(url), add_caller(url, role="operator", name="test operator")
        planner, operator = (_client(api.url, key) for key in keys)
        rows = await psycopg.AsyncConnection.connect(url, autocommit=True, row_factory=dict_row)
        found = await rows.execute("SELECT id FROM callers WHERE role = 'planner'")
        [caller] = await found.fetchall()
        return cls(
            stack=stack,
            planner=planner,
            operator=operator,
            planner_id=str(caller["id"]),
            postman=Postman(stack.sandbox.http, _client(api.url), SECRET),
            outside=Outside(stack.sandbox.http),
            _rows=rows,
        )

    @property
    def database_url(self) -> str:
        return self.stack.settings.database.url

    async def rows(self, query: str, *values: Any) -> list[DictRow]:
        """Ask the database, past our own code."""
        answer = await self._rows.execute(query, values)
        return await answer.fetchall() if answer.description else []

    async def row(self, query: str, *values: Any) -> DictRow:
        [row] = await self.rows(query, *values)
        return row

    async def is_running(self, booking_id: str) -> bool:
        """Whether a workflow runs under the booking's id."""
        try:
            found = await self.stack.client.get_workflow_handle(booking_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return found.status is WorkflowExecutionStatus.RUNNING

    async def histories(self, booking_id: str) -> str:
        """Every workflow of a booking, oldest first, for whoever has to find out why."""
        lines = []
        async for run in self.stack.client.list_workflows(f"WorkflowId = '{booking_id}'"):
            events = [
                f"{event.event_time.ToDatetime():%H:%M:%S.%f} {EventType.Name(event.event_type)}"
                async for event in self.stack.client.get_workflow_handle(
                    run.id, run_id=run.run_id
                ).fetch_history_events()
            ]
            lines.append("\n  ".join([f"{run.workflow_type} {run.status}", *events]))
        return "\n".join(reversed(lines))

    async def watch(self, *, full: bool = False) -> WatchSummary:
        """Have reconciliation and the live invariants look once."""
        request = WatchRequest(full=full, day=dt.datetime.now(dt.UTC).date() if full else None)
        summary: WatchSummary = await asyncio.wait_for(
            self.stack.client.execute_workflow(
                WatchMoney.run,
                request,
                id=f"watch-{uuid.uuid4()}",
                task_queue=self.stack.settings.task_queue,
            ),
            120,
        )
        return summary

    async def ledger_violations(self) -> list[Violation]:
        """What our own report has to say against the ledger."""
        engine = create_engine(self.stack.settings.database.sqlalchemy_url, pool_size=1)
        try:
            async with create_sessions(engine)() as session:
                return (await check(session)).violations
        finally:
            await engine.dispose()

    async def close(self) -> None:
        await self._rows.close()
        await self.planner.aclose()
        await self.operator.aclose()


def _client(url: str, key: str = "") -> httpx.AsyncClient:
    # Let go of a connection long before the server does: a request into the closing of one fails.
    limits = httpx.Limits(keepalive_expiry=1)
    headers = {"X-API-Key": key} if key else {}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=90, limits=limits)
