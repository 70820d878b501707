"""What each HTTP status means for the saga."""

import datetime as dt
from typing import Any

import pytest

from models.core.errors import (
    AuthConfig,
    Declined,
    InvalidRequest,
    ProviderError,
    Retryable,
    UnknownOutcome,
)
from tests.payments.conftest import Till, usd
from tests.payments.payment_service.conftest import INTENT, error
from tests.payments.payment_service.fronted import Front, Instead

MEANINGS: list[tuple[int, Any, type[ProviderError], type[ProviderError], str | None]] = [
    # status, body, what it means for a write, what for a read, code
    (400, error("bad"), InvalidRequest, InvalidRequest, "bad"),
    (400, b"<h1>no</h1>", InvalidRequest, Retryable, None),
    (401, error("unauthorized"), AuthConfig, AuthConfig, "unauthorized"),
    (403, b"", AuthConfig, AuthConfig, None),
    (402, error("stolen_card"), Declined, Declined, "stolen_card"),
    (402, b"", Declined, Declined, None),
    (404, error("not_found"), InvalidRequest, InvalidRequest, "resource_missing"),
    (404, b"", AuthConfig, Retryable, None),
    (408, b"", Retryable, Retryable, None),
    (409, error("idempotency_key_in_use"), Retryable, Retryable, "idempotency_key_in_use"),
    (409, b"", Retryable, Retryable, None),
    (422, error("exceeds_captured"), InvalidRequest, InvalidRequest, "charge_already_refunded"),
    (422, error("idempotency_key_reused"), InvalidRequest, InvalidRequest, "idempotency_error"),
    (429, error("slow_down"), Retryable, Retryable, "slow_down"),
    (500, error("internal"), UnknownOutcome, Retryable, "internal"),
    (502, b"<h1>no</h1>", UnknownOutcome, Retryable, None),
    (503, b"", UnknownOutcome, Retryable, None),
]


@pytest.mark.parametrize(("status", "body", "write", "read", "code"), MEANINGS)
async def test_statuses(
    front: Front,
    till: Till,
    status: int,
    body: Any,
    write: type[ProviderError],
    read: type[ProviderError],
    code: str | None,
) -> None:
    response = Instead(status, body, {"X-Request-Id": "req_7"})
    front.say("POST", "/refunds", response)
    front.say("GET", r"/intents/\w+", response)
    with pytest.raises(write) as written:
        await till.refund("pay_1", 500)
    with pytest.raises(read) as unread:
        await till.gateway.retrieve("pay_1")
    assert type(written.value) is write
    assert type(unread.value) is read
    assert (unread.value.code, unread.value.status) == (code, status)
    assert unread.value.request_id == "req_7"
    assert (written.value.operation, unread.value.operation) == ("refund", "retrieve")


@pytest.mark.parametrize(
    ("header", "value", "seconds"),
    [
        ("Retry-After", "7", 7),
        ("Retry-After", "86400", 600),
        ("Retry-After", "soon", None),
        ("Retry-After", "-1", 0),
        ("Retry-After", "9" * 40, 600),
        ("Retry-After", "Wed, 21 Oct 2093 07:00:00 GMT", 600),
        ("X-RateLimit-Reset", "7", 7),
    ],
)
async def test_how_long_to_wait(
    front: Front, till: Till, header: str, value: str, seconds: int | None
) -> None:
    front.say("GET", r"/intents/\w+", Instead(429, error("slow_down"), {header: value}))
    with pytest.raises(Retryable) as later:
        await till.gateway.retrieve("pay_1")
    assert later.value.retry_after == (None if seconds is None else dt.timedelta(seconds=seconds))


async def test_long_words_of_the_service_are_cut(front: Front, till: Till) -> None:
    talkative = {"error": {"code": "bad", "message": "x" * 5_000}}
    front.say("GET", r"/intents/\w+", Instead(400, talkative))
    with pytest.raises(InvalidRequest) as refused:
        await till.gateway.retrieve("pay_1")
    assert len(str(refused.value)) <= 300


async def test_a_state_that_changes_between_is_read_again(front: Front, till: Till) -> None:
    """A wrong state is no failure when the payment is where it was to go."""
    held = await till.authorised()
    front.say("POST", rf"{INTENT}/capture", Instead(409, error("wrong_state")))
    with pytest.raises(InvalidRequest) as refused:
        await till.gateway.capture(held.id, amount=usd(100), key=till.key("capture"))
    assert refused.value.code == "wrong_state"
    front.say("GET", INTENT, Instead(503, b""))
    with pytest.raises(Retryable):
        await till.gateway.capture(held.id, amount=usd(100), key=till.key("capture"))
