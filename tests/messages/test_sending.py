"""Mails by real SMTP and texts by HTTP: sent once, again after trouble, never too late."""

import asyncio
import contextlib
import datetime as dt
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from activities.messages.loop import MessageLoop, Messages
from activities.messages.mail import MailSender, compose
from activities.messages.outcomes import NotTaken
from activities.messages.texts import TwilioTexts
from models.core.database import Sessions, create_engine, create_sessions
from models.messages import outbox
from models.messages.outbox import Claimed, Message
from models.messages.tables import Channel
from models.messages.templates import Template, Words
from settings import Settings
from settings.parts import SmtpSettings
from tests.ledger.conftest import scratch_url as scratch_url
from tests.support.sandbox_client import SandboxClient


@dataclass
class Post:
    """An outbox, and what arrives of it."""

    sessions: Sessions
    sandbox: SandboxClient
    settings: Settings
    messages: Messages = field(init=False)

    def __post_init__(self) -> None:
        self.messages = self.sender()

    def sender(self, *, smtp: str | None = None, seconds: float = 2) -> Messages:
        given = self.settings.smtp if smtp is None else SmtpSettings(url=SecretStr(smtp))
        return Messages(
            self.sessions,
            self.settings.key_ring,
            MailSender(given, self.settings.mail_from, timeout=seconds),
            TwilioTexts(self.settings, timeout=seconds),
        )

    async def post(
        self, recipient: str, *, lives: float | None = 300, channel: Channel = Channel.EMAIL
    ) -> str:
        message = Message(
            channel,
            recipient,
            Template.CODE,
            {"minutes": 5, "contact": False},
            secret={"code": "123456"},
            lives=None if lives is None else dt.timedelta(seconds=lives),
        )
        async with self.sessions.begin() as session:
            return await outbox.post(session, self.settings.key_ring, message)

    async def claim(self, lease: float = 60) -> list[Claimed]:
        async with self.sessions.begin() as session:
            return [*await outbox.claim(session, 100, lease=dt.timedelta(seconds=lease))]

    async def row(self, message_id: str) -> Any:
        async with self.sessions() as session:
            return (
                await session.execute(
                    text("SELECT * FROM messages WHERE id = :id"), {"id": message_id}
                )
            ).one()

    async def hasten(self) -> None:
        """Have what waits for another attempt be due now."""
        async with self.sessions.begin() as session:
            await session.execute(text("UPDATE messages SET due_at = now() WHERE state = 'QUEUED'"))

    async def arrived(self, recipient: str, kind: str = "mails") -> list[dict[str, Any]]:
        answer = await self.sandbox.http.get("/mailbox", params={"to": recipient})
        found: list[dict[str, Any]] = answer.json()[kind]
        return found

    @contextlib.asynccontextmanager
    async def working(self, messages: Messages | None = None) -> AsyncIterator[None]:
        stop = asyncio.Event()
        running = asyncio.create_task(MessageLoop(messages or self.sender()).run(stop, 5))
        yield
        stop.set()
        await running

    async def ended(self, message_id: str) -> Any:
        async with asyncio.timeout(30):
            while (row := await self.row(message_id)).state == "QUEUED":
                await asyncio.sleep(0.05)
        return row


@pytest.fixture
async def post(scratch_url: str, sandbox: SandboxClient) -> AsyncIterator[Post]:
    smtp = (await sandbox.http.get("/mailbox")).json()["smtp"]
    settings = Settings(database={"url": scratch_url}, sandbox_url=sandbox.url, smtp={"url": smtp})
    engine = create_engine(settings.database.sqlalchemy_url)
    sessions = create_sessions(engine)
    async with sessions.begin() as session:
        await session.execute(text("DELETE FROM messages"))
    found = Post(sessions, sandbox, settings)
    yield found
    await found.messages.close()
    await engine.dispose()


def somebody() -> str:
    return f"{uuid.uuid4().hex}@example.com"


def number() -> str:
    return f"+1202{uuid.uuid4().int % 10**7:07}"


