"""Users of tests, signed in without a code."""

import uuid
from dataclasses import dataclass

import psycopg

from api.core.sessions import csrf_token
from models.accounts.sessions import token_hash
from settings import Settings


@dataclass(frozen=True)
class SignedIn:
    """A user with one session."""

    id: str
    session_id: str
    token: str
    email: str

    @property
    def bearer(self) -> dict[str, str]:
        """The headers of a program."""
        return {"Authorization": f"Bearer {self.token}"}

    def browser(self, url: str) -> dict[str, str]:
        """The headers of a browser on our own pages at ``url``, those of a change included."""
        return {
            "Cookie": f"__Host-session={self.token}",
            "Origin": url,
            "Sec-Fetch-Site": "same-origin",
            "X-CSRF-Token": csrf_token(Settings().pepper, self.session_id),
        }


def sign_in(
    database_url: str, *, admin: bool = False, second_factor: bool = False, email: str = ""
) -> SignedIn:
    """Add a user with a session, in which a second factor was proved just now or was not."""
    user = SignedIn(
        str(uuid.uuid4()),
        str(uuid.uuid4()),
        uuid.uuid4().hex,
        email or f"{uuid.uuid4().hex}@example.com",
    )
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO users (id, email, email_norm, email_verified_at, role)"
            " VALUES (%s, %s, lower(%s), now(), %s)",
            (user.id, user.email, user.email, "ADMIN" if admin else "TRAVELER"),
        )
        connection.execute(
            "INSERT INTO sessions (token_hash, id, user_id, method, expires_at, second_factor_at)"
            " VALUES (%s, %s, %s, 'EMAIL', now() + interval '30 days',"
            "  CASE WHEN %s THEN now() END)",
            (token_hash(user.token), user.session_id, user.id, second_factor),
        )
    return user
