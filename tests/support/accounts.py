"""Signing in over HTTP, and what stands in the record about it."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg

from models.core.sealing import opened
from settings import Settings

CODES = "/market/v1/auth/codes"
ME = "/market/v1/me"
CLIENT = "c" * 22


@dataclass
class Desk:
    """Reads the record, and changes it as time does."""

    url: str

    def __call__(self, statement: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def code(self, challenge_id: str) -> str:
        """The code of a challenge, out of the message that waits to be sent."""
        ((created,),) = self("SELECT created_at FROM auth_challenges WHERE id = %s", challenge_id)
        ((message, secret),) = self(
            "SELECT id::text, secret FROM messages WHERE created_at >= %s"
            " AND template = 'code' ORDER BY created_at LIMIT 1",
            created,
        )
        told = opened(Settings().key_ring, f"message:{message}", secret)
        code: str = json.loads(told)["code"]
        return code

    def let_pass(self, seconds: int) -> None:
        """Have all codes be asked for so much earlier."""
        self(
            "UPDATE auth_challenges SET created_at = created_at - %s * interval '1 second'",
            seconds,
        )


def new_email() -> str:
    return f"{uuid.uuid4().hex}@example.com"


def other(code: str) -> str:
    """Another code."""
    return f"{(int(code) + 1) % 10**6:06}"


async def challenge(http: httpx.AsyncClient, contact: dict[str, str], client: str = CLIENT) -> str:
    """Have a code sent, as a program does."""
    answer = await http.post(CODES, json={**contact, "client": client})
    assert answer.status_code == 202, answer.text
    found: str = answer.json()["challenge_id"]
    return found


async def verify(
    http: httpx.AsyncClient, challenge_id: str, code: str, client: str = CLIENT
) -> httpx.Response:
    return await http.post(f"{CODES}/{challenge_id}/verify", json={"code": code, "client": client})


async def signed_in(
    http: httpx.AsyncClient, desk: Desk, contact: dict[str, str] | None = None
) -> dict[str, Any]:
    """Sign in as a program does; returns the answer."""
    found = await challenge(http, contact or {"email": new_email()})
    answer = await verify(http, found, desk.code(found))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told
