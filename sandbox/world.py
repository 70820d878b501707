"""All state of one sandbox process, and the one way in which suppliers answer requests."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.connection import abort
from sandbox.effects import NO_ANSWER, EffectLog
from sandbox.faults import Fault, FaultSwitch

_HOLD_SECONDS = 30.0
"""How long a late commit's client is kept waiting after the commit."""
_Handed = dict[tuple[str, str], "ReservationRecord"]
_handed_out: ContextVar[_Handed | None] = ContextVar("_handed_out", default=None)
"""The records that the request being served has got, and what it left to run after it."""


@dataclass
class Answer:
    """What a supplier says: HTTP status and JSON body, and what it did to the world."""

    status: int
    body: Any
    """JSON, or bytes as they are; ``headers`` then say what they are."""
    effect: str = "none"
    reference: str | None = None
    """The caller's reference, where it is known only after the work."""
    headers: dict[str, str] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    """Extras of the log row: ``key``, ``id``, ``amount`` (minor units)."""

    def response(self) -> Response:
        """Return the HTTP response; a body of None is an empty one."""
        if self.body is None or isinstance(self.body, bytes):
            return Response(self.body, status_code=self.status, headers=self.headers)
        return JSONResponse(self.body, status_code=self.status, headers=self.headers)


@dataclass
class ReservationRecord:
    """A reservation as its supplier has it. Mutable: the supplier's module changes it."""

    supplier: str
    id: str
    """The supplier's own id."""
    reference: str | None
    """The caller's reference."""
    status: str
    """In the supplier's own words."""
    live: bool
    """The supplier would honour it, or charge for it."""
    price: int
    """Minor units."""
    currency: str
    data: dict[str, Any] = field(default_factory=dict)
    """Whatever else the module needs; JSON only."""

    def as_json(self) -> dict[str, Any]:
        """Return what ``GET /_sandbox/state`` shows."""
        return {
            "supplier": self.supplier,
            "id": self.id,
            "reference": self.reference,
            "status": self.status,
            "live": self.live,
            "price": self.price,
            "currency": self.currency,
        }


class Reservations:
    """Every reservation of every supplier, in the order of making."""

    def __init__(self) -> None:
        self._by_id: dict[tuple[str, str], ReservationRecord] = {}
        self._by_reference: dict[tuple[str, str], list[ReservationRecord]] = {}
        self.touched: _Handed = {}
        """Records that may have changed since the state file was last written."""

    def add(self, record: ReservationRecord) -> ReservationRecord:
        """Keep a new reservation and return it."""
        key = (record.supplier, record.id)
        self._by_id[key] = self.touched[key] = record
        if record.reference is not None:
            self._by_reference.setdefault((record.supplier, record.reference), []).append(record)
        return record

    def get(self, supplier: str, record_id: str) -> ReservationRecord | None:
        """Return the reservation with the supplier's own id, or None."""
        return self._touch(self._by_id.get((supplier, record_id)))

    def find(self, supplier: str, reference: str) -> ReservationRecord | None:
        """Return the newest reservation under the caller's reference, a live one if any."""
        records = self._by_reference.get((supplier, reference), [])
        newest_first = [*reversed(records)]
        return self._touch(
            next((record for record in newest_first if record.live), None)
            or next(iter(newest_first), None)
        )

    def all(self, supplier: str | None = None) -> list[ReservationRecord]:
        """Return all reservations, oldest first, of one supplier or of all."""
        found = [
            record
            for record in self._by_id.values()
            if supplier is None or record.supplier == supplier
        ]
        for record in found:
            self._touch(record)
        return found

    def begin_request(self) -> None:
        """Note from now on which records the request of this context gets."""
        _handed_out.set({})

    def touch_handed_out(self) -> None:
        """Write what the request has got once more: it may have changed it after a pause."""
        self.touched |= _handed_out.get() or {}

    def _touch(self, record: ReservationRecord | None) -> ReservationRecord | None:
        if record is not None:
            key = (record.supplier, record.id)
            self.touched[key] = record
            if (handed_out := _handed_out.get()) is not None:
                handed_out[key] = record
        return record


