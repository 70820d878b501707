"""The table of idempotency keys alone: claims, leases, fencing, purging, on PostgreSQL."""

import asyncio
import datetime as dt
import hashlib
import random
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from models.core import idempotency as table
from models.core.database import create_engine
from models.core.idempotency import Claimed, Found, Slot, StoredAnswer, Times
from settings import Settings

TIMES = Times(lease=dt.timedelta(seconds=30), keep=dt.timedelta(hours=72))
NOW = dt.timedelta()
ONE, OTHER = hashlib.sha256(b"one").digest(), hashlib.sha256(b"other").digest()
HOUR = dt.timedelta(hours=1)


def answer(said: str = "done") -> StoredAnswer:
    return StoredAnswer(201, {"location": f"/{said}"}, said.encode())


def slot() -> Slot:
    key = hashlib.sha256(uuid.uuid4().bytes).digest()
    return Slot("caller:test", "POST /test", key)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    settings = Settings(database={"url": database_url})
    engine = create_engine(settings.database.sqlalchemy_url, pool_size=20)
    yield engine
    await engine.dispose()


@pytest.fixture
async def db(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        yield connection


async def claim(
    db: AsyncConnection, where: Slot, fingerprint: bytes = ONE, holder: str | None = None
) -> Claimed | Found | None:
    return await table.claim(
        db,
        where,
        fingerprint=fingerprint,
        operation_id=str(uuid.uuid4()),
        holder=holder or str(uuid.uuid4()),
        times=TIMES,
    )


async def claimed(db: AsyncConnection, where: Slot) -> Claimed:
    found = await claim(db, where)
    assert isinstance(found, Claimed), found
    return found


async def moved(db: AsyncConnection, where: Slot, column: str, by: dt.timedelta) -> None:
    """Have a moment of the row be another one: what a clock that is set does to it."""
    await db.execute(
        text(
            f"UPDATE idempotency_keys SET {column} = {column} + :by"
            " WHERE route = :route AND key_hash = :key_hash"
        ),
        {"by": by, "route": where.route, "key_hash": where.key_hash},
    )


async def test_of_many_at_once_one_has_it(engine: AsyncEngine) -> None:
    for _ in range(10):
        where = slot()

        async def ask(where: Slot = where) -> Claimed | Found | None:
            auto = engine.execution_options(isolation_level="AUTOCOMMIT")
            async with auto.connect() as connection:
                while (found := await claim(connection, where)) is None:
                    pass
                return found

        found = await asyncio.gather(*(ask() for _ in range(20)))
        assert sum(isinstance(one, Claimed) for one in found) == 1
        assert all(one.answer is None for one in found if isinstance(one, Found))


async def test_what_was_answered_is_found(db: AsyncConnection) -> None:
    where = slot()
    mine = await claimed(db, where)
    assert await table.finish(db, mine, answer(), TIMES)
    assert await claim(db, where) == Found(ONE, answer())
    assert await table.look(db, where, TIMES) == Found(ONE, answer())
    await moved(db, where, "locked_until", -HOUR)
    assert await claim(db, where) == Found(ONE, answer())  # an answer is never taken over


async def test_another_request_never_takes_a_key_over(db: AsyncConnection) -> None:
    where = slot()
    mine = await claimed(db, where)
    await table.let_go(db, mine)
    found = await claim(db, where, OTHER)
    assert isinstance(found, Found)
    assert found.fingerprint == ONE


async def test_a_lease_that_is_over_is_taken_over_by_one_and_the_former_holder_is_fenced(
    engine: AsyncEngine, db: AsyncConnection
) -> None:
    where = slot()
    dead = await claimed(db, where)
    await moved(db, where, "locked_until", -HOUR)
    auto = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def ask() -> Claimed | Found | None:
        async with auto.connect() as connection:
            return await claim(connection, where)

    found = await asyncio.gather(*(ask() for _ in range(20)))
    (heir,) = (one for one in found if isinstance(one, Claimed))
    assert heir.attempt == 2
    # whatever it does when it comes back to life: nothing of it counts
    assert not await table.renew(db, dead, TIMES)
    assert not await table.finish(db, dead, answer("late"), TIMES)
    assert not await table.let_go(db, dead)
    assert not await table.forget(db, dead)
    assert await table.finish(db, heir, answer("heir"), TIMES)
    assert await claim(db, where) == Found(ONE, answer("heir"))


async def test_a_renewed_lease_is_not_taken_over(db: AsyncConnection) -> None:
    where = slot()
    mine = await claimed(db, where)
    await moved(db, where, "locked_until", -dt.timedelta(seconds=25))
    assert await table.renew(db, mine, TIMES)
    await moved(db, where, "locked_until", -dt.timedelta(seconds=25))
    found = await claim(db, where)
    assert isinstance(found, Found)
    assert not found.free


async def test_a_claim_that_is_repeated_is_the_same_claim(db: AsyncConnection) -> None:
    """The connection may die when it was committed and not answered."""
    where, holder = slot(), str(uuid.uuid4())
    first = await claim(db, where, holder=holder)
    again = await claim(db, where, holder=holder)
    assert isinstance(first, Claimed)
    assert isinstance(again, Claimed)
    assert await table.finish(db, again, answer(), TIMES)


async def test_only_a_first_attempt_frees_its_key(db: AsyncConnection) -> None:
    where = slot()
    assert await table.forget(db, await claimed(db, where))
    assert await table.look(db, where, TIMES) is None
    await table.let_go(db, await claimed(db, where))
    second = await claimed(db, where)
    assert second.attempt == 2
    assert not await table.forget(db, second)
    assert isinstance(await claim(db, where, OTHER), Found)


async def test_who_comes_back_after_purge_and_a_new_claim_is_fenced(db: AsyncConnection) -> None:
    """Both are first attempts: the number of the attempt alone would not tell them apart."""
    where = slot()
    old = await claimed(db, where)
    await moved(db, where, "locked_until", -HOUR)
    await moved(db, where, "expires_at", -100 * HOUR)
    assert await table.purge(db, after=NOW) == 1
    new = await claimed(db, where)
    assert (old.attempt, new.attempt) == (1, 1)
    assert not await table.finish(db, old, answer("old"), TIMES)
    assert await table.finish(db, new, answer("new"), TIMES)


@pytest.mark.parametrize("hours", [-24 * 365, -1, 1, 24 * 365])
async def test_a_clock_that_is_set_holds_no_key_longer_than_two_leases(
    db: AsyncConnection, hours: int
) -> None:
    """The row says what the clock said before: the database's has moved by so much since."""
    where = slot()
    dead = await claimed(db, where)
    for column in ("locked_until", "created_at", "expires_at"):
        await moved(db, where, column, -hours * HOUR)
    heir = await claimed(db, where)
    assert heir.attempt == 2
    assert not await table.finish(db, dead, answer("late"), TIMES)
    assert await table.finish(db, heir, answer(), TIMES)


async def test_a_clock_that_is_slowed_down_a_little_takes_nothing_away(
    db: AsyncConnection,
) -> None:
    where = slot()
    await claimed(db, where)
    await moved(db, where, "locked_until", dt.timedelta(seconds=1))
    assert isinstance(await claim(db, where), Found)


async def test_the_purge_takes_what_expired_and_nothing_that_is_being_carried_out(
    db: AsyncConnection,
) -> None:
    await table.purge(db, after=NOW)
    fresh, expired, running, dead = slot(), slot(), slot(), slot()
    for where in (fresh, expired):
        await table.finish(db, await claimed(db, where), answer(), TIMES)
    for where in (running, dead):
        await claimed(db, where)
    await moved(db, dead, "locked_until", -HOUR)
    for where in (expired, running, dead):
        await moved(db, where, "expires_at", -72 * HOUR - dt.timedelta(minutes=30))
    assert await table.purge(db) == 0  # an hour later, not at once
    for where in (expired, running, dead):
        await moved(db, where, "expires_at", -HOUR)
    assert await table.purge(db, batch=1) == 1
    assert await table.purge(db) == 1
    left = [await table.look(db, where, TIMES) for where in (fresh, expired, running, dead)]
    assert [one is not None for one in left] == [True, False, True, False]


# -- any order ---------------------------------------------------------------------------------


@dataclass
class Model:
    """What should be in one row, as simply as it can be said."""

    holder: str | None = None
    fingerprint: bytes | None = None
    """None: there is no row."""
    alive: bool = False
    expired: bool = False
    attempt: int = 0
    answer: StoredAnswer | None = None
    claims: list[Claimed] = field(default_factory=list)

    def takes(self, fingerprint: bytes) -> bool:
        if self.fingerprint is None:
            return True
        return self.answer is None and not self.alive and self.fingerprint == fingerprint

    def owned_by(self, one: Claimed) -> bool:
        return self.fingerprint is not None and self.answer is None and self.holder == one.holder

    def gone(self) -> None:
        self.fingerprint = self.holder = self.answer = None


async def _step(db: AsyncConnection, rng: random.Random, where: Slot, model: Model) -> str:
    """Do something, to the row and to the model; both must say the same."""
    some = rng.choice(model.claims) if model.claims else None
    match rng.choice(["claim", "claim", "finish", "let_go", "forget", "renew", "time", "purge"]):
        case "claim":
            fingerprint = rng.choice([ONE, ONE, OTHER])
            found = await claim(db, where, fingerprint)
            if not model.takes(fingerprint):
                assert found == Found(model.fingerprint or b"", model.answer)
                return "refused"
            assert isinstance(found, Claimed)
            model.attempt = 1 if model.fingerprint is None else model.attempt + 1
            assert found.attempt == model.attempt
            model.holder, model.fingerprint = found.holder, fingerprint
            model.alive, model.expired = True, False
            model.claims.append(found)
            return "claimed"
        case "finish" if some:
            said = answer(uuid.uuid4().hex)
            ours = model.owned_by(some)
            assert await table.finish(db, some, said, TIMES) is ours
            if ours:
                model.answer, model.alive, model.expired = said, False, False
            return "finished" if ours else "fenced"
        case "let_go" if some:
            ours = model.owned_by(some)
            assert await table.let_go(db, some) is ours
            model.alive = model.alive and not ours
            return "let go" if ours else "fenced"
        case "forget" if some:
            ours = model.owned_by(some) and model.attempt == 1
            assert await table.forget(db, some) is ours
            if ours:
                model.gone()
            return "forgotten" if ours else "fenced"
        case "renew" if some:
            ours = model.owned_by(some)
            assert await table.renew(db, some, TIMES) is ours
            model.alive = model.alive or ours
            return "renewed" if ours else "fenced"
        case "time":
            if rng.random() < 0.5:
                by = rng.choice([-HOUR, 400 * 24 * HOUR])  # it passes, or the clock is put back
                await moved(db, where, "locked_until", by)
                model.alive = False
                return "lease over"
            await moved(db, where, "expires_at", -100 * HOUR)
            model.expired = True
            return "expired"
        case "purge":
            await moved(db, where, "locked_until", NOW)
            due = model.fingerprint is not None and model.expired and not model.alive
            far = await db.scalar(
                text(
                    "SELECT locked_until > now() + interval '1 day' FROM idempotency_keys"
                    " WHERE key_hash = :k"
                ),
                {"k": where.key_hash},
            )
            gone = await table.purge(db, after=NOW)
            if due and not far:
                assert gone >= 1
                model.gone()
                return "purged"
            assert (await table.look(db, where, TIMES) is None) is (model.fingerprint is None)
            return "nothing to purge"
    return "nothing"


@pytest.mark.parametrize(
    "seed", [*range(6), *(pytest.param(n, marks=pytest.mark.exhaustive) for n in range(6, 200))]
)
async def test_any_order_of_steps_ends_as_the_model_says(db: AsyncConnection, seed: int) -> None:
    rng, seen = random.Random(seed), set()
    for _ in range(10):
        where, model = slot(), Model()
        for _ in range(25):
            seen.add(await _step(db, rng, where, model))
            found = await table.look(db, where, TIMES)
            if model.fingerprint is None:
                assert found is None
            else:
                assert found is not None
                assert (found.fingerprint, found.answer) == (model.fingerprint, model.answer)
                assert found.free is (model.answer is None and not model.alive)
    assert {"claimed", "refused", "finished", "fenced", "let go", "lease over"} <= seen
