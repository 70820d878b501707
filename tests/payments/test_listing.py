"""Payments by the time of their making, for the reconciliation: all of them, once, in order."""

import asyncio
import datetime as dt
from itertools import pairwise

import httpx
import pytest

from models.core.errors import InvalidRequest, Retryable
from payments.core.protocol import PaymentState
from tests.payments.conftest import Till
from tests.payments.test_answers import INTENT, answering

HOUR = dt.timedelta(hours=1)


async def test_payments_of_a_time_and_no_others(till: Till) -> None:
    made = await till.captured(7_000)
    now = dt.datetime.now(dt.UTC)
    mine = [p for p in await till.gateway.payments(now - HOUR, now + HOUR) if p.id == made.id]
    assert mine == [await till.gateway.retrieve(made.id)]
    assert (mine[0].booking_id, mine[0].captured) == (till.booking, 7_000)
    assert made.id not in {p.id for p in await till.gateway.payments(now + HOUR, now + 2 * HOUR)}
    assert made.id not in {p.id for p in await till.gateway.payments(now - HOUR, now - HOUR / 60)}
    assert await till.gateway.payments(now, now) == []


async def test_neighbouring_times_share_nothing_and_leave_nothing_out(till: Till) -> None:
    begin = dt.datetime.now(dt.UTC)
    made = []
    for hold in range(1, 8):
        made.append((await till.create(hold=hold)).id)
        await asyncio.sleep(0.2)
    end = dt.datetime.now(dt.UTC)
    edges = [begin - dt.timedelta(seconds=1), *(begin + (end - begin) * n / 5 for n in range(1, 5))]
    edges.append(end + dt.timedelta(seconds=1))
    found = [
        payment.id
        for since, until in pairwise(edges)
        for payment in await till.gateway.payments(since, until)
        if payment.booking_id == till.booking
    ]
    assert found == made


async def test_more_than_one_page(till: Till) -> None:
    since = dt.datetime.now(dt.UTC).replace(microsecond=0)
    async with httpx.AsyncClient(headers={"Authorization": "Bearer sk_test_bulk"}) as client:
        data = {"amount": "500", "currency": "usd", "metadata[booking_id]": till.booking}
        url = f"{till.sandbox.url}/stripe/v1/payment_intents"
        made = [(await client.post(url, data=data)).json()["id"] for _ in range(205)]
    found = await till.gateway.payments(since, since + HOUR)
    assert [p.id for p in found if p.booking_id == till.booking] == made
    assert {p.state for p in found if p.id in made} == {PaymentState.UNCONFIRMED}


STRANGE = INTENT | {"id": "pi_strange", "status": "brand_new", "metadata": {}}


async def test_payments_that_are_not_ours_may_be_strange() -> None:
    """What else the account sells must not stop the comparison of our payments."""
    now = dt.datetime.now(dt.UTC)
    page = {"object": "list", "data": [STRANGE, INTENT], "has_more": False}
    async with answering(page) as gateway:
        assert [p.id for p in await gateway.payments(now, now)] == ["pi_1"]
    own = STRANGE | {"metadata": {"booking_id": "b-1"}}
    async with answering(page | {"data": [own]}) as gateway:
        with pytest.raises(Retryable):
            await gateway.payments(now, now)


async def test_a_list_that_does_not_go_on_is_no_answer() -> None:
    page = {"object": "list", "data": [INTENT], "has_more": True}
    now = dt.datetime.now(dt.UTC)
    async with answering(page) as gateway:
        async with asyncio.timeout(5):
            with pytest.raises(Retryable):
                await gateway.payments(now, now)


async def test_where_there_is_no_search_the_list_tells(till: Till) -> None:
    """Stripe has no Search API in some countries: it answers an error, which is no "none"."""
    before = dt.datetime.now(dt.UTC)
    held = await till.authorised()
    await till.arm("retrieve", "refuse")
    with pytest.raises(InvalidRequest):
        await till.gateway.find(till.booking)
    await till.arm("retrieve", "refuse")
    found = await till.gateway.find(till.booking, since=before)
    assert found is not None
    assert (found.id, found.state) == (held.id, held.state)
