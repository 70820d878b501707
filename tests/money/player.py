"""Plays one life of a booking on the stage, over HTTP and at the gateway, as people would."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from enum import Enum, auto
from typing import Any, ClassVar

import httpx
from psycopg.types.json import Jsonb

from models.keys import booking_id
from models.lifecycle import SETTLED_STATES
from models.money import smallest_charge
from tests.api.conftest import body
from tests.money.outside import Charge
from tests.money.plays import Kind, Opening, Operation, Play
from tests.money.postman import Round
from tests.money.stage import Stage, Tally

PATIENCE_SECONDS = 90.0
"""How long anything may take on a busy machine before it counts as stuck."""

DECLINED = "pm_card_visa_chargeDeclined"
CARDS = {
    Opening.OTHER_CARD: DECLINED,
    Opening.GIVEN_UP: DECLINED,
    Opening.SECURE: "pm_card_threeDSecure2Required",
    Opening.SECURE_FAILS: "pm_card_threeDSecure2Required",
    Opening.DECLINED: "pm_card_visa_chargeDeclinedStolenCard",
    Opening.DISPUTED: "pm_card_createDispute",
    Opening.SLOW_REFUNDS: "pm_card_pendingRefund",
    Opening.RETURNS_REFUNDS: "pm_card_refundFail",
}
ENDS = {Opening.DECLINED: "FAILED", Opening.GIVEN_UP: "CANCELLED"}
"""How openings end; all others are confirmed."""

BY_WHAT_IS_KNOWN = frozenset(
    {Kind.CANCEL_ITEM, Kind.CANCEL_TRIP, Kind.GOODWILL, Kind.DECIDE, Kind.STRAY_SENT_BACK}
)
"""What people at the house decide, or follows what it did, by what it knew at that moment."""


class Manner(Enum):
    """How events find their way meanwhile."""

    PROMPT = auto()
    """After every operation, all of them."""
    RANDOM = auto()
    """Some, now and then, at any moment."""
    LATE = auto()
    """None, before they must."""


class Player:
    """One booking and its life."""

    def __init__(
        self,
        stage: Stage,
        tally: Tally,
        play: Play,
        *,
        seed: int,
        manner: Manner = Manner.RANDOM,
        informed: bool = False,
    ) -> None:
        self._stage, self._tally, self.play = stage, tally, play
        self._manner = manner
        self._informed = informed
        """Whether people decide only when everything that has happened was delivered."""
        self._key = f"money-{random.Random().getrandbits(64):x}"
        self.booking_id = booking_id(stage.planner_id, self._key)
        self.round = Round(stage.postman, self.booking_id, random.Random(seed))
        self.payment = ""
        self.total = 0
        self.strays: list[str] = []
        self.log: list[str] = []
        """What happened, for whoever has to find out why."""

    # -- the story ------------------------------------------------------------------------

    async def perform(self) -> None:
        """Play the whole life, then deliver everything, settle it, and deliver it once more."""
        self._tally.bookings += 1
        async with self._postman_walks():
            await self._open()
            for operation in self.play.operations:
                await self._operate(operation)
        await self._come_to_rest()
        await self.round.everything()
        await self.settle()

    def _postman_walks(self) -> AbstractAsyncContextManager[None]:
        return self.round.meanwhile() if self._manner is Manner.RANDOM else nullcontext()

    async def _operate(self, operation: Operation) -> None:
        if self._informed and operation.kind in BY_WHAT_IS_KNOWN:
            await self._come_to_rest()
        did = await self._acts[operation.kind](self, operation)
        (self._tally.done if did else self._tally.refused)[operation.kind] += 1
        self.log.append(f"{operation}: {'done' if did else 'not possible'}")
        if self._manner is Manner.PROMPT:
            await self.round.new()
            await self.settle(decide=False)

    async def _come_to_rest(self) -> None:
        """Have every event delivered and settled, until nothing new comes of that.

        A decision may refund once more, and the bank may think twice about that as well.
        """
        while True:
            await self._until(self._bank_is_done, "the bank")
            new = await self.round.new()
            if not await self.settle() and not new:
                return

    async def _bank_is_done(self) -> bool:
        pending = {Opening.SLOW_REFUNDS: "pending", Opening.RETURNS_REFUNDS: "succeeded"}
        refunds = (await self.charge()).refunds
        return all(one["status"] != pending.get(self.play.opening) for one in refunds)

    # -- opening --------------------------------------------------------------------------

    async def _open(self) -> None:
        """Book, whatever it takes."""
        opening = self.play.opening
        self._tally.openings[opening] += 1
        trip = await self._stage.stack.sandbox.trip(currency=self.play.currency)
        self.total = trip["totalPrice"]
        if opening is Opening.ACTIVITY_REFUSED:
            # A trip without activities is booked whole.
            await self._stage.stack.sandbox.arm(
                "viator", "book", "refuse", reference=self.booking_id
            )
        card = CARDS.get(opening, "pm_card_visa")
        answer = await self._stage.planner.post(
            "/booking/book",
            json=body(trip, method=card),
            headers={"Idempotency-Key": self._key, "Prefer": "wait=60"},
        )
        assert answer.status_code in {200, 202}, answer.text
        assert answer.json()["bookingId"] == self.booking_id
        await self._until(self._has_payment, "the payment")
        await self._convince(opening)
        await self._until(self._has_ended, "the end of the booking")
        state = await self.state()
        # The holder's dispute may have been noticed by now, but it is no business of the trip's.
        assert state == ENDS.get(opening, "CONFIRMED"), (opening, state)
        await self._set_fees()
        self.log.append(f"{opening}: {self.booking_id} {self.payment} is {state}")

    async def _convince(self, opening: Opening) -> None:
        """Do what the traveller has to do until the card is accepted, or is given up."""
        if opening in {Opening.SECURE, Opening.SECURE_FAILS}:
            outcome = "succeed" if opening is Opening.SECURE else "fail"
            await self._stage.outside.authenticate(self.payment, outcome)
        if opening in {Opening.OTHER_CARD, Opening.SECURE_FAILS}:
            await self._until(self._sends_card, "another card being wanted")
        if opening is Opening.GIVEN_UP:
            assert await self._cancel([])

    async def _sends_card(self) -> bool:
        answer = await self._stage.planner.post(
            f"/booking/{self.booking_id}/payment-method",
            json={"paymentMethodId": "pm_card_mastercard"},
        )
        assert answer.status_code in {200, 202, 409}, answer.text
        return answer.status_code != 409

    async def _has_payment(self) -> bool:
        found = await self._stage.row(
            "SELECT payment_intent_id FROM payments WHERE booking_id = %s", self.booking_id
        )
        self.payment = found["payment_intent_id"] or ""
        return bool(self.payment)

    async def _has_ended(self) -> bool:
        return await self.state() in SETTLED_STATES

    async def _set_fees(self) -> None:
        """Have the stored terms keep a part of every item."""
        for item in await self._items():
            fee = self._chargeable(item["amount"] * self.play.fee_tenths // 10)
            steps = Jsonb([{"until": None, "fee": fee}])
            await self._stage.rows(
                "UPDATE booking_items SET quote = jsonb_set(CASE"
                " WHEN quote->'converted'->'terms' IS NULL THEN quote"
                " ELSE jsonb_set(quote, '{converted,terms,steps}', %s) END, '{terms,steps}', %s)"
                " WHERE booking_id = %s AND number = %s",
                steps,
                steps,
                self.booking_id,
                item["number"],
            )

    # -- operations: each tells whether it was possible -----------------------------------

    async def _cancel_item(self, operation: Operation) -> bool:
        live = await self._items()
        if not live:
            return False
        return await self._cancel([live[operation.which % len(live)]["component_ref"]])

    async def _cancel_trip(self, operation: Operation) -> bool:
        return bool(await self._items()) and await self._cancel([])

    async def _cancel(self, components: list[str]) -> bool:
        answer = await self._stage.planner.post(
            "/booking/cancel",
            json={"bookingId": self.booking_id, "components": components, "reason": "ill"},
            headers={"Prefer": "wait=60"},
        )
        return self._possible(answer)

    async def _goodwill(self, operation: Operation) -> bool:
        payment = await self._stage.row(
            "SELECT captured - refunded - paid_by_hand AS left FROM payments WHERE booking_id = %s",
            self.booking_id,
        )
        amount = self._chargeable(payment["left"] * operation.tenths // 10)
        if amount <= 0:
            return False
        wish = {"amount": amount, "currency": self.play.currency, "reason": "sorry"}
        key = f"{self._key}-{len(self.log)}"
        for _ in range(1 + operation.which % 2):  # the same wish may come twice
            answer = await self._stage.operator.post(
                f"/booking/{self.booking_id}/refund",
                json=wish,
                headers={"Idempotency-Key": key, "Prefer": "wait=60"},
            )
            if not self._possible(answer):
                return False
        return True

    async def _refund(self, operation: Operation) -> bool:
        amount = self._part((await self.charge()).left, operation)
        times = 2 if operation.kind is Kind.REFUND_TWICE else 1
        made = [await self._stage.outside.refund(self.payment, amount) for _ in range(times)]
        return any(made)

    async def _refund_rest(self, operation: Operation) -> bool:
        left = (await self.charge()).left
        return left > 0 and bool(await self._stage.outside.refund(self.payment, left))

    async def _send_back(self, operation: Operation) -> bool:
        refunds = (await self.charge()).refunds or [{}]
        chosen = refunds[operation.which % len(refunds)].get("id")
        if chosen is None:  # there is none yet
            amount = self._part((await self.charge()).left, operation)
            chosen = await self._stage.outside.refund(self.payment, amount)
        return chosen is not None and bool(await self._stage.outside.send_back(chosen))

    async def _dispute(self, operation: Operation) -> bool:
        left = (await self.charge()).left
        amount = left if operation.kind is Kind.DISPUTE_REST else self._part(left, operation)
        return amount > 0 and bool(await self._stage.outside.dispute(self.payment, amount))

    async def _close_dispute(self, operation: Operation) -> bool:
        disputes = (await self.charge()).disputes
        open_ = [one["id"] for one in disputes if one["status"] == "needs_response"]
        outcome = "won" if operation.kind is Kind.WON else "lost"
        if not open_:
            amount = self._part((await self.charge()).left, operation)
            open_ = [
                made for made in [await self._stage.outside.dispute(self.payment, amount)] if made
            ]
        if not open_:
            return False
        chosen = open_[operation.which % len(open_)]
        return bool(await self._stage.outside.decide(chosen, outcome))

    async def _stray(self, operation: Operation) -> bool:
        taken = operation.kind is Kind.STRAY_TAKEN
        amount = self._part(self.total, operation)
        self.strays.append(
            await self._stage.outside.stray(
                self.booking_id, amount, self.play.currency, taken=taken
            )
        )
        return True

    async def _stray_sent_back(self, operation: Operation) -> bool:
        charges = [await self._stage.outside.charge(stray) for stray in self.strays]
        refunds = [refund["id"] for charge in charges for refund in charge.refunds]
        if not refunds:
            return False
        chosen = refunds[operation.which % len(refunds)]
        return bool(await self._stage.outside.send_back(chosen))

    async def _decide(self, operation: Operation) -> bool:
        if await self.state() != "NEEDS_ATTENTION":
            return False
        return await self.decide("retry" if operation.which % 2 else "resolved")

    async def _look(self, operation: Operation) -> bool:
        self._tally.rounds += 1
        await self._stage.watch()
        return True

    _acts: ClassVar[dict[Kind, Callable[["Player", Operation], Awaitable[bool]]]] = {
        Kind.CANCEL_ITEM: _cancel_item,
        Kind.CANCEL_TRIP: _cancel_trip,
        Kind.GOODWILL: _goodwill,
        Kind.REFUND: _refund,
        Kind.REFUND_TWICE: _refund,
        Kind.REFUND_REST: _refund_rest,
        Kind.SEND_BACK: _send_back,
        Kind.DISPUTE: _dispute,
        Kind.DISPUTE_REST: _dispute,
        Kind.WON: _close_dispute,
        Kind.LOST: _close_dispute,
        Kind.STRAY_HELD: _stray,
        Kind.STRAY_TAKEN: _stray,
        Kind.STRAY_SENT_BACK: _stray_sent_back,
        Kind.DECIDE: _decide,
        Kind.LOOK: _look,
    }

    # -- settling -------------------------------------------------------------------------

    async def settle(self, *, decide: bool = True) -> bool:
        """Wait until nothing is under way; an operator settles by hand what waits for one.

        Without ``decide`` a booking that waits for an operator is left waiting. Tells whether
        anything was decided.
        """
        decided = False

        async def settled() -> bool:
            nonlocal decided
            waiting = await self._waiting()
            state = await self.state()
            if state == "NEEDS_ATTENTION":
                if not decide:
                    return True
                decided = await self.decide("resolved") or decided
                return False
            at_rest = not waiting and state in SETTLED_STATES
            return at_rest and not await self._stage.is_running(self.booking_id)

        await self._until(settled, "everything to be settled")
        return decided

    async def decide(self, decision: str) -> bool:
        """Have an operator decide; false when there was nothing to decide (any more)."""
        answer = await self._stage.operator.post(
            f"/booking/{self.booking_id}/resolve",
            json={"decision": decision, "paidByHand": decision == "resolved", "note": "settled"},
        )
        self.log.append(f"{decision}: {answer.status_code} {answer.json().get('state')}")
        self._tally.decisions += answer.is_success
        return self._possible(answer)

    async def _waiting(self) -> list[dict[str, Any]]:
        """Return the delivered events that are still to be handled, and let their time come.

        Those that wait for better times would do so for minutes; no time passes for others.
        """
        delivered = list(self.round.deliveries)
        await self._stage.rows(
            "UPDATE webhook_events SET due_at = now() WHERE event_id = ANY(%s)"
            " AND status = 'received' AND attempts = 0 AND due_at > now()",
            delivered,
        )
        return await self._stage.rows(
            "SELECT * FROM webhook_events WHERE event_id = ANY(%s) AND status = 'received'",
            delivered,
        )

    # -- small things ---------------------------------------------------------------------

    async def state(self) -> str:
        found = await self._stage.row("SELECT state FROM bookings WHERE id = %s", self.booking_id)
        return str(found["state"])

    async def charge(self) -> Charge:
        """The booking's own payment, as the gateway has it."""
        return await self._stage.outside.charge(self.payment)

    async def _items(self) -> list[dict[str, Any]]:
        return await self._stage.rows(
            "SELECT number, component_ref, amount FROM booking_items WHERE booking_id = %s"
            " AND status = 'CONFIRMED' ORDER BY number",
            self.booking_id,
        )

    def _part(self, whole: int, operation: Operation) -> int:
        return max(self._chargeable(whole * operation.tenths // 10), self._step)

    def _chargeable(self, amount: int) -> int:
        return amount - amount % self._step

    @property
    def _step(self) -> int:
        return smallest_charge(self.play.currency)

    def _possible(self, answer: httpx.Response) -> bool:
        """Whether the API did it. It may say no, with a reason; it may not fail."""
        assert answer.status_code in {200, 202, 409}, answer.text
        if answer.status_code == 409:
            self.log.append(f"refused: {answer.json()['code']}")
        return answer.status_code != 409

    async def _until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not await condition():
                    await asyncio.sleep(0.1)
        except TimeoutError:
            events = await self._waiting()
            raise AssertionError(
                f"waited for {what} in vain; {self.booking_id} is {await self.state()},"
                f" waiting events: {[(e['type'], e['outcome'], e['last_error']) for e in events]}"
            ) from None
