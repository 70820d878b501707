"""Charging under every interleaving: workers repeat and die anywhere, an undo comes between.

The activities, the attempt log and the database are real; the gateway is in memory and loses
answers, stores errors and commits late. What must hold is checked after every single step.
"""

from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any

import pytest

from activities.payments import charging
from models.bookings.lifecycle import PaymentStatus
from payments.core.protocol import PaymentState
from tests.payments.money_play import MoneyPlay
from tests.support.interleaving import Dice, Record
from tests.support.selection import table

ASKED, TAKEN = 10_000, 7_000
"""What is to be held, and what of it is confirmed and captured."""
FEW, MANY = 12, 200
"""So many orders of steps are tried: in every run, and at night."""
OVER = {PaymentStatus.RELEASED, PaymentStatus.REFUNDED}


class ChargingPlay(MoneyPlay):
    """A payment that is made, and perhaps given back while somebody is still at it."""

    often: Mapping[str, int] = MappingProxyType({"undo": 1})
    undoing = undone = False
    """Whether it is to be given back, and whether somebody has been told that it was."""

    def begins(self) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
        return {"forward": self.forward, "undo": self.undo}

    async def calm(self) -> None:
        await self.actors.begin("forward", self.forward).finish()
        if self.undoing:
            await self.actors.begin("undo", self.undo).finish()

    async def forward(self) -> None:
        """Have the money held and taken; whoever comes after an undo must be told so."""
        held = await self.ask(self.activities.authorise_payment, "confirm", amount=ASKED)
        if held is not None and held.refused is None:
            await self.ask(self.activities.capture_payment, "capture", amount=TAKEN)

    async def undo(self) -> None:
        self.undoing = True
        outcome = await self.ask(self.activities.return_payment, "return")
        if outcome is not None and outcome.refused is None:
            assert outcome.payment is None or outcome.payment.status in OVER, self.told
            self.undone = True

    async def check(self) -> None:
        effects = Counter(self.gateway.effects)
        assert all(count == 1 for count in effects.values()), self.told
        kinds = Counter(effect for effect, _ in self.gateway.effects)
        assert kinds["created"] <= 1, ("made twice", self.told)
        assert kinds["authorised"] <= 1, ("held twice", self.told)
        assert kinds["captured"] <= 1, ("taken twice", self.told)
        for payment in self.payments:
            assert payment.captured in (0, TAKEN), self.told
            if self.undone:
                assert payment.state is not PaymentState.AUTHORISED, ("still held", self.told)
                assert payment.captured == payment.refunded, ("still taken", self.told)

    async def judge(self) -> None:
        if self.undoing:
            assert self.undone, ("never given back", self.told)
        else:
            assert [p.captured for p in self.payments] == [TAKEN], ("never taken", self.told)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause between two tries with one card is of no interest here."""
    monkeypatch.setattr(charging, "PAUSE_SECONDS", 0)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("plays", table([FEW, MANY], quick=[FEW]))
def test_money_is_taken_once_and_an_undo_has_the_last_word(record: Record, plays: int) -> None:
    for seed in range(plays):
        record.run(ChargingPlay(record, Dice.of(seed, choices=80)).perform())
