"""Who takes part: travellers who book, cancel and change, operators, and whoever kills workers.

Nobody here looks into the code under test: operators read the case and the suppliers' back office.
"""

import asyncio
import datetime as dt
import random
import uuid
from collections import Counter
from dataclasses import dataclass, field

from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError

from api.trips.presenters.steps import steps_of
from models.bookings.booking import Booking, OpenCase
from models.bookings.lifecycle import BookingState
from models.bookings.messages import CancelRequest, RequestKind, Resolution
from models.bookings.problems import Problem
from models.bookings.repository import find_booking, load_booking, load_ended_request
from models.core.supply import TripComponent
from models.payments.messages import GoodwillRefund
from models.trips.changes import Swap, TripChanges
from models.trips.messages import BookTripRequest
from tests.support.stack import Stack
from tests.support.trips import confirmed_by_hand, unsettled
from tests.trips.modifying import changes
from tests.trips.random_sagas.plays import Asked, Play
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
    decided: int = 0
    """How many decisions operators made about its cases."""
    requests: list[str] = field(default_factory=list)
    """The ids of all that was asked of it."""
    answers: list[str] = field(default_factory=list)
    """What was asked, and how each was answered."""
    broken: list[str] = field(default_factory=list)
    """What was answered as carried out, but was not."""
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
        """Book, disturb, ask for this and that, settle; returns how it ended."""
        request = await self._trip(play)
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
            causes: list[BaseException] = [error]
            while (cause := causes[-1].__cause__) is not None:
                causes.append(cause)
            outcome.trouble = " from ".join(repr(one) for one in causes)
        await self._count(armed)
        return outcome

    async def _last_seen(self, booking_id: str) -> str:
        """Return what a saga that does not end did last."""
        async with self.stack.sessions() as session:
            found = await find_booking(session, booking_id, owner=None, attempts=True)
        steps = steps_of(found)[-6:] if found else []
        return "; ".join(f"{s.at:%H:%M:%S} {s.step} {s.status} {s.message}" for s in steps)

    async def _trip(self, play: Play) -> BookTripRequest:
        trip = await self.stack.sandbox.trip(**play.criteria)
        if play.by_hand:
            trip = confirmed_by_hand(trip)
        request = await self.stack.request(trip=trip)
        request.patience.quick = list(play.quick)
        request.patience.local = [name for name in play.quick if name != "amadeus"]
        return request

    async def _live(self, play: Play, request: BookTripRequest, outcome: Outcome) -> None:
        """Go through a play, with an operator who decides every case that is opened on the way."""
        handle = await self.stack.start(request)
        story = asyncio.ensure_future(self._story(handle, play, request, outcome))
        try:
            while True:
                over = story.done()
                case = await self._open_case(request.booking_id)
                if case is not None:
                    await self._decide(*case, outcome)
                elif over:
                    break
                else:
                    await asyncio.wait([story], timeout=0.5)
        finally:
            story.cancel()
        carried_out = await story
        await self.stack.client.get_workflow_handle(request.booking_id).result()
        booking = await self.stack.recorded(request.booking_id)
        outcome.state = booking.state
        outcome.broken = [
            *(f"left open: {case.summary}" for case in unsettled(booking)),
            *(broken for what, gone in carried_out for broken in _not_so(booking, what, gone)),
            *[f"never answered: {one}" for one in outcome.requests if not await self._ended(one)],
        ]

    async def _story(
        self,
        handle: WorkflowHandle[BookTrip, Booking],
        play: Play,
        request: BookTripRequest,
        outcome: Outcome,
    ) -> list[tuple[str, str]]:
        """Ask what is asked; answers what was carried out, and of which component."""
        asked = [
            asyncio.ensure_future(self._ask(one, play, request, outcome)) for one in play.meanwhile
        ]
        booking = await handle.result()
        if booking.state is BookingState.CONFIRMED:
            asked += [
                asyncio.ensure_future(self._ask(one, play, request, outcome)) for one in play.then
            ]
        answers = await asyncio.gather(*asked)
        return [answer for answer in answers if answer is not None]

    async def _ask(
        self, asked: Asked, play: Play, request: BookTripRequest, outcome: Outcome
    ) -> tuple[str, str] | None:
        """Ask something and wait for the answer; answers what was carried out, None if refused."""
        await asyncio.sleep(asked.after)
        components = request.trip.components
        about = components[int(asked.place * len(components))]
        if asked.what == "swap":
            problem = await self._swap(about, play, request, outcome)
        else:
            problem = await self._request(asked, about, request, outcome)
        told = problem.code if problem else "carried out"
        outcome.answers.append(f"{asked.what}: {told}")
        return (asked.what, about.component_id) if problem is None else None

    async def _request(
        self, asked: Asked, about: TripComponent, request: BookTripRequest, outcome: Outcome
    ) -> Problem | None:
        one = [about.component_id] if asked.what == "cancel one" else []
        grant = GoodwillRefund(key=str(uuid.uuid4()), amount=100, reason="sorry")
        sent = await (
            self.stack.send(RequestKind.REFUND, request.booking_id, grant)
            if asked.what == "goodwill"
            else self.stack.send(
                RequestKind.CANCEL, request.booking_id, CancelRequest(components=one), who="ada"
            )
        )
        outcome.requests.append(sent.id)
        return await self.stack.ended(sent, LONGEST)

    async def _swap(
        self, old: TripComponent, play: Play, request: BookTripRequest, outcome: Outcome
    ) -> Problem | None:
        """Swap a component for one of the same supplier on other days, at the price it has."""
        start, end = (dt.date.fromisoformat(play.criteria["dates"][x]) for x in ("start", "end"))
        other = dt.timedelta(days=9)
        dates = {"start": (start + other).isoformat(), "end": (end + other).isoformat()}
        (new, *_) = await changes.offers(self.stack, old.type, **{**play.criteria, "dates": dates})
        requested = TripChanges(swap=[Swap(component_id=old.component_id, component=new)])
        accepted = request.amount + new.price  # while nobody can say what it costs: enough
        try:
            priced = await changes.ask(self.stack, request.booking_id, requested)
            accepted = priced.quote.new_total if priced.quote else accepted
        except WorkflowFailureError:
            pass  # the booking is not written down yet
        change = changes.request(request.booking_id, requested, accepted)
        outcome.requests.append(change.change_id)
        return (await changes.put(self.stack, change, LONGEST)).problem

    async def _ended(self, request_id: str) -> bool:
        async with self.stack.sessions() as session:
            return await load_ended_request(session, request_id) is not None

    async def _open_case(self, booking_id: str) -> tuple[Booking, OpenCase] | None:
        """The first case that an operator must decide, with its booking."""
        async with self.stack.sessions() as session:
            booking = await load_booking(session, booking_id)  # None: not written down yet
        cases = unsettled(booking) if booking else []
        return (booking, cases[0]) if booking and cases else None

    async def _decide(self, booking: Booking, case: OpenCase, outcome: Outcome) -> None:
        """Do what an operator does: look in the back office, then retry or call it settled."""
        await asyncio.sleep(PATIENCE_OF_OPERATORS)
        assert case.id is not None
        decision = Resolution(case_id=case.id, decision="retry", note="it is there")
        if case.item is not None:
            item = booking.item(case.item)
            rows = await self.stack.sandbox.reservations(booking.id)
            live = [r["id"] for r in rows if r["live"] and r["reference"] == item.reference]
            if not live:
                decision.decision, decision.note = "resolved", "not in the back office"
            elif item.supplier == "amadeus":  # which cannot find it by itself
                decision.supplier_id = live[0]
        sent = await self.stack.send(RequestKind.RESOLVE, booking.id, decision)
        outcome.requests.append(sent.id)
        outcome.decided += 1
        await self.stack.ended(sent, LONGEST)

    async def _count(self, armed: list[str]) -> None:
        """Note which faults happened, and take them away."""
        rows = (await self.stack.sandbox.http.get("/_sandbox/faults")).json()
        ids = set(armed)
        for row in rows:
            if row["id"] in ids:
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


def _not_so(booking: Booking, what: str, component_id: str) -> list[str]:
    """Compare what was answered as carried out with the booking as it ended."""
    if what == "cancel all" and booking.state is not BookingState.CANCELLED:
        return [f"cancelled as a whole, and {booking.state}"]
    live = {item.component_id for item in booking.live_items}
    if what in ("cancel one", "swap") and component_id in live:
        return [f"{what} of {component_id} carried out, and it is live"]
    return []
