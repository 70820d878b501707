"""Watching a booking that waits for its traveller: with another card it goes on, told once."""

from typing import Any

import pytest

from commands.bookings import _ask_traveler
from commands.trips import Step, TripClient
from tests.api.conftest import key as key
from tests.api.conftest import whole as whole
from tests.api.server import Served
from tests.support.stack import Stack


async def test_watching_goes_on_with_another_card(whole: Served, stack: Stack, key: str) -> None:
    steps: list[Step] = []
    waited: list[dict[str, Any]] = []

    async def another_card(answer: dict[str, Any]) -> str | None:
        waited.append(answer)
        return "pm_card_visa"

    async with TripClient(whole.url, key, stack.sandbox.url) as client:
        account = await client.book(
            await client.generate(),
            card="pm_card_chargeDeclined",
            on_step=steps.append,
            on_wait=another_card,
        )
    assert account.confirmed
    assert [answer["state"] for answer in waited] == ["PAYMENT_PENDING"]
    assert "error" in waited[0]
    assert len({(step.step, step.status, step.message, step.seconds) for step in steps}) == len(
        steps
    )
    states = [step.status for step in steps if step.step == "booking"]
    assert states[:2] == ["PENDING", "VALIDATING"]
    assert states.count("PAYMENT_PENDING") == 1
    assert states[-1] == "CONFIRMED"


async def test_watching_goes_on_once_the_bank_has_approved(
    whole: Served, stack: Stack, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is asked for a card; the link to approve at is shown."""
    said: list[str | None] = []

    async def approved(answer: dict[str, Any]) -> str | None:
        said.append(await _ask_traveler(answer))
        intent = answer["payment"]["paymentIntentId"]
        at = f"/stripe/_authenticate/{intent}"
        assert at in capsys.readouterr().out.replace("\n", "")
        outcome = await stack.sandbox.http.post(at, params={"outcome": "succeed"})
        assert outcome.is_success, outcome.text
        return said[-1]

    async with TripClient(whole.url, key, stack.sandbox.url) as client:
        account = await client.book(
            await client.generate(), card="pm_card_threeDSecure2Required", on_wait=approved
        )
    assert said == [""]
    assert account.confirmed
