"""Codes and authenticators between two transactions, one step at a time."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from models.accounts import challenges, users
from models.accounts.challenges import Asked, Guess, Limits
from models.accounts.errors import CodeRefused, TooManyCodes
from models.accounts.identities import Address, email_address
from models.core.database import Sessions, create_engine, create_sessions, direct
from models.core.sealing import opened
from settings import Settings

UNLIMITED = Limits(network=0, country=0)


@pytest.fixture
async def sessions(database_url: str) -> AsyncIterator[Sessions]:
    engine = create_engine(Settings(database={"url": database_url}).database.sqlalchemy_url)
    yield create_sessions(engine)
    await engine.dispose()


@pytest.fixture
def settings() -> Settings:
    return Settings()


def somebody() -> Address:
    return email_address(f"{uuid.uuid4().hex}@example.com")


async def asked(sessions: Sessions, settings: Settings, address: Address) -> str:
    async with sessions.begin() as session:
        sent = await challenges.ask(
            session,
            settings.pepper,
            settings.key_ring,
            Asked(address, "client", "192.0.2.1"),
            UNLIMITED,
        )
    return sent.challenge_id


async def guessed(sessions: Sessions, challenge_id: str) -> Guess:
    async with direct(sessions) as connection:
        return await challenges.guess(connection, challenge_id, None)


async def test_one_of_two_right_codes_wins(sessions: Sessions, settings: Settings) -> None:
    address = somebody()
    challenge = await asked(sessions, settings, address)
    both = [await guessed(sessions, challenge) for _ in range(2)]
    ring = settings.key_ring

    async def use(guess: Guess) -> str:
        async with sessions.begin() as session:
            return await challenges.consume(session, ring, guess)

    async with sessions() as first:
        async with first.begin():
            assert await challenges.consume(first, ring, both[0]) == address.typed
            second = asyncio.create_task(use(both[1]))
            await asyncio.sleep(0.2)
            assert not second.done(), "it waits for the first"
        with pytest.raises(CodeRefused):
            await second


async def test_a_code_that_fails_to_sign_in_is_not_used_up(
    sessions: Sessions, settings: Settings
) -> None:
    """The process dies before it commits: the code works still, and the guess is counted."""
    address = somebody()
    challenge = await asked(sessions, settings, address)
    guess = await guessed(sessions, challenge)
    async with sessions() as session, session.begin() as transaction:
        await users.sign_in(session, settings.pepper, settings.key_ring, guess, "")
        await transaction.rollback()
    again = await guessed(sessions, challenge)
    assert again.attempts_left == 3
    async with sessions.begin() as session:
        found = await users.sign_in(session, settings.pepper, settings.key_ring, again, "")
    assert found.session is not None


async def test_a_newer_code_ends_one_that_was_just_right(
    sessions: Sessions, settings: Settings
) -> None:
    address = somebody()
    challenge = await asked(sessions, settings, address)
    guess = await guessed(sessions, challenge)
    async with sessions.begin() as session:
        await session.execute(
            text("UPDATE auth_challenges SET created_at = now() - interval '1 day'")
        )
    await asked(sessions, settings, address)
    with pytest.raises(CodeRefused):
        async with sessions.begin() as session:
            await challenges.consume(session, settings.key_ring, guess)


async def test_of_many_who_ask_at_once_one_is_sent_a_code(
    sessions: Sessions, settings: Settings
) -> None:
    address = somebody()
    asking = (asked(sessions, settings, address) for _ in range(8))
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert sorted(type(one) is TooManyCodes for one in found) == [False] + [True] * 7


async def test_two_first_codes_of_one_person_make_one_account(sessions: Sessions) -> None:
    address = somebody()
    async with sessions.begin() as one, sessions.begin() as two:
        made = await users._proved(one, address)
        second = asyncio.create_task(users._proved(two, address))
        await asyncio.sleep(0.2)
        assert not second.done()
        await one.commit()
        assert (await second).id == made.id


async def test_what_waits_in_the_outbox_is_of_its_own_row_only(
    sessions: Sessions, settings: Settings
) -> None:
    challenge = await asked(sessions, settings, somebody())
    async with sessions() as session:
        row = (
            await session.execute(
                text("SELECT id::text, secret FROM messages ORDER BY created_at DESC LIMIT 1")
            )
        ).one()
    told = opened(settings.key_ring, f"message:{row.id}", row.secret)
    assert len(json.loads(told)["code"]) == 6
    with pytest.raises(Exception, match="this is no value of"):
        opened(settings.key_ring, f"message:{challenge}", row.secret)
