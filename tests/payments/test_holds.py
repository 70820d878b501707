"""Payments of one booking: told apart by their hold, another card, ends without a call by us."""

import asyncio
import datetime as dt

import httpx
import pytest

from models.core.errors import Declined
from payments.core.declines import explain
from payments.core.protocol import Payment, PaymentState
from tests.payments.conftest import Till, usd


async def test_each_hold_is_found_by_its_count(till: Till) -> None:
    first = await till.create()
    second = await till.create(hold=2)
    assert first.booking_id == second.booking_id == till.booking
    assert (await till.gateway.find(till.booking)) == first
    assert (await till.gateway.find(till.booking, hold=2)) == second
    assert (await till.gateway.find(till.booking, hold=3)) is None


async def test_what_was_made_before_holds_were_counted_is_the_first(till: Till) -> None:
    async with httpx.AsyncClient(headers={"Authorization": "Bearer sk_test_before"}) as client:
        made = await client.post(
            f"{till.sandbox.url}/stripe/v1/payment_intents",
            data={"amount": "500", "currency": "usd", "metadata[booking_id]": till.booking},
        )
    found = await till.gateway.find(till.booking)
    assert found is not None
    assert found.id == made.json()["id"]
    assert await till.gateway.find(till.booking, hold=2) is None


async def test_another_card_after_a_decline(till: Till) -> None:
    payment = await till.create()
    with pytest.raises(Declined) as refused:
        await till.confirm(payment.id, "pm_card_visa_chargeDeclinedInsufficientFunds")
    assert explain(refused.value.code).code == "insufficient_funds"
    held = await till.confirm(payment.id, "pm_card_mastercard", attempt=2)
    assert (held.id, held.state) == (payment.id, PaymentState.AUTHORISED)
    assert held.decline_code is None
    assert await till.effects() == ["created", "authorised"]


async def test_another_card_in_place_of_one_that_waits_for_the_traveller(till: Till) -> None:
    payment = await till.authorised("pm_card_threeDSecure2Required")
    assert payment.state is PaymentState.ACTION_REQUIRED
    held = await till.confirm(payment.id, "pm_card_visa", attempt=2)
    assert held.state is PaymentState.AUTHORISED
    assert held.next_action is None


async def test_a_traveller_who_fails_to_authenticate(till: Till) -> None:
    payment = await till.authorised("pm_card_authenticationRequired")
    assert payment.next_action is not None
    async with httpx.AsyncClient() as traveller:
        url = payment.next_action["redirect_to_url"]["url"]
        await traveller.post(url, params={"outcome": "fail"})
    read = await till.gateway.retrieve(payment.id)
    assert read.state is PaymentState.UNCONFIRMED
    assert explain(read.decline_code).code == "authentication_required"


async def ended(till: Till, payment: Payment) -> Payment:
    async with asyncio.timeout(10):
        while (now := await till.gateway.retrieve(payment.id)).state is PaymentState.AUTHORISED:
            await asyncio.sleep(0.1)
    return now


async def test_a_hold_that_lapses(till: Till) -> None:
    await till.arm("confirm", "short_hold", seconds=1)
    held = await till.authorised()
    assert held.capture_before is not None
    assert held.capture_before - dt.datetime.now(dt.UTC) < dt.timedelta(seconds=2.1)
    assert (await ended(till, held)).state is PaymentState.RELEASED
    with pytest.raises(Declined) as refused:
        await till.gateway.capture(held.id, amount=usd(100), key=till.key("capture"))
    assert refused.value.code == "authorisation_expired"
    anew = await till.create(hold=2)
    assert (await till.confirm(anew.id, attempt=2)).state is PaymentState.AUTHORISED


async def test_a_payment_cancelled_from_stripes_side(till: Till) -> None:
    held = await till.authorised()
    await till.sandbox.http.post(f"/_sandbox/stripe/payment_intents/{held.id}/cancel")
    assert (await till.gateway.retrieve(held.id)).state is PaymentState.RELEASED
    for call in (
        till.confirm(held.id, attempt=2),
        till.gateway.capture(held.id, amount=usd(100), key=till.key("capture")),
    ):
        with pytest.raises(Declined) as refused:
            await call
        assert refused.value.code == "authorisation_expired"
    again = await till.gateway.cancel(held.id, key=till.key("cancel"))
    assert again.state is PaymentState.RELEASED
