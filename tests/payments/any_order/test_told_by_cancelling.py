"""What a cancellation is the first to learn about the money, before any event told of it."""

import asyncio

import pytest

from tests.payments.any_order.booking import LiveBooking
from tests.payments.any_order.judging import judge
from tests.payments.any_order.player import Manner, Player
from tests.payments.any_order.plays import Kind, Opening, Operation, Play
from tests.payments.any_order.stage import Stage, Tally

STRAYS = [Kind.STRAY_HELD, Kind.STRAY_TAKEN]


@pytest.mark.parametrize(
    "kinds",
    [
        pytest.param([Kind.LOST, Kind.CANCEL_ITEM, *STRAYS], id="lost"),
        pytest.param([Kind.CANCEL_ITEM, *STRAYS], id="open"),
    ],
)
def test_payments_nobody_asked_for_go_back_though_a_dispute_took_the_price(
    stage: Stage, runner: asyncio.Runner, kinds: list[Kind]
) -> None:
    """No event is delivered before all is over, so the cancellation records the dispute."""
    operations = tuple(Operation(kind, tenths=5, which=0) for kind in kinds)
    play = Play(Opening.DISPUTED, "USD", fee_tenths=3, operations=operations, seed=1)
    booking = LiveBooking(stage, Tally(), play, seed=play.seed)

    async def live() -> None:
        await Player(booking, Manner.LATE).perform()
        end = await judge(booking)
        taken = booking.tenths(5, booking.total)
        assert end["strays"] == [("canceled", 0, 0), ("succeeded", taken, taken)]
        assert end["cases"] == (Kind.LOST not in kinds)

    runner.run(live())
    assert set(booking.tally.done) == set(kinds)
