"""What of a verified event is told on: whose payment it is about, and nothing of the traveller."""

import json
from typing import Any

import httpx
import psycopg
import pytest
import stripe
from psycopg.types.json import Jsonb

from payments.core.protocol import PaymentEvent
from payments.core.webhooks import verify
from tests.payments.conftest import Till

INTENT = {"object": "payment_intent", "id": "pi_1", "metadata": {"booking_id": "b-1"}}


def received(event: dict[str, Any]) -> PaymentEvent:
    """The event as it is after its way through the door."""
    return received_text(json.dumps(event))


def received_text(body: str) -> PaymentEvent:
    header = stripe.WebhookSignature.generate_signature_header(body, "whsec_a")
    return verify(body.encode(), {"Stripe-Signature": header}, ["whsec_a"])


def about(subject: object, kind: str = "payment_intent.succeeded", **more: Any) -> PaymentEvent:
    whole = {
        "object": "event",
        "id": "evt_1",
        "type": kind,
        "created": 1_760_000_000,
        "livemode": False,
        "data": {"object": subject},
    }
    return received(whole | more)


@pytest.mark.parametrize(
    ("subject", "payment_id", "booking_id"),
    [
        (INTENT, "pi_1", "b-1"),
        ({"object": "charge", "id": "ch_1", "payment_intent": "pi_2"}, "pi_2", None),
        (
            {
                "object": "charge",
                "id": "ch_1",
                "payment_intent": "pi_2",
                "metadata": {"booking_id": "b-2"},
            },
            "pi_2",
            "b-2",
        ),
        ({"object": "refund", "id": "re_1", "payment_intent": INTENT}, "pi_1", "b-1"),
        ({"object": "dispute", "id": "du_1", "payment_intent": "pi_3"}, "pi_3", None),
        ({"object": "dispute", "id": "du_1", "payment_intent": None}, None, None),
        ({"object": "customer", "id": "cus_1"}, None, None),
        ({"object": "payment_intent", "id": ["pi_1"]}, None, None),
        ({"object": "payment_intent", "id": "pi_1' OR 1=1"}, None, None),
        ({"object": "payment_intent", "id": "pi_" + "x" * 300}, None, None),
        (INTENT | {"metadata": {"booking_id": "a\0b"}}, "pi_1", None),
        (INTENT | {"metadata": {"booking_id": 7}}, "pi_1", None),
        (INTENT | {"metadata": None}, "pi_1", None),
        ([], None, None),
        (None, None, None),
        ("pi_1", None, None),
    ],
)
def test_whose_payment_it_is_about(
    subject: object, payment_id: str | None, booking_id: str | None
) -> None:
    event = about(subject)
    assert (event.payment_id, event.booking_id) == (payment_id, booking_id)


KNOWN = """
    payment_intent.amount_capturable_updated payment_intent.requires_action
    payment_intent.succeeded payment_intent.payment_failed payment_intent.processing
    payment_intent.canceled charge.expired charge.captured charge.refunded charge.refund.updated
    charge.dispute.created charge.dispute.updated charge.dispute.closed
    charge.dispute.funds_withdrawn charge.dispute.funds_reinstated refund.created refund.updated
    refund.failed
"""


@pytest.mark.parametrize("kind", KNOWN.split())
def test_types_that_move_money_are_known(kind: str) -> None:
    assert about(INTENT, kind).known


@pytest.mark.parametrize(
    "kind", ["customer.created", "charge.succeeded", "charge.expiredx", "xrefund.failed", "refund"]
)
def test_other_types_are_only_kept(kind: str) -> None:
    event = about(INTENT, kind)
    assert not event.known
    assert event.payload["type"] == kind


def test_another_accounts_payments_are_none_of_ours() -> None:
    event = about(INTENT, account="acct_1")
    assert not event.known
    assert (event.payment_id, event.booking_id) == (None, None)
    assert event.payload["account"] == "acct_1"