async def test_a_mail_arrives_once_and_its_code_stays_nowhere(post: Post) -> None:
    ada = somebody()
    async with post.working(), post.working():
        message = await post.post(ada)
        assert b"123456" not in (await post.row(message)).secret
        row = await post.ended(message)
    assert (row.state, row.secret, row.attempts) == ("SENT", None, 1)
    assert "123456" not in json.dumps(row.content)
    (mail,) = await post.arrived(ada)
    assert "123456 is your code to sign in" in mail["text"]
    assert mail["subject"] == "Your code to sign in"
    assert mail["message_id"] == f"<{message}@example.com>"
    headers = dict(mail["headers"])
    assert (headers["To"], headers["From"]) == (ada, post.settings.mail_from)
    assert headers["Auto-Submitted"] == "auto-generated"


async def test_many_messages_are_shared_by_many_workers(post: Post) -> None:
    people = [somebody() for _ in range(40)]
    messages = [await post.post(one) for one in people]
    async with post.working(), post.working(), post.working():
        rows = [await post.ended(one) for one in messages]
    assert {(row.state, row.attempts) for row in rows} == {("SENT", 1)}
    assert [len(await post.arrived(one)) for one in people] == [1] * 40


@pytest.mark.parametrize(
    ("kind", "state", "attempts", "arrived"),
    [
        ("refuse", "FAILED", 1, 0),
        ("error", "SENT", 2, 1),
        ("reset", "SENT", 2, 1),
        ("slow", "SENT", 1, 1),
        ("hang", "SENT", 2, 1),
        # kept, and cut off before we heard so: nobody can know, and it has the same Message-ID
        ("commit_then_error", "SENT", 2, 2),
    ],
)
async def test_trouble_of_the_mail_server(
    post: Post, kind: str, state: str, attempts: int, arrived: int
) -> None:
    ada = somebody()
    seconds = {"slow": 0.3, "hang": 2.5}.get(kind)
    more = {} if seconds is None else {"seconds": seconds}
    await post.sandbox.arm("mail", "deliver", kind, nth=1, times=1, reference=ada, **more)
    message = await post.post(ada)
    sender = post.sender(seconds=1)
    for _ in range(attempts):
        (claimed,) = await post.claim()
        await sender.deliver(claimed)
        await post.hasten()
    row = await post.row(message)
    assert (row.state, row.attempts, row.secret) == (state, attempts, None)
    found = await post.arrived(ada)
    assert [one["message_id"] for one in found] == [f"<{message}@example.com>"] * arrived
    if kind == "refuse":
        assert "550" in row.last_error


async def test_a_server_that_starts_again_gets_what_has_waited(post: Post) -> None:
    """Whatever is wrong with the server itself says nothing about the mail."""
    ada = somebody()
    message = await post.post(ada)
    for smtp in ("smtp://127.0.0.1:1", ""):
        (claimed,) = await post.claim()
        await post.sender(smtp=smtp).deliver(claimed)
        assert (await post.row(message)).state == "QUEUED"
        await post.hasten()
    async with post.working():
        assert (await post.ended(message)).state == "SENT"
    assert len(await post.arrived(ada)) == 1


async def test_a_login_that_is_refused_is_mended_and_not_the_mails_fault(post: Post) -> None:
    url = post.settings.smtp.url.get_secret_value().replace("smtp://", "smtp://ada:wrong@")
    message = await post.post(somebody())
    (claimed,) = await post.claim()
    await post.sender(smtp=url).deliver(claimed)
    row = await post.row(message)
    assert row.state == "QUEUED"
    assert "wrong" not in row.last_error


async def test_encryption_that_is_demanded_is_not_left_out(post: Post) -> None:
    settings = SmtpSettings(url=post.settings.smtp.url, starttls="required")
    with pytest.raises(NotTaken):
        await MailSender(settings, post.settings.mail_from).send(
            "1", somebody(), Words("s", "b"), dt.datetime.now(dt.UTC)
        )


