"""Who takes part: travellers who book and cancel, operators who settle, and whoever kills workers.

Nobody here looks into the code under test: operators read the case and the suppliers' back office.
"""

import asyncio
import datetime as dt
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from temporalio.exceptions import TemporalError
from temporalio.service import RPCError

from models.bookings.booking import Booking, Event
from models.bookings.lifecycle import BookingState
from models.trips.messages import BookTripRequest
from tests.support.stack import Stack
from tests.support.trips import confirmed_by_hand
from tests.trips.modifying.changes import ask, offers, put, request, swap
from tests.trips.random_sagas.plays import Play

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
        early: asyncio.Future[Any] | None = None
        if play.cancel_after is not None:
            early = asyncio.ensure_future(self._cancel_while_running(request, play.cancel_after))
        await handle.result()
        if early is not None:
            await early
        booking = await self._settled(request.booking_id, outcome)
        if booking.state is BookingState.CONFIRMED and play.then is not None:
            outcome.then = play.then
            if play.then == "swap":
                await self._swap(booking, play, outcome)
            else:
                components = [booking.live_items[-1].component_id] if "one" in play.then else []
                await self.stack.cancel(booking.id, components, seconds=LONGEST)
            booking = await self._settled(booking.id, outcome)
        outcome.state = booking.state

    async def _swap(self, booking: Booking, play: Play, outcome: Outcome) -> None:
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
            return
        change = request(booking.id, wish, priced.quote.new_total)
        changed = await put(self.stack, change, seconds=LONGEST)
        outcome.then = "swap carried out" if changed.carried_out else "swap turned down"

    async def _cancel_while_running(self, request: BookTripRequest, after: float) -> None:
        """Cancel at any moment: before it is written down, under way, or long confirmed."""
        await asyncio.sleep(after)
        await self.stack.cancel(request.booking_id, seconds=LONGEST)

    async def _settled(self, booking_id: str, outcome: Outcome) -> Booking:
        """Act as the operator of a booking at rest until no case about it is open."""
        while True:
            booking = await self.stack.recorded(booking_id)
            if not booking.needs_attention:
                return booking
            await self._decide(booking)
            outcome.settled_by_hand += 1

    async def _decide(self, booking: Booking) -> None:
        """Do what an operator does: look in the back office, then retry or call it settled."""
        await asyncio.sleep(PATIENCE_OF_OPERATORS)
        case = next(case for case in booking.cases if case.kind == "SAGA")
        if case.item is None:
            await self.stack.resolve(booking.id, "retry", seconds=LONGEST)
            return
        item = booking.item(case.item)
        rows = await self.stack.sandbox.reservations(item.reference)
        live = [row["id"] for row in rows if row["live"]]
        if live:
            found = live[0] if item.supplier == "amadeus" else None
            await self.stack.resolve(
                booking.id, "retry", item=item.number, supplier_id=found, seconds=LONGEST
            )
        else:
            await self.stack.resolve(booking.id, "resolved", item=item.number, seconds=LONGEST)

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