CANARY = "Canary Roe"
PERSONAL: dict[str, Any] = {
    "billing_details": {"name": CANARY, "email": CANARY, "address": {"line1": CANARY}},
    "client_secret": CANARY,
    "customer_details": {"anything": CANARY},
    "description": CANARY,
    "email": CANARY,
    "evidence": {"customer_name": CANARY, "uncategorized_text": CANARY},
    "name": CANARY,
    "next_action": {"redirect_to_url": {"url": CANARY}},
    "phone": CANARY,
    "receipt_email": CANARY,
    "receipt_number": CANARY,
    "receipt_url": CANARY,
    "shipping": {"name": CANARY, "address": {"city": CANARY}},
    "tomorrows_property": CANARY,
}


def test_nothing_of_the_traveller_is_kept() -> None:
    inner = {**PERSONAL, "object": "payment_method", "id": "pm_1"}
    subject = {
        **INTENT,
        **PERSONAL,
        "amount": 700,
        "metadata": {"booking_id": "b-1", "hold": "2", "passport": CANARY},
        "payment_method": inner,
        "last_payment_error": {"decline_code": "lost_card", "message": CANARY, **PERSONAL},
        "charges": {"object": "list", "data": [{**PERSONAL, "id": "ch_1"}]},
    }
    previous = {"amount": 800, **PERSONAL}
    event = about(subject, data={"object": subject, "previous_attributes": previous})
    assert CANARY not in event.model_dump_json()
    assert event.payload["data"]["previous_attributes"] == {"amount": 800}
    assert event.payload["data"]["object"] == {
        "object": "payment_intent",
        "id": "pi_1",
        "amount": 700,
        "metadata": {"booking_id": "b-1", "hold": "2"},
        "payment_method": {"object": "payment_method", "id": "pm_1"},
        "last_payment_error": {"decline_code": "lost_card"},
        "charges": {"object": "list", "data": [{"id": "ch_1"}]},
    }


def test_a_number_without_end_is_left_out() -> None:
    text = json.dumps(
        {
            "object": "event",
            "id": "evt_1",
            "type": "x",
            "created": 1,
            "livemode": False,
            "data": {"object": {"amount": "HERE"}},
        }
    )
    event = received_text(text.replace('"HERE"', "1e400"))
    assert event.payload["data"] == {"object": {"amount": None}}


ODD: list[Any] = [
    "NUL \0 in it",
    "half a pair \ud800",
    "\udfff\0",
    10**400,
    -(10**30),
    0.25,
    [["deep"] * 3] * 200,
    "x" * 100_000,
]


@pytest.mark.parametrize("odd", ODD)
def test_postgresql_keeps_whatever_is_kept(odd: Any, empty_database_url: str) -> None:
    deep: Any = odd
    for _ in range(50):
        deep = {"data": deep, "reason": odd}
    event = about(INTENT | {"reason": odd, "amount": odd, "status": deep})
    with psycopg.connect(empty_database_url) as connection:
        row = connection.execute("select %s::jsonb", [Jsonb(event.payload)]).fetchone()
    assert row == (event.payload,)
    assert len(json.dumps(event.payload)) < 50_000


async def test_every_event_of_a_payments_life_is_understood(till: Till) -> None:
    payment = await till.captured(9_000, "pm_card_createDispute")
    secured = await till.create(hold=2)
    await till.confirm(secured.id, "pm_card_threeDSecure2Required", attempt=2)
    await till.gateway.cancel(secured.id, key=till.key("cancel"))
    async with httpx.AsyncClient(
        base_url=f"{till.sandbox.url}/stripe/v1", headers={"Authorization": "Bearer sk_test_x"}
    ) as dashboard:
        listed = (await dashboard.get("/events", params={"limit": "100"})).json()["data"]
    mine = [event for event in listed if till.booking in json.dumps(event)]
    assert len(mine) >= 9
    for raw in mine:
        event = received(raw)
        assert event.payment_id in {payment.id, secured.id}
        # disputes carry no metadata of the payment: its id leads to the booking
        assert event.booking_id == (None if "dispute" in event.type else till.booking)
        assert event.known == (event.type != "charge.succeeded")
        assert "_secret_" not in event.model_dump_json()
        assert "_authenticate" not in event.model_dump_json()
