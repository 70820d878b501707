"""What is certain after a fault, and what is not (reliability.md rule 1)."""

import asyncio
from collections.abc import Callable, Coroutine
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
from tests.payments.conformity.conftest import MAKERS
from tests.payments.conftest import Till, usd

TIMEOUT = 1.5
"""Seconds that the gateway waits here."""

Call = Callable[[Till, str], Coroutine[Any, Any, object]]
WRITES: dict[str, tuple[str, Call]] = {
    "create": ("", lambda till, _: till.create()),
    "confirm": ("created", lambda till, pi: till.confirm(pi)),
    "capture": (
        "authorised",
        lambda till, pi: till.gateway.capture(pi, amount=usd(5_000), key=till.key("capture")),
    ),
    "cancel": ("authorised", lambda till, pi: till.gateway.cancel(pi, key=till.key("cancel"))),
    "refund": ("captured", lambda till, pi: till.refund(pi, 500)),
}
DONE = {
    "create": "created",
    "confirm": "authorised",
    "capture": "captured",
    "cancel": "released",
    "refund": "refunded",
}
READS: dict[str, Call] = {
    "retrieve": lambda till, pi: till.gateway.retrieve(pi),
    "find": lambda till, _: till.gateway.find(till.booking),
    "refunds": lambda till, pi: till.gateway.refunds(pi),
    "disputes": lambda till, pi: till.gateway.disputes(pi),
}


async def prepare(till: Till, state: str) -> str:
    if state == "":
        # The gateway has proved itself: what follows is the call in question and nothing else.
        await Till(till.gateway, till.sandbox).create()
        return ""
    if state == "created":
        return (await till.create()).id
    return (await (till.authorised() if state == "authorised" else till.captured())).id


async def each_write(till: Till, kind: str, check: Callable[[Till, str, str], Any]) -> None:
    """Let every write meet a fault of a kind, at once, each for a payment of its own."""

    async def one(operation: str) -> None:
        own = Till(till.gateway, till.sandbox)
        payment = await prepare(own, WRITES[operation][0])
        await own.arm(operation, kind, seconds=TIMEOUT + 0.3)
        await check(own, operation, payment)

    await asyncio.gather(*(one(operation) for operation in WRITES))


@pytest.mark.parametrize(
    "kind",
    ["error", "reset", "hang", "commit_then_hang", "late_commit", "commit_then_error", "malformed"],
)
async def test_a_write_without_a_reliable_answer_is_unknown(till: Till, kind: str) -> None:
    async def unknown(own: Till, operation: str, payment: str) -> None:
        with pytest.raises(UnknownOutcome) as error:
            await WRITES[operation][1](own, payment)
        assert (error.value.operation, error.value.provider) == (operation, till.gateway.name)
        assert "_secret_" not in str(error.value)

    await each_write(till, kind, unknown)


async def test_a_write_unanswered_by_a_lost_connection_is_done_once_when_repeated(
    till: Till,
) -> None:
    async def repeated(own: Till, operation: str, payment: str) -> None:
        for _ in range(2):
            try:
                await WRITES[operation][1](own, payment)
            except UnknownOutcome:
                continue
        assert (await own.effects()).count(DONE[operation]) == 1

    await each_write(till, "commit_then_hang", repeated)


async def test_a_write_delivered_twice_is_done_once(till: Till) -> None:
    async def twice(own: Till, operation: str, payment: str) -> None:
        before = await own.effects()
        await WRITES[operation][1](own, payment)
        assert len(await own.effects()) == len(before) + 1

    await each_write(till, "duplicate", twice)


@pytest.mark.parametrize("kind", ["error", "reset", "hang", "malformed"])
async def test_a_read_without_an_answer_may_be_repeated(till: Till, kind: str) -> None:
    async def one(read: Call) -> None:
        own = Till(till.gateway, till.sandbox)
        payment = await prepare(own, "captured")
        await own.arm("retrieve", kind, seconds=TIMEOUT + 0.3)
        with pytest.raises(Retryable):
            await read(own, payment)
        await read(own, payment)

    await asyncio.gather(*(one(read) for read in READS.values()))


@pytest.mark.parametrize(
    ("operation", "error", "code"),
    [
        ("confirm", Declined, "generic_decline"),
        ("capture", Declined, "authorisation_expired"),
        ("cancel", InvalidRequest, None),
        ("refund", InvalidRequest, "balance_insufficient"),
    ],
)
async def test_refusals(
    till: Till, operation: str, error: type[ProviderError], code: str | None
) -> None:
    state, call = WRITES[operation]
    payment = await prepare(till, state)
    await till.arm(operation, "refuse")
    with pytest.raises(error) as refused:
        await call(till, payment)
    assert code in (None, refused.value.code)
    assert refused.value.status is not None


async def test_a_key_in_use_may_be_repeated(till: Till) -> None:
    payment = await till.authorised()
    await till.arm("capture", "slow", seconds=0.7)
    first = asyncio.create_task(WRITES["capture"][1](till, payment.id))
    await asyncio.sleep(0.2)
    with pytest.raises(Retryable):
        await WRITES["capture"][1](till, payment.id)
    await first
    await WRITES["capture"][1](till, payment.id)
    assert (await till.effects()).count("captured") == 1


@pytest.mark.parametrize("name", MAKERS)
async def test_a_wrong_key_is_an_operators_matter(name: str, sandbox_url: str) -> None:
    gateway = MAKERS[name](sandbox_url, key="wrong")
    for call in (
        gateway.retrieve("pi_x"),
        gateway.create(amount=usd(100), reference="b", key="k"),
    ):
        with pytest.raises(AuthConfig) as refused:
            await call
        assert refused.value.status == 401
    await gateway.close()


@pytest.mark.parametrize("name", MAKERS)
async def test_nobody_there(name: str) -> None:
    """Nothing listens on port 9: nothing was sent, so everything may be repeated."""
    gateway = MAKERS[name]("http://127.0.0.1:9")
    for call in (
        gateway.retrieve("pi_x"),
        gateway.create(amount=usd(100), reference="b", key="k"),
        gateway.capture("pi_x", amount=usd(100), key="k"),
        gateway.refund("pi_x", amount=usd(100), reference="r", key="k"),
    ):
        with pytest.raises(Retryable):
            await call
    await gateway.close()