async def test_whoever_dies_after_sending_has_it_sent_again_under_its_name(post: Post) -> None:
    ada = somebody()
    message = await post.post(ada)
    (dead,) = await post.claim(lease=0)
    await post.messages._send(dead)  # and then the process is killed
    async with post.working():
        row = await post.ended(message)
    assert (row.state, row.attempts) == ("SENT", 2)
    mails = await post.arrived(ada)
    assert [one["message_id"] for one in mails] == [f"<{message}@example.com>"] * 2
    assert mails[0]["headers"] == mails[1]["headers"]
    async with post.sessions.begin() as session:  # what the dead one would have written
        await outbox.given_up(session, dead, "late")
    assert (await post.row(message)).state == "SENT"


async def test_a_code_is_not_sent_late(post: Post) -> None:
    ada = somebody()
    message = await post.post(ada, lives=-1)
    async with post.working():
        row = await post.ended(message)
    assert (row.state, row.secret, row.attempts) == ("FAILED", None, 0)
    assert "too late" in row.last_error
    assert await post.arrived(ada) == []


async def test_a_message_is_given_up_after_its_last_attempt(post: Post) -> None:
    message = await post.post(somebody(), lives=None)
    sender = post.sender(smtp="smtp://127.0.0.1:1")
    for _ in range(9):
        (claimed,) = await post.claim()
        await sender.deliver(claimed)
        await post.hasten()
    row = await post.row(message)
    assert (row.state, row.attempts, row.secret) == ("FAILED", 9, None)


@pytest.mark.parametrize(
    ("kind", "state", "attempts", "arrived"),
    [
        ("refuse", "FAILED", 1, 0),
        ("error", "SENT", 2, 1),
        ("reset", "SENT", 2, 1),
        ("", "SENT", 1, 1),
    ],
)
async def test_texts(post: Post, kind: str, state: str, attempts: int, arrived: int) -> None:
    ada = number()
    if kind:
        await post.sandbox.arm("texts", "send", kind, nth=1, times=1, reference=ada)
    message = await post.post(ada, channel=Channel.SMS)
    for _ in range(attempts):
        (claimed,) = await post.claim()
        await post.messages.deliver(claimed)
        await post.hasten()
    row = await post.row(message)
    assert (row.state, row.attempts, row.secret) == (state, attempts, None)
    found = await post.arrived(ada, "texts")
    assert len(found) == arrived
    assert all("123456 is your code" in one["text"] for one in found)
    if kind == "refuse":
        assert "21610" in row.last_error


@pytest.mark.parametrize(
    ("recipient", "subject"),
    [
        ("ada@example.com\r\nBcc: eve@example.com", "s"),
        ("ada@example.com, eve@example.com", "s"),
        ("ada@example.com", "s\r\nBcc: eve@example.com"),
        ("ada@example.com", "s\nX: y"),
    ],
)
def test_nothing_can_become_another_header(recipient: str, subject: str) -> None:
    with pytest.raises(NotTaken) as refused:
        compose("1", "us@example.com", recipient, Words(subject, "b"), dt.datetime.now(dt.UTC))
    assert refused.value.for_good


async def test_a_domain_with_letters_is_sent_to_as_servers_know_it(post: Post) -> None:
    name = uuid.uuid4().hex
    message = await post.post(f"{name}@b\u00fccher.example")
    (claimed,) = await post.claim()
    await post.messages.deliver(claimed)
    assert (await post.row(message)).state == "SENT"
    assert len(await post.arrived(f"{name}@xn--bcher-kva.example")) == 1


async def test_the_mailbox_is_a_page_for_browsers(post: Post) -> None:
    await post.post(somebody())
    async with post.working():
        pass
    async with httpx.AsyncClient(base_url=post.sandbox.url) as http:
        answer = await http.get(
            "/mailbox", params={"to": "<script>"}, headers={"Accept": "text/html"}
        )
    assert answer.headers["content-type"].startswith("text/html")
    assert "<script>" not in answer.text
