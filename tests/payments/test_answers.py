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
from activities.payments.views import Terms, view
from models.bookings.lifecycle import PaymentStatus
from models.bookings.problems import Code
from models.core.errors import (
    AuthConfig,
    Declined,
    ProviderError,
    Refusal,
    Retryable,
    UnknownOutcome,
)
from models.core.money import Money
from models.payments.messages import Advice
from payments.core.declines import explain
from payments.core.protocol import Refund
from payments.stripe.adapter import StripeGateway
from payments.stripe.shapes import DisputeAnswer, IntentAnswer

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
    call = gateway.retrieve("pi_1") if operation == "retrieve" else confirming(gateway)
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


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (429, "Retry-After: 7", 7),
        (429, "Retry-After: 86400", 600),
        (429, "Retry-After: soon", None),
        (429, "Retry-After: Wed, 21 Oct 2015 07:00:30 GMT", 30),
        (409, "Retry-After: Wed, 21 Oct 2015 07:00:30 GMT", 30),
        (429, "RateLimit-Reset: 7", 7),
        (409, "RateLimit-Reset: 7", None),
    ],
)
async def test_a_rate_limit_says_when_to_come_again(
    status: int, header: str, seconds: int | None
) -> None:
    body = {"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "slow"}}
    date = "Date: Wed, 21 Oct 2015 07:00:00 GMT"
    async with answering(body, status, date, header) as gateway:
        error = await failing(gateway, "confirm")
    assert isinstance(error, Retryable)
    assert error.retry_after == (None if seconds is None else dt.timedelta(seconds=seconds))


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


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (
            {
                "type": "invalid_request_error",
                "message": "Your account cannot currently make live charges. See https://x.test",
            },
            Code.INTERNAL,
        ),
        (
            {
                "type": "invalid_request_error",
                "code": "account_invalid",
                "message": "The payment method is not enabled for account acct_1EXAMPLE",
            },
            Code.CONFIGURATION,
        ),
        (
            {
                "type": "invalid_request_error",
                "code": "parameter_unknown",
                "param": "automatic_payment_methods",
                "message": "Unexpected automatic_payment_methods",
            },
            Code.INTERNAL,
        ),
        (
            {
                "type": "invalid_request_error",
                "code": "amount_too_small",
                "param": "amount",
                "message": "Amount must be at least 50 usd",
            },
            Code.AMOUNT_TOO_SMALL,
        ),
        (
            {
                "type": "invalid_request_error",
                "code": "resource_missing",
                "param": "payment_method",
                "message": "No such PaymentMethod: 'pm_x'",
            },
            Code.PAYMENT_DECLINED,
        ),
    ],
)
async def test_only_what_a_card_is_refused_for_is_a_decline(
    error: dict[str, Any], code: Code
) -> None:
    async with answering({"error": error}, 400) as gateway:
        with pytest.raises(Refusal) as refused:
            await gateway.confirm("pi_1", payment_method_id="pm_x", key="k")
    assert str(refused.value) == error["message"], "for operators, in the attempt log"
    told = problem(refused.value, step="authorise")
    assert told.code is code
    if code is not Code.PAYMENT_DECLINED:
        assert error["message"] not in told.message


@pytest.mark.parametrize("step", ["refund", "undo"])
@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (400, {"code": "balance_insufficient", "message": "Too little"}, Code.PAYMENT_DOWN),
        (400, {"code": "account_invalid", "message": "Not enabled"}, Code.CONFIGURATION),
        (403, {"message": "no permission"}, Code.CONFIGURATION),
        (402, {"type": "card_error", "message": "The card is closed"}, Code.PAYMENT_DOWN),
    ],
)
async def test_a_refund_that_is_refused_is_no_fault_of_the_trip(
    status: int, error: dict[str, Any], code: Code, step: str
) -> None:
    async with answering({"error": {"type": "invalid_request_error"} | error}, status) as gateway:
        with pytest.raises(Refusal) as refused:
            await gateway.refund(
                "pi_1", amount=Money(amount=1, currency="USD"), reference="r", key="k"
            )
    told = problem(refused.value, step=step)
    assert told.code is code
    assert told.message == f"stripe refused it: {error['message']}", "for operators, in the case"


def dispute_answer(**more: Any) -> dict[str, Any]:
    return {
        "object": "dispute",
        "id": "du_1",
        "payment_intent": "pi_1",
        "charge": {**CHARGE, "currency": "usd", "amount_captured": 195_404},
        "amount": 180_000,
        "currency": "eur",
        "status": "needs_response",
        "reason": "fraudulent",
        "created": 1_790_000_000,
        **more,
    }


@pytest.mark.parametrize(
    ("moved", "amount"),
    [
        ([{"amount": -120_000, "currency": "usd"}], 120_000),
        ([{"amount": -179_000, "currency": "chf"}], 195_404),
        ([], 195_404),
    ],
)
def test_a_dispute_in_another_currency_is_not_booked_one_to_one(
    moved: list[dict[str, Any]], amount: int
) -> None:
    answer = DisputeAnswer.model_validate(dispute_answer(balance_transactions=moved))
    dispute = answer.dispute("pi_1")
    assert dispute.amount == Money(amount=amount, currency="USD")
    assert dispute.reason == "fraudulent, claimed: 1,800.00 EUR"


def test_a_charge_that_is_not_there_yet_does_not_hide_a_refund() -> None:
    intent = {**INTENT, "status": "succeeded", "amount_received": 1000, "latest_charge": None}
    payment = IntentAnswer.model_validate(intent).payment()
    refund = Refund(
        id="re_1",
        amount=Money(amount=1000, currency="USD"),
        status="succeeded",
        created_at=dt.datetime.now(dt.UTC),
    )
    terms = Terms("b", "pi_1", None, "USD", 1000, 1)
    seen = view(payment, terms, [refund])
    assert (seen.refunded, seen.status) == (1000, PaymentStatus.REFUNDED)
    failed = refund.model_copy(update={"status": "failed"})
    assert view(payment, terms, [failed]).refunded == 0