class Shelf:
    """Documents of one kind by id, in the order of keeping; what is put here can be saved."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.touched: set[str] = set()
        """Ids whose documents the state file has not got yet."""

    def put(self, key: str, document: dict[str, Any]) -> None:
        """Keep a new document, or a changed one; JSON only."""
        self.documents[key] = document
        self.touched.add(key)

    def get(self, key: str) -> dict[str, Any] | None:
        """Return a document, or None. Whoever changes it puts it back."""
        return self.documents.get(key)

    def drop(self, key: str) -> None:
        """Forget a document."""
        self.documents.pop(key, None)
        self.touched.add(key)

    def newest_first(self) -> list[dict[str, Any]]:
        """Return all documents."""
        return [*reversed(self.documents.values())]


def _kept_nowhere() -> None:
    """A world without a file keeps nothing."""


class World:
    """All state of one sandbox process."""

    def __init__(self) -> None:
        self.log = EffectLog(self.now)
        self.faults = FaultSwitch()
        self.reservations = Reservations()
        self.payments: Callable[[], list[dict[str, Any]]] = list
        """Lists the payments for ``GET /_sandbox/state``; each gateway's module adds its own."""
        self.latency = 0.0
        """Seconds that every supplier takes for every answer."""
        self.closing = asyncio.Event()
        """Set when the process is asked to end: nobody is kept waiting any more."""
        self.keep: Callable[[], None] = _kept_nowhere
        """Keeps what has changed where it survives a crash (``--state-file``)."""
        self.shelves: dict[str, Shelf] = {}
        self.starters: list[Callable[[], None]] = []
        """Called when the process begins to serve: timers of an earlier process go on."""
        self.closers: list[Callable[[], Awaitable[None]]] = []
        """Called at the end of the process."""
        self.calmers: list[Callable[[], None]] = []
        """Called when all faults are cleared: other disturbances end with them."""
        self.stripe_webhooks: list[tuple[str, str]] = []
        """URL and secret of webhook endpoints that are there from the start."""
        self.payment_service_webhooks: list[tuple[str, str]] = []
        """The same for the payment service."""
        self.supplier_webhooks: dict[str, list[tuple[str, str]]] = {}
        """By supplier: URL and secret of who is told (``sandbox.announcements``)."""
        self.planner_key = ""
        """What the trip planner asks for as a bearer token; empty: it asks for nothing."""
        self.smtp = ""
        """Where the mail server is; empty: there is none."""
        self._background: set[asyncio.Task[None]] = set()

    def now(self) -> dt.datetime:
        """Return the time, UTC."""
        return dt.datetime.now(dt.UTC)

    def shelf(self, name: str) -> Shelf:
        """Return the shelf of that name; documents on it survive with ``--state-file``."""
        return self.shelves.setdefault(name, Shelf())

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the process."""
        if seconds > 0:
            try:
                await asyncio.wait_for(self.closing.wait(), seconds)
            except TimeoutError:
                return

    def spawn(self, work: Awaitable[None]) -> None:
        """Do something in the background; the process's end does not wait for it."""
        # It may tell somebody (a webhook), so what has happened is kept before it begins.
        asyncio.get_running_loop().call_soon(self.keep)
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def close(self) -> None:
        """End all background work."""
        self.closing.set()
        tasks = [*self._background]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for closer in self.closers:
            await closer()

    async def serve(
        self,
        *,
        supplier: str,
        operation: str,
        reference: str | None,
        commit: Callable[[Fault | None], Awaitable[Answer]],
        refuse: Callable[[], Answer],
        error: Callable[[], Answer],
        duplicate: Callable[[Answer], Answer] | None = None,
        guard: Callable[[], AbstractContextManager[Answer | None]] = nullcontext,
        request: Request,
    ) -> Response:
        """Process one request: draw a fault, apply it, write the log.

        Every request writes one row, and two when it was committed late or delivered twice.
        ``status`` in the row is what the client was sent, 0 for nothing.

        Args:
            supplier: whose request it is.
            operation: which of the supplier's operations (:data:`sandbox.faults.OPERATIONS`).
            reference: the caller's reference, where the request names it.
            commit: does the work, refusing by itself what it must; given the fault when the fault
                is one that the supplier itself acts out (price_drift, authenticate, short_hold).
            refuse: the supplier's own "no" (sold out, declined); does nothing.
            error: the supplier's own 5xx; does nothing. Called after the commit when the fault is
                commit_then_error.
            duplicate: the supplier's answer to a second delivery; default: ``commit`` again.
            guard: held while the supplier works on the request; what it yields, if not None, is
                answered instead (another request with the same key is being worked on).
            request: the request, whose connection may be torn down.
        """
        fault = self.faults.draw(supplier, operation, reference)
        kind = fault.kind if fault else None
        seconds = fault.seconds if fault else 0.0

        def write(answer: Answer, *, sent: int) -> None:
            self.log.append(
                supplier,
                operation,
                answer.reference or reference,
                answer.effect,
                sent,
                **answer.extra,
                fault=kind,
            )

        async def work(acted_out: Fault | None = None, *, slowly: float = 0.0) -> Answer:
            with guard() as busy:
                if busy is not None:
                    return busy
                await self.pause(self.latency + slowly)
                done = await commit(acted_out)
                self.reservations.touch_handed_out()
                return done

        async def hold(seconds: float) -> Response:
            await self.pause(seconds)
            await abort(request)
            return Response(status_code=503)

        async def work_late() -> None:
            await self.pause(seconds)
            write(await work(), sent=NO_ANSWER)

        nothing = Answer(NO_ANSWER, None)
        match kind:
            case "reset":
                write(nothing, sent=NO_ANSWER)
                return await hold(0)
            case "hang":
                write(nothing, sent=NO_ANSWER)
                return await hold(seconds)
            case "late_commit":
                write(nothing, sent=NO_ANSWER)
                self.spawn(work_late())
                return await hold(seconds + _HOLD_SECONDS)
            case "commit_then_hang":
                write(await work(), sent=NO_ANSWER)
                return await hold(seconds)
            case "commit_then_error":
                done = await work()
                failure = error()
                write(done, sent=failure.status)
                return failure.response()
            case "malformed":
                done = await work()
                status = done.status if done.status in (200, 201) else 200
                write(done, sent=status)
                return _truncated(done, status)
            case "refuse":
                answer = refuse()
            case "error":
                answer = error()
            case "duplicate":
                first = await work()
                write(first, sent=NO_ANSWER)
                answer = duplicate(first) if duplicate else await work()
            case "price_drift" | "authenticate" | "short_hold":
                answer = await work(fault)
            case _:
                answer = await work(slowly=seconds)
        write(answer, sent=answer.status)
        return answer.response()


def _truncated(answer: Answer, status: int) -> Response:
    """Return the answer cut off in the middle: well-sent HTTP, but no JSON (or XML)."""
    whole = answer.body
    body = whole if isinstance(whole, bytes) else bytes(JSONResponse(whole).body)
    return Response(
        body[: max(1, len(body) // 2)],
        status_code=status,
        media_type="application/json",
        headers=answer.headers,
    )
