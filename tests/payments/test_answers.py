"""Answers no sandbox gives: rate limits, HTML of a proxy, wrong shapes, nobody there."""

import asyncio
import datetime as dt
import json
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from activities.core.failures import problem
from api.trips.presenters.booking import book_answer
from models.bookings.lifecycle import BookingState
from models.bookings.problems import Code
from models.core.errors import (
    AuthConfig,
    Declined,
    InvalidRequest,
    ProviderError,
    Retryable,
    UnknownOutcome,
)
from models.core.money import Money
from models.payments.messages import Advice
from payments.core.declines import explain
from payments.stripe.adapter import StripeGateway
from tests.support.fake_trip import trip_request

INTENT: dict[str, Any] = {
    "id": "pi_1",
    "object": "payment_intent",
    "status": "requires_capture",
    "amount": 1000,
    "amount_received": 0,
    "currency": "usd",
}
CHARGE: dict[str, Any] = {
    "object": "charge",
    "id": "ch_1",
    "amount": 1000,
    "amount_captured": 700,
    "amount_refunded": 0,
    "captured": True,
}


@asynccontextmanager
async def answering(
    body: bytes | dict[str, Any], status: int = 200, *headers: str
) -> AsyncIterator[StripeGateway]:
    """A gateway at a server that always says the same."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                await reader.readexactly(int(line.split(b":")[1]))
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(sent)}", "Connection: close"]
        writer.write("\r\n".join([*lines, *headers, "", ""]).encode() + sent)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    gateway = StripeGateway(key="sk_test_x", url=f"http://127.0.0.1:{port}", timeout=2)
    async with server:
        yield gateway
    await gateway.close()


def confirming(gateway: StripeGateway) -> Coroutine[Any, Any, object]:
    return gateway.confirm("pi_1", payment_method_id="pm_1", key="k")


async def failing(gateway: StripeGateway, operation: str) -> ProviderError:
    match operation:
        case "retrieve":
            call: Coroutine[Any, Any, object] = gateway.retrieve("pi_1")
        case "create":
            call = gateway.create(amount=Money(amount=1, currency="USD"), reference="b", key="k")
        case _:
            call = confirming(gateway)
    with pytest.raises(ProviderError) as failure:
        await call
    return failure.value


@pytest.mark.parametrize("operation", ["retrieve", "confirm"])
async def test_nobody_there_means_nothing_sent(operation: str) -> None:
    with socket.socket() as bound:  # bound but not listening: refused
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        gateway = StripeGateway(key="sk_test_x", url=url, timeout=2)
        assert isinstance(await failing(gateway, operation), Retryable)
        await gateway.close()


async def test_a_rate_limit_says_when_to_come_again() -> None:
    body = {"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "slow"}}
    async with answering(body, 429, "Retry-After: 7") as gateway:
        error = await failing(gateway, "confirm")
    assert isinstance(error, Retryable)
    assert error.retry_after == dt.timedelta(seconds=7)


async def test_forbidden_is_for_an_operator() -> None:
    body = {"error": {"type": "invalid_request_error", "message": "no permission"}}
    async with answering(body, 403) as gateway:
        assert isinstance(await failing(gateway, "confirm"), AuthConfig)


@pytest.mark.parametrize(
    ("operation", "kind"), [("retrieve", Retryable), ("confirm", UnknownOutcome)]
)
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<html>bad gateway: pi_1_secret_x</html>", 502),
        (b"<html>hello: pi_1_secret_x</html>", 200),
        (b"", 200),
        (b"[]", 200),
        (b"null", 200),
        (b"\xff\xfe", 200),
        ({**INTENT, "status": "brand_new"}, 200),
        ({**INTENT, "amount": "1000"}, 200),
        ({**INTENT, "amount": -1}, 200),
        ({**INTENT, "currency": "nope"}, 200),
        ({key: value for key, value in INTENT.items() if key != "amount"}, 200),
        ({"object": "customer", "id": "cus_1"}, 200),
    ],
)
async def test_what_is_no_answer(
    body: bytes | dict[str, Any], status: int, operation: str, kind: type[ProviderError]
) -> None:
    async with answering(body, status) as gateway:
        error = await failing(gateway, operation)
    assert type(error) is kind
    assert "secret" not in str(error)


@pytest.mark.parametrize("operation", ["confirm", "capture", "cancel"])
async def test_while_the_bank_is_still_at_it_nothing_is_refused(operation: str) -> None:
    error = {
        "type": "invalid_request_error",
        "code": "payment_intent_unexpected_state",
        "message": "This PaymentIntent has a status of processing.",
        "payment_intent": INTENT | {"status": "processing"},
    }
    async with answering({"error": error}, 400) as gateway:
        calls = {
            "confirm": confirming(gateway),
            "capture": gateway.capture("pi_1", amount=Money(amount=1, currency="USD"), key="k"),
            "cancel": gateway.cancel("pi_1", key="k"),
        }
        chosen = calls.pop(operation)
        for other in calls.values():
            other.close()
        with pytest.raises(Retryable) as waiting:
            await chosen
    assert waiting.value.code == "processing"


@pytest.mark.parametrize(
    ("operation", "message", "param", "code"),
    [
        ("confirm", "Your account cannot currently make live charges. See https://x", None, None),
        ("create", "This feature is not enabled for account acct_1EXAMPLE", None, None),
        ("create", "Unexpected automatic_payment_methods", "automatic_payment_methods", None),
        ("create", "Amount must be at least 50 usd", "amount", "amount_too_small"),
    ],
)
async def test_what_is_wrong_with_the_account_or_with_us_is_no_decline(
    operation: str, message: str, param: str | None, code: str | None
) -> None:
    error = {"type": "invalid_request_error", "message": message, "param": param, "code": code}
    async with answering({"error": error}, 400) as gateway:
        refused = await failing(gateway, operation)
    assert type(refused) is InvalidRequest
    told = problem(refused, step="authorise")
    assert told.code is Code.CONFIGURATION
    assert message in told.message, "operators read it"
    booking = trip_request().new_booking(dt.datetime.now(dt.UTC))
    booking.state, booking.problem = BookingState.FAILED, told
    answer = book_answer(booking).model_dump_json()
    assert message not in answer
    assert "another card" not in answer


async def test_a_payment_method_that_cannot_be_used_is_a_declined_card() -> None:
    error = {
        "type": "invalid_request_error",
        "code": "resource_missing",
        "message": "No such PaymentMethod: 'pm_x'",
        "param": "payment_method",
    }
    async with answering({"error": error}, 404) as gateway:
        refused = await failing(gateway, "confirm")
    assert isinstance(refused, Declined)
    assert explain(refused.code).advice is Advice.OTHER_CARD


ADVICE = {
    "type": "card_error",
    "code": "card_declined",
    "decline_code": "generic_decline",
    "advice_code": "do_not_try_again",
    "message": "Your card was declined.",
}


async def test_the_banks_advice_comes_with_a_decline_and_stays_with_the_payment() -> None:
    async with answering({"error": ADVICE}, 402) as gateway:
        refused = await failing(gateway, "confirm")
    failed = INTENT | {"status": "requires_payment_method", "last_payment_error": ADVICE}
    async with answering(failed) as gateway:
        payment = await gateway.retrieve("pi_1")
    assert isinstance(refused, Declined)
    assert refused.code == payment.decline_code == "do_not_try_again"
    assert explain(refused.code).advice is Advice.DO_NOT_RETRY


@pytest.mark.parametrize(
    ("charge", "captured", "refunded"),
    [
        (CHARGE, 700, 0),
        (CHARGE | {"amount_refunded": 300}, 700, 300),
        (CHARGE | {"amount_refunded": 700}, 700, 700),
        (CHARGE | {"amount_captured": 1000, "amount_refunded": 250}, 1000, 250),
        (CHARGE | {"amount_captured": 0, "captured": False}, 0, 0),
    ],
)
async def test_what_is_refunded_is_what_was_taken_and_given_back(
    charge: dict[str, Any], captured: int, refunded: int
) -> None:
    body = INTENT | {"status": "succeeded", "amount_received": captured, "latest_charge": charge}
    async with answering(body) as gateway:
        payment = await gateway.retrieve("pi_1")
    assert (payment.captured, payment.refunded) == (captured, refunded)
