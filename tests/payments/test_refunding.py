"""Refunding under every interleaving: workers repeat and die anywhere, several at the same refund.

The activities, the refund rows, the attempt log and the database are real; the gateway is in memory
and loses answers, stores errors and commits late. What must hold is checked after every step.
"""

from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from models.core.money import Money
from payments.core.protocol import Payment
from tests.payments.money_play import MoneyPlay
from tests.support.interleaving import Dice, Record
from tests.support.selection import table

TAKEN, PART = 10_000, 2_000
"""What was captured, and what each request gives back of it: always the same amount."""


FEW, MANY = 6, 150
"""So many orders of steps are tried of each kind: in every run, and at night."""


class RefundPlay(MoneyPlay):
    """Requests for equal refunds, one after the other, and at last perhaps one that withdraws.

    ``keeps`` are what each request leaves at the gateway; one that leaves everything says that the
    traveller has been paid otherwise, and nothing more may go back.
    """

    def __init__(self, record: Record, dice: Dice, keeps: list[int], *, elsewhere: bool) -> None:
        super().__init__(record, dice)
        self.keeps = keeps
        self.elsewhere = elsewhere
        """Whether somebody may refund in the dashboard, between two requests."""
        self.done = 0
        self.round = 1
        self.floor = TAKEN
        """So much must still be left at the gateway."""

    async def begin(self) -> None:
        calm, self.gateway.dice = self.gateway.dice, Dice()
        await self.surely(self.activities.authorise_payment, "confirm", amount=TAKEN)
        await self.surely(self.activities.capture_payment, "capture", amount=TAKEN)
        self.gateway.dice = calm

    @property
    def payment(self) -> Payment:
        (payment,) = self.payments
        return payment

    @property
    def left(self) -> int:
        return self.payment.captured - self.payment.refunded

    def begins(self) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
        begins: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {}
        quiet = not self.actors.alive and not self.gateway.late
        if self.done < len(self.keeps):
            withdraws = self.keeps[self.done] == TAKEN
            # A person is asked only when whoever was at it has long been given up.
            if quiet or not withdraws:
                begins["refund"] = self.refund
            if self.round < 3:
                begins["again"] = self.again
        if self.elsewhere and quiet and self.left > PART:
            begins["somebody"] = self.somebody
        return begins

    async def calm(self) -> None:
        if self.done < len(self.keeps):
            await self.actors.begin("refund", self.refund).finish()

    async def refund(self) -> None:
        """Ask for what is due now."""
        if self.done == len(self.keeps):
            return
        number, keep = self.done, self.keeps[self.done]
        key = f"refund-request-{number}-{self.round}"
        self.floor = min(self.floor, keep)
        outcome = await self.ask(self.activities.refund_payment, key, keep=keep)
        if outcome is None or number != self.done:
            return
        assert outcome.refused is None, (outcome.refused, self.told)
        assert self.left <= keep, ("too little was given back", self.told)
        self.done += 1
        self.floor = self.left  # of this request nothing more may go back

    async def again(self) -> None:
        """Ask for the same under a new key, as after an operator's decision."""
        self.round += 1

    async def somebody(self) -> None:
        """Refund in the dashboard, while nobody else is at it; who comes next must count it."""
        if len(self.actors.alive) > 1 or await self.open_rows():
            return
        self.gateway.give_back(self.payment.id, Money(amount=PART // 2, currency="USD"))
        self.floor = min(self.floor, self.left)

    async def open_rows(self) -> list[Any]:
        return await self.record.rows(
            "SELECT key FROM refunds WHERE booking_id = :id AND status = 'requested'",
            id=self.booking_id,
        )

    async def check(self) -> None:
        references = Counter(r.reference for r in self.gateway.given_back if r.reference)
        assert all(count == 1 for count in references.values()), ("refunded twice", self.told)
        assert self.left >= self.floor, (f"{self.left} is left, not {self.floor}", self.told)

    async def judge(self) -> None:
        assert self.done == len(self.keeps), ("never given back", self.told)
        rows = await self.record.rows(
            "SELECT key, status, amount FROM refunds WHERE booking_id = :id", id=self.booking_id
        )
        made = {r.reference: r.amount.amount for r in self.gateway.given_back if r.reference}
        assert {r.key: r.amount for r in rows if r.status == "succeeded"} == made, (rows, self.told)
        assert {r.status for r in rows} <= {"succeeded", "refused"}, rows
        if not self.elsewhere and TAKEN not in self.keeps:
            assert list(made.values()) == [PART] * len(self.keeps), ("told apart", rows, self.told)


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("withdrawn", [False, True])
@pytest.mark.timeout(600)
@pytest.mark.parametrize("plays", table([FEW, MANY], quick=[FEW]))
def test_each_refund_is_made_once_and_no_more_than_is_due(
    record: Record, plays: int, withdrawn: bool, elsewhere: bool
) -> None:
    for seed in range(plays):
        keeps = [TAKEN - PART * count for count in range(1, seed % 4 + 2)]
        if withdrawn:
            keeps.append(TAKEN)
        dice = Dice.of(seed, choices=80)
        record.run(RefundPlay(record, dice, keeps, elsewhere=elsewhere).perform())
