"""``tripsaga users`` and ``tripsaga login``, against a real record and a real API."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from tests.api.conftest import lonely as lonely
from tests.api.server import Served
from tests.commands.conftest import Tripsaga
from tests.support.accounts import Desk
from tests.support.users import SignedIn, sign_in

Users = Callable[..., Result]
NOBODY = "00000000-0000-4000-8000-00000000dead"


@pytest.fixture
def users(tripsaga: Tripsaga, database_url: str) -> Users:
    def run(*words: str) -> Result:
        return tripsaga("users", *words, DATABASE_URL=database_url)

    return run


@pytest.fixture
def desk(database_url: str) -> Desk:
    return Desk(database_url)


@pytest.fixture
def ada(database_url: str) -> SignedIn:
    return sign_in(database_url)


def done(answer: Result) -> str:
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def test_users_are_listed_and_made_admins(users: Users, ada: SignedIn) -> None:
    done(users("grant-admin", ada.email.upper().replace("COM", "com")))
    listed = json.loads(done(users("list", "--admins", "--json")))
    assert [one["role"] for one in listed if one["id"] == ada.id] == ["ADMIN"]
    assert ada.id in done(users("list"))
    done(users("revoke-admin", ada.id))
    listed = json.loads(done(users("list", "--admins", "--json")))
    assert ada.id not in [one["id"] for one in listed]


def test_a_blocked_user_has_no_session(users: Users, desk: Desk, ada: SignedIn) -> None:
    done(users("block", ada.id))
    alive = "SELECT count(*) FROM sessions WHERE user_id = %s AND revoked_at IS NULL"
    assert desk(alive, ada.id) == [(0,)]
    assert desk("SELECT status FROM users WHERE id = %s", ada.id) == [("BLOCKED",)]
    done(users("unblock", ada.id))
    assert desk("SELECT status FROM users WHERE id = %s", ada.id) == [("ACTIVE",)]
    assert desk(alive, ada.id) == [(0,)]
    whats = desk("SELECT what FROM user_events WHERE user_id = %s ORDER BY id", ada.id)
    assert whats == [("made blocked",), ("made active",)]


def test_a_second_factor_is_reset_told_and_noted(users: Users, desk: Desk, ada: SignedIn) -> None:
    desk(
        "INSERT INTO second_factors (user_id, secret, confirmed_at) VALUES (%s, 'x', now())", ada.id
    )
    desk("UPDATE sessions SET second_factor_at = now() WHERE user_id = %s", ada.id)
    assert users("reset-second-factor", ada.id).exit_code == 2, "nobody is there to be asked"
    done(users("reset-second-factor", ada.id, "--yes"))
    assert desk("SELECT count(*) FROM second_factors WHERE user_id = %s", ada.id) == [(0,)]
    assert desk("SELECT second_factor_at FROM sessions WHERE user_id = %s", ada.id) == [(None,)]
    told = desk("SELECT template FROM messages WHERE recipient = %s", ada.email)
    assert told == [("second_factor_reset",)]
    noted = desk("SELECT who, what FROM user_events WHERE user_id = %s", ada.id)
    assert noted == [("operator at the command line", "reset second factor")]


@pytest.mark.parametrize("who", [NOBODY, "nobody@example.com", "+12025550100", "nobody"])
def test_nobody_is_changed_who_is_not_there(users: Users, who: str) -> None:
    answer = users("block", who)
    assert answer.exit_code == 3
    assert "users list" in answer.output


def test_a_code_is_asked_for_where_no_mailbox_tells_it(
    tripsaga: Tripsaga, lonely: Served, var: Path, desk: Desk
) -> None:
    address = f"{uuid.uuid4().hex}@example.com"
    refused = tripsaga("login", "--email", address, said="000000\n", TRIPSAGA_API_URL=lonely.url)
    assert refused.exit_code == 3
    assert "CODE_REFUSED" in refused.output
    assert not (var / "session").exists()
    assert tripsaga("login").exit_code == 2
    unfit = tripsaga("login", "--phone", "12", TRIPSAGA_API_URL=lonely.url)
    assert unfit.exit_code == 3
