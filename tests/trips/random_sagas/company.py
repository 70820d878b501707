"""Who takes part: travellers who book and cancel, operators who settle, and whoever kills workers.

Nobody here looks into the code under test: operators read the case and the suppliers' back office.
"""

import asyncio
import contextlib
import datetime as dt
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError

from models.bookings.booking import Booking, Event
from models.bookings.lifecycle import BookingState
from models.bookings.messages import (
    CANCEL_UPDATE,
    RESOLVE_UPDATE,
    CancelOutcome,
    CancelRequest,
    Resolution,
)
from models.trips.messages import BookTripRequest
from tests.support.stack import Stack
from tests.support.trips import confirmed_by_hand
from tests.trips.modifying.changes import ask, now, offers, put, request, swap
from tests.trips.random_sagas.plays import Play
from workflows.trips.book_trip import BookTrip

PATIENCE_OF_OPERATORS = 2.5
"""Seconds before an operator looks: by then nothing is under way at a supplier any more."""
LONGEST = 300.0
"""Seconds a saga may take, with everything that goes wrong and every worker that is killed."""


@dataclass
class Outcome:
    """What became of one saga."""

    play: Play
    booking_id: str
    state: BookingState | None = None
    settled_by_hand: int = 0
    then: str = ""
    """What was done to it once it was confirmed, and whether that was carried out."""
    trouble: str = ""
    """Why it never ended, if it did not."""


