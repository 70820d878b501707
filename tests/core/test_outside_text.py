"""What suppliers and gateways say is stored, whatever is in it."""

import datetime as dt
import json
import logging
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from activities.core.attempts import AttemptLog, Intent
from logs import JsonLines
from models.core.attempts import ATTEMPTS
from models.core.cases import CASES, CaseKind, open_case
from models.core.database import Sessions, create_engine, create_sessions
from models.core.errors import InvalidRequest, Unavailable, UnknownOutcome
from models.core.incoming import without_card_numbers
from models.core.text import storable, storable_json
from settings import Settings
from tests.suppliers.health import planting

NO_WAIT = dt.timedelta(0)
NASTY = "sold\x00out \ud83d \U0001f600"
MENDED = "sold\ufffdout \ufffd \U0001f600"


@pytest.fixture
async def sessions(database_url: str) -> AsyncIterator[Sessions]:
    engine = create_engine(Settings(database={"url": database_url}).database.sqlalchemy_url)
    yield create_sessions(engine)
    await engine.dispose()


@pytest.fixture
def intent(database_url: str) -> Intent:
    def run(statement: str, **_: Any) -> list[dict[str, Any]]:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(statement)
        return []

    booking = planting.booking(run)
    return Intent(booking, "someone", "book", f"v1:{booking}:1:book:1", item=1)


class Answer(BaseModel):
    id: str
    details: dict[str, Any]


async def attempt(sessions: Sessions, key: str) -> Any:
    async with sessions() as session:
        return (await session.execute(select(ATTEMPTS).where(ATTEMPTS.c.key == key))).one()


# -- the text ------------------------------------------------------------------------------------

ANY_TEXT = st.text(st.characters(codec=None, categories=None))


@given(ANY_TEXT | st.text())
def test_storable_text_changes_only_what_cannot_be_stored(words: str) -> None:
    mended = storable(words)
    assert "\x00" not in mended
    mended.encode()
    assert storable(mended) == mended
    if "\x00" not in words and not any("\ud800" <= letter <= "\udfff" for letter in words):
        assert mended == words


def test_names_within_json_are_mended_too() -> None:
    content = {"a\x00": [NASTY, {"b": ("\ud800", 1, None, 1.5, True)}]}
    assert storable_json(content) == {"a\ufffd": [MENDED, {"b": ["\ufffd", 1, None, 1.5, True]}]}


# -- where it is stored --------------------------------------------------------------------------


async def test_a_refusal_in_words_that_cannot_be_stored_is_a_refusal(
    sessions: Sessions, intent: Intent
) -> None:
    async def act(_version: int) -> Answer:
        raise Unavailable(
            NASTY, provider="someone", operation="book", code="E\x001", request_id="r\x00"
        )

    log, began = AttemptLog(sessions), time.monotonic()
    for _ in range(2):  # made, and found on record
        with pytest.raises(Unavailable, match=MENDED) as caught:
            await log.once(intent, Answer, act, look_up=None, repeat_after=NO_WAIT)
        assert caught.value.code == "E\ufffd1"
    assert time.monotonic() - began < 5
    row = await attempt(sessions, intent.key)
    assert (row.outcome, row.message) == ("refused", MENDED)
    assert (row.provider_code, row.request_id) == ("E\ufffd1", "r\ufffd")


async def test_what_a_supplier_says_is_cleaned_before_it_is_stored(
    sessions: Sessions, intent: Intent, caplog: pytest.LogCaptureFixture
) -> None:
    """Controls and card numbers go; the field stays; a log line names nobody."""
    said = "passport X1234567 of MUELLER/ANA\x1b[2J refused (paid with 4242 4242-4242 4242, a@b.c)"
    kept = r"passport X1234567 of MUELLER/ANA\x1b[2J refused (paid with [card number], a@b.c)"
    field = "travelers[1].document.number"

    async def act(_version: int) -> Answer:
        raise InvalidRequest(said, provider="someone", operation="book", field=field)

    log = AttemptLog(sessions)
    intent = replace(intent, names=("Ana", "Müller"))
    with caplog.at_level(logging.INFO, "tripsaga.calls"):
        for _ in range(2):  # made, and found on record
            with pytest.raises(InvalidRequest) as caught:
                await log.once(intent, Answer, act, look_up=None, repeat_after=NO_WAIT)
            assert (str(caught.value), caught.value.plain) == (kept, False)
            assert caught.value.field == field
    (line,) = caplog.records
    written = json.loads(JsonLines().format(line))
    assert written["field"] == field
    assert written["said"].startswith("passport … of …/…")
    assert "refused" in written["said"]
    assert "a@b.c" not in written["said"]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("card 4111111111111111.", "card [card number]."),
        ("4111-1111 1111/1111 and 4915", "[card number] and 4915"),
        ("order 2031030120310309", "order 2031030120310309"),
        ("id 11111111-1111-1111-8111-111111111117", "id 11111111-1111-1111-8111-111111111117"),
    ],
)
def test_card_numbers_are_left_out(said: str, kept: str) -> None:
    assert without_card_numbers(said) == kept


async def test_an_answer_with_words_that_cannot_be_stored_is_kept(
    sessions: Sessions, intent: Intent
) -> None:
    async def act(_version: int) -> Answer:
        return Answer(id="ord\x001", details={"pin": "12\x0034", "literally": "\\u0000"})

    log, began = AttemptLog(sessions), time.monotonic()
    await log.once(intent, Answer, act, look_up=None, repeat_after=NO_WAIT)
    assert time.monotonic() - began < 5
    row = await attempt(sessions, intent.key)
    assert (row.outcome, row.provider_id) == ("done", "ord\ufffd1")
    assert row.result["details"] == {"pin": "12\ufffd34", "literally": "\\u0000"}


async def test_cases_and_raw_statements_take_any_text(sessions: Sessions) -> None:
    source = f"webhook:{uuid.uuid4()}"
    async with sessions.begin() as session:
        await open_case(
            session,
            kind=CaseKind.WEBHOOK,
            source=source,
            summary=NASTY,
            details={"answer": NASTY},
        )
        row = (await session.execute(select(CASES).where(CASES.c.source == source))).one()
        assert (row.summary, row.details) == (MENDED, {"answer": MENDED})
        assert await session.scalar(text("SELECT CAST(:it AS text)"), {"it": NASTY}) == MENDED
        await session.rollback()


async def test_an_outcome_the_database_refuses_is_not_tried_for_a_minute(
    sessions: Sessions, intent: Intent
) -> None:
    async def act(_version: int) -> Answer:
        raise UnknownOutcome("no", provider="someone", operation="book", status=10**12)

    began = time.monotonic()
    with pytest.raises(DBAPIError, match="out of range"):
        await AttemptLog(sessions).once(intent, Answer, act, look_up=None, repeat_after=NO_WAIT)
    assert time.monotonic() - began < 5
    assert (await attempt(sessions, intent.key)).outcome is None, "unknown: it is looked up"
