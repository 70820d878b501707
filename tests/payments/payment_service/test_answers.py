"""Answers that are not as published, or not what was asked for."""

import asyncio
import datetime as dt
from typing import Any

import pytest

from models.core.errors import AuthConfig, Retryable, UnknownOutcome
from payments.core.protocol import PaymentState
from payments.payment_service import client as payment_service_client
from tests.payments.conftest import Till, usd
from tests.payments.payment_service.conftest import INTENT, error, intent
from tests.payments.payment_service.fronted import Front, Instead


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 10_001},
        {"currency": "EUR"},
        {"reference": "another"},
        {"reference": None},
        {"hold": 2},
    ],
)
async def test_another_intent_than_the_one_asked_for_is_not_paid(
    front: Front, till: Till, change: dict[str, Any]
) -> None:
    front.say("POST", "/intents", Instead(change=change))
    with pytest.raises(AuthConfig, match="another intent"):
        await till.create()


@pytest.mark.parametrize("change", [{"reference": "another"}, {"reference": None}, {"hold": 7}])
async def test_a_look_up_that_finds_others_is_not_believed(
    front: Front, till: Till, change: dict[str, Any]
) -> None:
    front.say("GET", "/intents", Instead(200, {"data": [{**intent(till), **change}]}))
    with pytest.raises(AuthConfig, match="does not look intents up"):
        await till.gateway.find(till.booking)


WRONG: list[dict[str, Any]] = [
    {"amount": "10000"},
    {"amount": -1},
    {"amount": True},
    {"currency": "usd"},
    {"currency": "XXZ"},
    {"status": "paid"},
    {"status": ...},
    {"id": 7},
    {"id": "../x"},
    {"id": "pay_another"},
    {"created_at": "yesterday"},
    {"created_at": 1700000000},
    {"amount_captured": None},
    {"capture_before": "2026-01-01T00:00:00"},
    {"next_action": "go"},
]


@pytest.mark.parametrize("change", WRONG, ids=str)
async def test_answers_that_are_not_as_published(
    front: Front, till: Till, change: dict[str, Any]
) -> None:
    payment = await till.create()
    front.say("POST", rf"{INTENT}/confirm", Instead(change=change))
    front.say("GET", INTENT, Instead(change=change))
    with pytest.raises(UnknownOutcome) as unknown:
        await till.confirm(payment.id)
    assert unknown.value.code == "malformed_answer"
    assert unknown.value.__cause__ is None
    with pytest.raises(Retryable) as repeatable:
        await till.gateway.retrieve(payment.id)
    assert repeatable.value.code == "malformed_answer"
    front.forget()
    assert (await till.gateway.retrieve(payment.id)).state is PaymentState.AUTHORISED


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"7", b"{", b"\xff", b"[" * 100_000])
async def test_bodies_that_are_no_objects(front: Front, till: Till, body: bytes) -> None:
    payment = await till.authorised()
    front.say("POST", rf"{INTENT}/capture", Instead(200, body))
    front.say("GET", INTENT, Instead(200, body))
    with pytest.raises(UnknownOutcome):
        await till.gateway.capture(payment.id, amount=usd(100), key=till.key("capture"))
    with pytest.raises(Retryable):
        await till.gateway.retrieve(payment.id)


async def test_an_answer_without_end_is_not_read(front: Front, till: Till) -> None:
    payment = await till.create()
    front.say("GET", INTENT, Instead(200, b" " * 1_100_000))
    with pytest.raises(Retryable, match="too long"):
        await till.gateway.retrieve(payment.id)


async def test_a_redirect_is_not_followed(front: Front, till: Till) -> None:
    payment = await till.create()
    away = Instead(307, b"", {"Location": f"{front.url}/elsewhere"})
    front.say("POST", rf"{INTENT}/confirm", away)
    with pytest.raises(UnknownOutcome):
        await till.confirm(payment.id)
    assert not any(seen.path == "/elsewhere" for seen in front.seen)


@pytest.mark.parametrize(
    "change",
    [{"amount": 499}, {"currency": "EUR"}, {"intent_id": "pay_2"}, {"reference": "x"}],
)
async def test_another_refund_than_the_one_asked_for_is_no_answer(
    front: Front, till: Till, change: dict[str, Any]
) -> None:
    payment = await till.captured()
    front.say("POST", "/refunds", Instead(change=change))
    with pytest.raises(UnknownOutcome):
        await till.refund(payment.id, 500)
    front.forget()
    assert (await till.refund(payment.id, 500)).amount == usd(500)
    assert (await till.effects()).count("refunded") == 1


async def test_lists_about_others_are_not_believed(front: Front, till: Till) -> None:
    payment = await till.captured()
    row = {
        "id": "x",
        "intent_id": "pay_2",
        "amount": 1,
        "currency": "USD",
        "created_at": "2026-01-01T00:00:00Z",
    }
    front.say("GET", "/refunds", Instead(200, {"data": [{**row, "status": "succeeded"}]}))
    front.say("GET", "/disputes", Instead(200, {"data": [{**row, "status": "open"}]}))
    for read in (till.gateway.refunds, till.gateway.disputes):
        with pytest.raises(Retryable, match="other intents"):
            await read(payment.id)


async def test_a_list_that_goes_round_in_circles_ends(front: Front, till: Till) -> None:
    row = {**intent(till)}
    front.say("GET", "/intents", Instead(200, {"data": [row], "has_more": True}))
    with pytest.raises(Retryable, match="told before"):
        await asyncio.wait_for(till.gateway.find(till.booking), 5)
    front.say("GET", "/intents", Instead(200, {"data": [], "has_more": True}))
    with pytest.raises(Retryable, match="told before"):
        await asyncio.wait_for(till.gateway.find(till.booking), 5)


async def test_a_long_list_is_read_page_by_page(
    front: Front, till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payment_service_client, "_PAGE_SIZE", 5)
    payment = await till.captured()
    made = [await till.refund(payment.id, 1, number) for number in range(1, 12)]
    assert await till.gateway.refunds(payment.id) == made
    pages = [seen.query for seen in front.seen if seen.query.get("intent_id") == payment.id]
    assert [page["limit"] for page in pages] == ["5"] * 3
    assert [page.get("after") for page in pages] == [None, made[4].id, made[9].id]


async def test_a_list_that_is_longer_than_the_time_asked_for_is_cut(
    front: Front, till: Till
) -> None:
    day = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    hour = dt.timedelta(hours=1)
    rows = [
        {**intent(till), "id": f"pay_{n}", "created_at": (day + n * hour).isoformat()}
        for n in range(4)
    ]
    front.say("GET", "/intents", Instead(200, {"data": rows}))
    listed = await till.gateway.payments(day + hour, day + 3 * hour)
    assert [payment.id for payment in listed] == ["pay_1", "pay_2"]
    assert front.seen[-1].query == {
        "created_from": "2026-01-01T01:00:00Z",
        "created_to": "2026-01-01T03:00:00Z",
        "limit": "100",
    }


@pytest.mark.parametrize("status", [404, 501])
async def test_a_service_without_disputes_knows_none(front: Front, till: Till, status: int) -> None:
    for body in (b"<h1>no</h1>", error("not_found")):
        front.say("GET", "/disputes", Instead(status, body))
        assert await till.gateway.disputes("pay_1") == []
    front.say("GET", "/disputes", Instead(503, error("down")))
    with pytest.raises(Retryable):
        await till.gateway.disputes("pay_1")