@dataclass
class Company:
    """Plays sagas on one stack."""

    stack: Stack
    fired: Counter[str] = field(default_factory=Counter)
    """Faults that happened, by kind."""
    armed: Counter[str] = field(default_factory=Counter)
    kills: int = 0

    async def play(self, play: Play) -> Outcome:
        """Book, disturb, settle, perhaps cancel; returns how it ended."""
        request = await self._request(play)
        outcome = Outcome(play, request.booking_id)
        armed = [
            await self.stack.sandbox.arm(**trouble.armed(request.booking_id))
            for trouble in play.troubles
        ]
        try:
            async with asyncio.timeout(LONGEST):
                await self._live(play, request, outcome)
        except TimeoutError:
            outcome.trouble = f"it did not end in time: {await self._last_seen(request.booking_id)}"
        except (RPCError, TemporalError) as error:
            outcome.trouble = f"{type(error).__name__}: {error}"
        await self._count(armed)
        return outcome

    async def _last_seen(self, booking_id: str) -> str:
        """Return what a saga that does not end did last."""
        handle = self.stack.client.get_workflow_handle(booking_id)
        try:
            events = await handle.query("events", result_type=list[Event])
        except (RPCError, TemporalError) as error:
            return str(error)
        return "; ".join(f"{e.at:%H:%M:%S} {e.step} {e.status} {e.message}" for e in events[-6:])

    async def _request(self, play: Play) -> BookTripRequest:
        trip = await self.stack.sandbox.trip(**play.wishes)
        if play.by_hand:
            trip = confirmed_by_hand(trip)
        return await self.stack.request(trip=trip)

    async def _live(self, play: Play, request: BookTripRequest, outcome: Outcome) -> None:
        handle = await self.stack.start(request)
        wish = None
        if play.cancel_after is not None:
            wish = asyncio.ensure_future(self._cancel_while_running(handle, play.cancel_after))
        booking = await self._settled(handle, outcome)
        if wish is not None:
            await wish
        if booking.state is BookingState.CONFIRMED and play.then is not None:
            outcome.then = play.then
            ending: asyncio.Future[Any]
            if play.then == "swap":
                ending = asyncio.ensure_future(self._swap(booking, play, outcome))
            else:
                components = [booking.live_items[-1].component_id] if "one" in play.then else []
                ending = asyncio.ensure_future(cancel(self.stack, booking.id, components))
            running = self.stack.client.get_workflow_handle(booking.id)
            booking = await self._settled(running, outcome, ending)
        outcome.state = booking.state

    async def _swap(self, booking: Booking, play: Play, outcome: Outcome) -> Booking:
        """Swap the last item for one of the same supplier on other days, at the price it has."""
        old = booking.live_items[-1]
        start, end = (dt.date.fromisoformat(play.wishes["dates"][x]) for x in ("start", "end"))
        other = dt.timedelta(days=9)
        dates = {"start": (start + other).isoformat(), "end": (end + other).isoformat()}
        (new, *_) = await offers(self.stack, old.type, **{**play.wishes, "dates": dates})
        wish = swap(old, new)
        priced = await ask(self.stack, booking.id, wish)
        if priced.quote is None:  # a supplier did not answer: nothing was changed
            outcome.then = "swap not priced"
            return booking
        changed = await put(self.stack, request(booking.id, wish, priced.quote.new_total))
        outcome.then = "swap carried out" if changed.carried_out else "swap turned down"
        return await now(self.stack, booking.id)

    async def _cancel_while_running(
        self, handle: WorkflowHandle[BookTrip, Booking], after: float
    ) -> None:
        await asyncio.sleep(after)
        # It may have ended already: then there is nothing to cancel this way.
        with contextlib.suppress(WorkflowUpdateFailedError, RPCError):
            await handle.execute_update(
                CANCEL_UPDATE, CancelRequest(who="ada"), result_type=CancelOutcome
            )

    async def _settled(
        self,
        handle: WorkflowHandle[Any, Any],
        outcome: Outcome,
        ending: "asyncio.Future[Any] | None" = None,
    ) -> Booking:
        """Wait for the end of a booking, acting as its operator whenever it waits for one."""
        ended: asyncio.Future[Any] = ending or asyncio.ensure_future(handle.result())
        while True:
            await asyncio.wait([ended], timeout=0.5)
            if ended.done():
                found = ended.result()
                if isinstance(found, CancelOutcome):
                    return found.booking
                return Booking.model_validate(found)
            with contextlib.suppress(RPCError):  # no worker this moment, or it has just ended
                booking = await handle.query("booking", result_type=Booking)
                if booking is not None and booking.state is BookingState.NEEDS_ATTENTION:
                    await self._decide(handle, booking)
                    outcome.settled_by_hand += 1

    async def _decide(self, handle: WorkflowHandle[Any, Any], booking: Booking) -> None:
        """Do what an operator does: look in the back office, then retry or call it settled."""
        await asyncio.sleep(PATIENCE_OF_OPERATORS)
        assert booking.case is not None
        references = {booking.item(n).reference: n for n in booking.case.items}
        rows = await self.stack.sandbox.reservations(booking.id)
        live = {references[r["reference"]]: r["id"] for r in rows
                if r["live"] and r["reference"] in references}  # fmt: skip
        if live or not references:
            cannot_find = {n: i for n, i in live.items() if booking.item(n).supplier == "amadeus"}
            decision = Resolution(decision="retry", who="op", supplier_ids=cannot_find)
        else:
            decision = Resolution(decision="resolved", who="op", note="not in the back office")
        with contextlib.suppress(WorkflowUpdateFailedError):  # somebody has decided, or it ended
            await handle.execute_update(RESOLVE_UPDATE, decision)

    async def _count(self, armed: list[str]) -> None:
        """Note which faults happened, and take them away."""
        rows = (await self.stack.sandbox.http.get("/_sandbox/faults")).json()
        ours = set(armed)
        for row in rows:
            if row["id"] in ours:
                self.armed[row["kind"]] += 1
                self.fired[row["kind"]] += min(row["fired"], 1)
                await self.stack.sandbox.http.delete(f"/_sandbox/faults/{row['id']}")

    async def kill_workers(self, seed: int, *, every: tuple[float, float]) -> None:
        """Kill one of the workers every few seconds, and start another; until cancelled."""
        dice = random.Random(f"{seed}/kills")
        while True:
            await asyncio.sleep(dice.uniform(*every))
            victim = dice.choice(self.stack.workers)
            victim.kill()
            self.kills += 1
            self.stack.workers.remove(victim)
            await asyncio.to_thread(self.stack.start_worker)
