"""What is planted in the statements about idempotency keys turns their proofs red (K1-K5)."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from models.core import idempotency as table
from tests.core import test_idempotency_keys as keys
from tests.core.test_idempotency_keys import db as db
from tests.core.test_idempotency_keys import engine as engine

Proof = Callable[..., Awaitable[None]]

OURS = ("_RENEW", "_FINISH", "_LET_GO", "_FORGET")
OVER = "k.locked_until > clock_timestamp()"
PLANTED: dict[str, tuple[tuple[str, ...], str, str, Proof, dict[str, Any]]] = {
    "K1: everybody has a key": (
        ("_CLAIM",),
        "AND (k.holder = excluded.holder OR",
        "AND (true OR",
        keys.test_of_many_at_once_one_has_it,
        {},
    ),
    "K1: bodies are not compared": (
        ("_CLAIM",),
        "k.fingerprint = excluded.fingerprint",
        "true",
        keys.test_another_request_never_takes_a_key_over,
        {},
    ),
    "K2: who died keeps a key for ever": (
        ("_CLAIM",),
        OVER,
        "true",
        keys.test_a_lease_that_is_over_is_taken_over_by_one_and_the_former_holder_is_fenced,
        {},
    ),
    "K3: who was believed dead writes": (
        OURS,
        "AND holder = :holder",
        "",
        keys.test_a_lease_that_is_over_is_taken_over_by_one_and_the_former_holder_is_fenced,
        {},
    ),
    "K3: attempts are told apart by their numbers": (
        ("_FINISH",),
        "AND holder = :holder",
        "AND attempt = 1",
        keys.test_who_comes_back_after_purge_and_a_new_claim_is_fenced,
        {},
    ),
    "K4: what is carried out is purged": (
        ("_PURGE",),
        "AND locked_until < clock_timestamp()",
        "",
        keys.test_the_purge_takes_what_expired_and_nothing_that_is_being_carried_out,
        {},
    ),
    "K4: fresh answers are purged": (
        ("_PURGE",),
        "expires_at < (SELECT clock_timestamp())",
        "expires_at - interval '1 year' < (SELECT clock_timestamp())",
        keys.test_the_purge_takes_what_expired_and_nothing_that_is_being_carried_out,
        {},
    ),
    "K5: a clock that is put back holds a key": (
        ("_CLAIM",),
        "2 * CAST(:lease AS interval)",
        "1000000 * CAST(:lease AS interval)",
        keys.test_a_clock_that_is_set_holds_no_key_longer_than_two_leases,
        {"hours": -1},
    ),
}
"""Of each: statements, what is said in them, what is said instead, and the proof that finds it."""


@pytest.mark.parametrize("what", PLANTED)
async def test_what_is_planted_is_found(
    engine: AsyncEngine, db: AsyncConnection, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    statements, was, becomes, proof, more = PLANTED[what]
    for name in statements:
        statement = getattr(table, name)
        assert was in statement.text
        planted = text(statement.text.replace(was, becomes))
        # parameters that need a type of their own have it from the statement as it was
        planted._bindparams.update(statement._bindparams)
        monkeypatch.setattr(table, name, planted)
    fixtures = {"engine": engine, "db": db}
    needed = inspect.signature(proof).parameters
    # of several holders there is one too many, or none
    with pytest.raises((AssertionError, ValueError)):
        await proof(**{name: fixtures[name] for name in fixtures.keys() & needed.keys()}, **more)
