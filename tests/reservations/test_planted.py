"""What is planted turns the proofs of versions and orders red (R3, R4)."""

from collections.abc import Awaitable, Callable

import httpx
import pytest
from temporalio.client import Client

from models.bookings.lifecycle import BookingState
from models.inventory import hook
from tests.api.conftest import whole as whole
from tests.ledger.conftest import scratch as scratch
from tests.ledger.conftest import scratch_url as scratch_url
from tests.reservations import test_orders as orders
from tests.reservations.desk import Play
from tests.reservations.test_api import dinner as dinner
from tests.reservations.test_api import venue_key as venue_key
from tests.reservations.test_changing import test_of_many_changes_of_a_version_one_is_made as rivals
from tests.reservations.test_instants import (
    test_one_end_and_the_money_is_with_whom_it_belongs as one_end,
)
from tests.reservations.test_orders import play as play
from tests.support.selection import table
from tests.trips.conftest import temporal_client as temporal_client

Patch = pytest.MonkeyPatch
S = BookingState


async def test_r3_versions_that_nobody_looks_at_are_found(
    dinner: httpx.AsyncClient, monkeypatch: Patch
) -> None:
    monkeypatch.setattr("api.reservations.changing._expect_version", lambda *_: None)
    with pytest.raises(AssertionError):
        await rivals(dinner, rivals=5, moves=False)


Proof = Callable[[Play, int], Awaitable[None]]

PLANTED: dict[str, tuple[list[BookingState], Proof]] = {
    "a cancelled reservation keeps its place": (
        [S.CANCELLED],
        orders.test_cancel_check_in_sweep_and_changes_at_once,
    ),
    "money is taken for what is only held": (
        [S.PROCESSING, S.CONFIRMED],
        orders.test_approved_and_cancelled_at_the_instant_at_which_the_hold_ends,
    ),
    "what nobody paid for in time is held on": (
        [S.EXPIRED],
        orders.test_paid_and_cancelled_at_the_instant_at_which_the_hold_ends,
    ),
}
"""Which states claims do not follow any more, and the proof that finds it."""


@pytest.mark.parametrize("what", table(PLANTED, quick=["a cancelled reservation keeps its place"]))
async def test_r4_what_is_planted_is_found(play: Play, monkeypatch: Patch, what: str) -> None:
    states, proof = PLANTED[what]
    for state in states:
        monkeypatch.delitem(hook.FOLLOWS, state)

    async def prove() -> None:
        for seed in range(30):
            await proof(play, seed)

    with pytest.raises(AssertionError):
        await prove()


@pytest.mark.exhaustive
async def test_r4_money_that_is_not_given_back_is_found(
    temporal_client: Client, monkeypatch: Patch
) -> None:
    """By the workflows: whoever is too late for the place keeps the hold on the card."""

    async def kept(_: object) -> None: ...

    monkeypatch.setattr("workflows.payments.payment_steps.PaymentSteps._return", kept)
    with pytest.raises(AssertionError):
        await one_end(temporal_client, 0)
