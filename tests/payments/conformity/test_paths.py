"""Ids of payments, methods and references are data: none changes which request is made."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.core.errors import ProviderError
from models.core.money import Money
from payments.core.protocol import Gateway
from tests.payments.conformity.conftest import MAKERS
from tests.suppliers.conftest import Reply, Scripted
from tests.support.injection import INJECTED, NASTY, fits

PUBLISHED = {
    "stripe": (
        "POST /stripe/v1/payment_intents",
        "POST /stripe/v1/payment_intents/{}/confirm",
        "POST /stripe/v1/payment_intents/{}/capture",
        "POST /stripe/v1/payment_intents/{}/cancel",
        "GET /stripe/v1/payment_intents/{}?expand[0]",
        "GET /stripe/v1/payment_intents/search?query&limit&expand[0]",
        "GET /stripe/v1/payment_intents?created[gte]&created[lt]&limit&expand[0]",
        "POST /stripe/v1/refunds",
        "GET /stripe/v1/refunds?payment_intent&limit",
        "GET /stripe/v1/refunds?payment_intent&limit&starting_after",
        "GET /stripe/v1/disputes?payment_intent&limit&expand[0]",
        "GET /stripe/v1/disputes?payment_intent&limit&starting_after&expand[0]",
        "GET /stripe/v1/payment_methods/{}",
    ),
    "payment_service": (
        "POST /payment_service/api/v1/payments/intents",
        "GET /payment_service/api/v1/payments/intents?reference&hold",
        "GET /payment_service/api/v1/payments/intents?reference&hold&limit",
        "GET /payment_service/api/v1/payments/intents/{}",
        "POST /payment_service/api/v1/payments/intents/{}/confirm",
        "POST /payment_service/api/v1/payments/intents/{}/capture",
        "POST /payment_service/api/v1/payments/intents/{}/cancel",
        "POST /payment_service/api/v1/payments/refunds",
        "GET /payment_service/api/v1/payments/refunds?intent_id",
        "GET /payment_service/api/v1/payments/refunds?intent_id&limit",
        "GET /payment_service/api/v1/payments/refunds?intent_id&limit&after",
        "GET /payment_service/api/v1/payments/disputes?intent_id&limit",
        "GET /payment_service/api/v1/payments/disputes?intent_id&limit&after",
        "GET /payment_service/api/v1/payments/payment-methods/{}",
    ),
}
ONE = Money(amount=1, currency="USD")


def page(name: str, text: str) -> Reply:
    """One page of a list whose next begins after an entry with this id."""
    refund = {
        "id": text,
        "intent_id": "pi_1",
        "payment_intent": "pi_1",
        "object": "refund",
        "amount": 1,
        "currency": "usd" if name == "stripe" else "USD",
        "status": "succeeded",
        "created": 1,
        "created_at": "2031-01-01T00:00:00Z",
    }
    return Reply(200, {"object": "list", "data": [refund], "has_more": True})


async def course(gateway: Gateway, text: str) -> None:
    """Call everything about a payment, a method and a reference of this name."""
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: gateway.create(amount=ONE, reference=text, key="key"),
        lambda: gateway.confirm(text, payment_method_id="pm_1", key="key"),
        lambda: gateway.confirm("pi_1", payment_method_id=text, key="key"),
        lambda: gateway.capture(text, amount=ONE, key="key"),
        lambda: gateway.cancel(text, key="key"),
        lambda: gateway.refund(text, amount=ONE, reference=text, key="key"),
        lambda: gateway.retrieve(text),
        lambda: gateway.find(text),
        lambda: gateway.refunds(text),
        lambda: gateway.refunds("pi_1"),
        lambda: gateway.disputes(text),
        lambda: gateway.payment_method(text),
    ]
    for call in calls:
        with contextlib.suppress(ProviderError):
            await call()


@pytest.mark.parametrize("name", MAKERS)
def test_no_id_changes_a_request(name: str) -> None:
    server = Scripted()

    async def heard(text: str) -> list[tuple[str, list[str]]]:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        gateway = MAKERS[name](f"http://127.0.0.1:{port}")
        first = "limit=100"
        server.replies = {first: [page(name, text)]}
        server.heads = []
        await course(gateway, text)
        await gateway.close()
        listening.close()
        return [
            (line, sorted(header.lower() for header, _ in headers))
            for line, headers in server.heads
        ]

    with asyncio.Runner() as runner:
        usual = {str(headers) for _, headers in runner.run(heard("pi_1"))}
        assert len({line for line, _ in runner.run(heard("pi_1"))}) >= 5

        @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(NASTY | st.just(INJECTED) | st.just(".."))
        def whatever(text: str) -> None:
            for line, headers in runner.run(heard(text)):
                assert fits(line, PUBLISHED[name]), (text, line)
                assert str(headers) in usual, (text, line, headers)

        whatever()
