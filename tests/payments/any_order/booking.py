"""One booking on the stage: what people ask of it over HTTP, and what is known of it."""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from models.bookings.lifecycle import SETTLED_STATES
from models.bookings.messages import UNSETTLED_CASE
from models.core.keys import booking_id
from models.core.money import smallest_charge
from tests.payments.any_order.outside import Charge
from tests.payments.any_order.plays import Play
from tests.payments.any_order.postman import Round
from tests.payments.any_order.stage import Stage, Tally

PATIENCE_SECONDS = 90.0
"""How long anything may take on a busy machine before it counts as stuck."""


class LiveBooking:
    """A booking whose life is being played."""

    def __init__(self, stage: Stage, tally: Tally, play: Play, *, seed: int) -> None:
        self.stage, self.tally, self.play = stage, tally, play
        self.key = f"money-{uuid.uuid4().hex}"
        self.id = booking_id(stage.planner_id, self.key)
        self.round = Round(stage.postman, self.id, random.Random(seed))
        self.payment = ""
        """At the gateway; empty until there is one."""
        self.total = 0
        self.strays: list[str] = []
        """Payments under its id that the system never asked for."""
        self.refund_requests = 0
        """How often goodwill was asked for, repeats of a request not counted."""
        self.log: list[str] = []
        """What happened, for whoever has to find out why."""

    # -- what is known --------------------------------------------------------------------

    async def state(self) -> str:
        """As recorded."""
        found = await self.stage.row("SELECT state FROM bookings WHERE id = %s", self.id)
        return str(found["state"])

    async def live_items(self) -> list[dict[str, Any]]:
        return await self.stage.rows(
            "SELECT number, component_ref, amount FROM booking_items WHERE booking_id = %s"
            " AND status = 'CONFIRMED' ORDER BY number",
            self.id,
        )

    async def charge(self) -> Charge:
        """Its own payment, as the gateway has it."""
        return await self.stage.outside.charge(self.payment)

    def tenths(self, tenths: int, whole: int) -> int:
        """Return a part that can be charged to a card, rounded down (minor units)."""
        part = whole * tenths // 10
        return part - part % smallest_charge(self.play.currency)

    # -- what people ask ------------------------------------------------------------------

    async def ask(
        self, who: httpx.AsyncClient, path: str, body: dict[str, Any], key: str = ""
    ) -> httpx.Response | None:
        """Ask our API; None when it says no for a reason. It may not fail.

        A server that is busy (503) is asked again, as callers are told to.
        """
        headers = {"Prefer": "wait=60", **({"Idempotency-Key": key} if key else {})}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                answer = await who.post(path, json=body, headers=headers)
                if answer.status_code != 503:
                    break
                self.log.append(f"{path}: 503")
                await asyncio.sleep(0.5)
        assert answer.status_code in {200, 202, 409}, answer.text
        if answer.status_code != 409:
            return answer
        self.log.append(f"{path}: {answer.json()['code']}")
        return None

    async def cancel(self, components: list[str]) -> bool:
        """The traveller cancels some components, or (none named) the trip."""
        payload = {"bookingId": self.id, "components": components, "reason": "ill"}
        return await self.ask(self.stage.planner, "/booking/cancel", payload) is not None

    async def decide(self, decision: str) -> bool:
        """An operator decides its oldest case; false when there was none to decide (any more)."""
        cases = await self.unsettled()
        if not cases:
            return False
        paid = decision == "resolved"
        body = {"caseId": cases[0], "decision": decision, "paidByHand": paid, "note": "settled"}
        answer = await self.ask(self.stage.operator, f"/booking/{self.id}/resolve", body)
        if answer is None:
            return False
        self.log.append(f"{decision}: {answer.json()['state']}")
        self.tally.decisions += 1
        return True

    async def unsettled(self) -> list[int]:
        """Return its open cases that an operator can decide, oldest first."""
        rows = await self.stage.rows(
            "SELECT id FROM cases WHERE booking_id = %s AND kind = %s AND resolved_at IS NULL"
            " ORDER BY id",
            *(self.id, UNSETTLED_CASE),
        )
        return [row["id"] for row in rows]

    # -- waiting --------------------------------------------------------------------------

    async def settle(self, *, decide: bool = True) -> bool:
        """Wait until nothing is under way; an operator settles by hand what waits for one.

        Without ``decide`` the cases of a booking are left open. Tells whether anything was decided.
        """
        decided = False

        async def settled() -> bool:
            nonlocal decided
            waiting = await self._waiting_events()
            running = await self.stage.is_running(self.id)
            if running or await self.state() not in SETTLED_STATES:
                return False
            if not await self.unsettled():
                return not waiting
            if decide:
                decided = await self.decide("resolved") or decided
            return not decide

        await self.until(settled, "everything to be settled")
        return decided

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait for something."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not await condition():
                    await asyncio.sleep(0.3)
        except TimeoutError:
            events = await self._waiting_events()
            raise AssertionError(
                f"waited for {what} in vain; {self.id} is {await self.state()},"
                f" waiting events: {[(e['type'], e['outcome'], e['last_error']) for e in events]}"
            ) from None

    async def _waiting_events(self) -> list[dict[str, Any]]:
        """Return the delivered events that are still to be handled, and let their time come.

        What was put off would wait for seconds or minutes, in which nothing else happens here.
        """
        delivered = list(self.round.deliveries)
        await self.stage.rows(
            "UPDATE webhook_events SET due_at = now() WHERE event_id = ANY(%s)"
            " AND status = 'received' AND attempts = 0 AND due_at > now()",
            delivered,
        )
        return await self.stage.rows(
            "SELECT type, outcome, last_error FROM webhook_events WHERE event_id = ANY(%s)"
            " AND status = 'received'",
            delivered,
        )
